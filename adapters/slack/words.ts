/** Orders that are written as a message: these words and nothing else. Everything else is a question. */
export type Word = 'stop' | 'new' | 'mute' | 'help' | 'continue' | 'link' | 'forget me'

const words: ReadonlySet<string> = new Set<Word>(['stop', 'new', 'mute', 'help', 'continue', 'link', 'forget me'])

/** Between others these are everyday language: there they are orders only where we are spoken to. */
export const onlyAddressed: ReadonlySet<Word> = new Set<Word>(['continue', 'link', 'forget me'])

/** A code as it is shown, `ABCD-EFGH`; phones make other dashes of the one that is typed. */
const linkWithCode = /^link\s+([0-9a-z]{4})[-‐‑–—]([0-9a-z]{4})$/i

/** The order a message is, if it is one. `code`: the one that is entered with `link`. */
export function wordOf(text: string): { word: Word; code?: string } | undefined {
  // Copied from where we told how to write it, it stands between back-ticks.
  const bare = text.replace(/^`+|`+$/g, '').trim()
  const [, first, second] = linkWithCode.exec(bare) ?? []
  if (first && second) return { word: 'link', code: `${first}-${second}`.toUpperCase() }
  const word = bare
    .toLowerCase()
    .replace(/[.!]+$/, '')
    .replace(/\s+/g, ' ')
  return words.has(word) ? { word: word as Word } : undefined
}

/** What can be done here, for those who ask. */
export function helpText(options: { command: boolean }): string {
  return [
    'Ask me anything: in a direct message, or by mentioning me in a channel. I answer in a thread and remember what was said in it.',
    '',
    '*In a thread with me*',
    '• `stop` ends the answer I am writing',
    '• `new` forgets what was said here; the next message begins afresh',
    '• `mute` keeps me quiet here until someone mentions me again',
    '• `continue` shows your conversations from everywhere, to go on with one of them here; in a channel, mention me with it',
    '',
    '*In a direct message*',
    '• `link` makes one account of this one and the one you have elsewhere',
    '• `forget me` deletes everything I keep about you; I ask first',
    ...(options.command
      ? [
          '',
          '*Anywhere*',
          '• `/ask` _question_: the answer is shown to you alone',
          '• `/ask in_channel` _question_: the answer is shown to everyone in the channel',
          '• `/ask stop`, `/ask new`, `/ask mute`, `/ask continue`, `/ask link`, `/ask forget me`, `/ask help`',
          '• the message shortcut _Ask about this_',
        ]
      : []),
  ].join('\n')
}
