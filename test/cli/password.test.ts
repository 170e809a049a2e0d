import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { Cancelled, readNewPassword } from '../../src/cli/password.ts'

/** A terminal on which somebody types, key by key. `shown` is all that it shows. */
function terminal({ isTTY }: { isTTY: boolean }) {
  const input = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.ReadStream & PassThrough
  const prompts = new PassThrough()
  return { input, prompts, shown: text(prompts) }
}

/** Types an answer when the next prompt is shown. */
async function answers({ input, prompts }: ReturnType<typeof terminal>, lines: string[]): Promise<void> {
  for (const line of lines) {
    await new Promise<void>((resolve) => {
      prompts.on('data', function listen(chunk: Buffer) {
        if (!chunk.toString().endsWith(': ')) return
        prompts.off('data', listen)
        resolve()
      })
    })
    input.write(line)
  }
}

test('asks twice at a terminal and shows nothing of what is typed', async () => {
  const at = terminal({ isTTY: true })
  const typed = answers(at, ['correct horse\r', 'correct horse\r'])
  expect(await readNewPassword(at)).toBe('correct horse')
  await typed
  at.prompts.end()
  expect(await at.shown).toBe('New password: \nAgain: \n')
})

test('takes no password that was typed in two ways', async () => {
  const at = terminal({ isTTY: true })
  const typed = answers(at, ['correct horse\r', 'correct house\r'])
  await expect(readNewPassword(at)).rejects.toThrow('not the same')
  await typed
})

test.each([
  ['Ctrl+C', '\u0003'],
  ['Ctrl+D', '\u0004'],
])('%s ends it', async (_name, key) => {
  const at = terminal({ isTTY: true })
  const typed = answers(at, [key])
  await expect(readNewPassword(at)).rejects.toThrow(Cancelled)
  await typed
})

test.each([
  ['correct horse\n', 'correct horse'],
  ['correct horse\r\n', 'correct horse'],
  ['correct horse', 'correct horse'],
  [' spaces stay \n\n', ' spaces stay \n'],
])('takes %j from a pipe', async (piped, password) => {
  const at = terminal({ isTTY: false })
  at.input.end(piped)
  expect(await readNewPassword(at)).toBe(password)
})
