/** Orders that are written as a message: a word or two and nothing else. Everything else is a question. */
export type Word =
  | 'stop'
  | 'new'
  | 'mute'
  | 'help'
  /** After an answer that was cut short a question for the rest of it, see continuing.ts. */
  | 'continue'
  | 'continue on the web'
  | 'link'
  | 'me'
  | 'forget me'

const everyday: Word[] = ['stop', 'new', 'mute', 'help', 'continue', 'continue on the web']
/** Who somebody is and what is kept of them is between them and us: only in the personal chat. */
const personal: Word[] = ['link', 'me', 'forget me']

const words: ReadonlySet<string> = new Set<Word>([...everyday, ...personal])
export const personalWords: ReadonlySet<Word> = new Set(personal)

export function wordOf(text: string): Word | undefined {
  if (text.length > 40) return undefined
  if (codeOf(text)) return 'link'
  const word = bare(text)
    .toLowerCase()
    .replace(/^\//, '')
    .replace(/[.!]+$/, '')
  return words.has(word) ? (word as Word) : undefined
}

/** The code that is entered with `link`. Phones make other dashes of the one that is typed. */
export function codeOf(text: string): string | undefined {
  const [, first, second] = /^\/?link\s+([0-9a-z]{4})[-‐‑–—]([0-9a-z]{4})$/i.exec(bare(text)) ?? []
  return first && second ? `${first}-${second}`.toUpperCase() : undefined
}

/** What was copied from where we told how to write it stands between back-ticks. */
function bare(text: string): string {
  return text
    .replace(/^`+|`+$/g, '')
    .trim()
    .replace(/\s+/g, ' ')
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
    scope === 'personal'
      ? '- **continue** shows your conversations from everywhere, to go on with one of them here'
      : '- **continue** brings one of your conversations here; you choose it in our personal chat',
    ...(options.web ? ['- **continue on the web** shows this conversation on the web page'] : []),
    ...(scope === 'personal' ? aboutYou : []),
    '- **help** shows this',
  ].join('\n')
}

const aboutYou = [
  '- **link** makes one account of this one and the one you have elsewhere',
  '- **me** shows who you are here, and what is left of your limits',
  '- **forget me** deletes everything I keep about you; I ask first',
]

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
