/** Orders that are written as a message: one word and nothing else. Everything else is a question. */
export type Word = 'stop' | 'new' | 'mute' | 'help'

const words: ReadonlySet<string> = new Set<Word>(['stop', 'new', 'mute', 'help'])

/** “continue” is not among them: it is what people write to get the rest of an answer. */
export function wordOf(text: string): Word | undefined {
  const word = text.toLowerCase().replace(/[.!]+$/, '')
  return words.has(word) ? (word as Word) : undefined
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
    ...(options.command
      ? [
          '',
          '*Anywhere*',
          '• `/ask` _question_: the answer is shown to you alone',
          '• `/ask in_channel` _question_: the answer is shown to everyone in the channel',
          '• `/ask stop`, `/ask new`, `/ask mute`, `/ask continue`, `/ask help`',
          '• the message shortcut _Ask about this_',
        ]
      : []),
  ].join('\n')
}
