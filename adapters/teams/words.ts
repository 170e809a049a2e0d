/** Orders that are written as a message: a word or two and nothing else. Everything else is a question. */
export type Word = 'stop' | 'new' | 'mute' | 'help' | 'continue on the web'

const words: ReadonlySet<string> = new Set<Word>(['stop', 'new', 'mute', 'help', 'continue on the web'])

/** “continue” alone is not among them: it is what people write to get the rest of an answer. */
export function wordOf(text: string): Word | undefined {
  if (text.length > 40) return undefined
  const word = text
    .toLowerCase()
    .replace(/^\//, '')
    .replace(/[.!]+$/, '')
  return words.has(word) ? (word as Word) : undefined
}

export type Scope = 'personal' | 'groupChat' | 'channel'

/** What can be done here, for those who ask. */
export function helpText(scope: Scope, options: { web: boolean }): string {
  const where = {
    personal: 'Write to me as you would to a colleague. I remember what was said in this chat.',
    groupChat: 'Mention me with your question. I remember what I was asked in this chat.',
    channel:
      'Mention me with your question. I answer in its thread and remember what I was asked there; write on in the thread.',
  }[scope]
  return [
    where,
    '',
    '- **stop** ends the answer I am writing',
    '- **new** forgets what was said here: the next message begins afresh',
    ...(scope === 'personal' ? [] : ['- **mute** keeps me quiet here until someone mentions me again']),
    ...(options.web ? ['- **continue on the web** shows this conversation on the web page'] : []),
    '- **help** shows this',
  ].join('\n')
}

/** What stands ready to be asked in the personal chat. Teams takes six, side by side: short, to be read as a whole. */
export const prompts = ['What can you do?', 'Help me write a message', 'Explain something simply', 'Improve my text']

/**
 * What it is and who can read what, for a place it was just added to. Without mark-up: not every client renders it beside
 * suggestions.
 */
export function welcomeText(scope: Scope): string {
  const hello =
    'Hello! I am a chat assistant: you ask, and a language model answers. I can be wrong, so check what matters.'
  const who = {
    personal:
      'This chat is between you and me: your colleagues cannot read it, and I never take anything from it into other chats. ' +
      'Your organisation runs me and keeps our conversations, so that you can continue them.',
    groupChat:
      'Everyone in this chat can read my answers. I only get the messages that mention me. Your organisation runs me and keeps these conversations.',
    channel:
      'Everyone in this team can read my answers. I only get the messages that mention me. Your organisation runs me and keeps these conversations.',
  }[scope]
  const how = {
    personal: 'Just write, or choose one of these. Write “help” to see what else I understand.',
    groupChat: 'Mention me with a question to begin, or with “help” to see what else I understand.',
    channel: 'Mention me in a post or a thread to begin, or with “help” to see what else I understand.',
  }[scope]
  return `${hello}\n\n${who}\n\n${how}`
}
