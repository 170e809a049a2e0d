import { createInterface } from 'node:readline'
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
export async function readNewPassword(terminal: Terminal): Promise<string> {
  if (!terminal.input.isTTY) return (await text(terminal.input)).replace(/\r?\n$/, '')
  const password = await ask(terminal, 'New password: ')
  const again = await ask(terminal, 'Again: ')
  if (password !== again) throw new Error('The two passwords are not the same. Nothing was changed.')
  return password
}

/** One line, not shown while it is typed. */
async function ask({ input, prompts }: Terminal, prompt: string): Promise<string> {
  prompts.write(prompt)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  try {
    return await new Promise((resolve, reject) => {
      reader.once('line', resolve)
      reader.once('close', () => reject(new Cancelled('Cancelled. Nothing was changed.')))
    })
  } finally {
    reader.close()
    prompts.write('\n')
  }
}
