import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

/** What a command asks for passwords through. */
export interface Terminal {
  input: NodeJS.ReadStream
  /** Prompts go here, so that standard output stays clean. */
  prompts: NodeJS.WritableStream
}

/** Somebody pressed Ctrl+C or Ctrl+D at a prompt. */
export class Cancelled extends Error {}

/** A new password: asked for twice without echo at a terminal, else all of standard input without its last line break. */
export async function readNewPassword({ input, prompts }: Terminal): Promise<string> {
  if (!input.isTTY) return (await text(input)).replace(/\r?\n$/, '')
  // One reader from before the first prompt to the end: whenever there is none, the terminal itself shows what is typed.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  try {
    const password = await ask(reader, prompts, 'New password: ')
    const again = await ask(reader, prompts, 'Again: ')
    if (password !== again) throw new Error('The two passwords are not the same. Nothing was changed.')
    return password
  } finally {
    reader.close()
  }
}

async function ask(reader: Interface, prompts: NodeJS.WritableStream, prompt: string): Promise<string> {
  try {
    return await new Promise((resolve, reject) => {
      reader.once('line', resolve)
      reader.once('close', () => reject(new Cancelled('Cancelled. Nothing was changed.')))
      prompts.write(prompt)
    })
  } finally {
    prompts.write('\n')
  }
}
