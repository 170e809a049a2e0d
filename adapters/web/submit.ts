import { Fault } from '../../src/errors.ts'
import type { Accepted, Chat, Sender } from '../../src/types.ts'
import type { Person } from './route.ts'
import { clean } from './text.ts'

export interface Submission {
  /** Made by the client; the same for the same message, however often it is sent. */
  id: string
  /** May be empty with `replaces`: the same question again. */
  text: string
  conversation?: string | undefined
  replaces?: string | undefined
}

export type Submit = (person: Person, submission: Submission) => Promise<Extract<Accepted, { turn: string }>>

/** Hands a message over. Resolves when it is stored; throws what the person should be told. */
export function createSubmit(options: { chat: Chat; maxMessageChars: number; now(): number }): Submit {
  return async (person, { id, conversation, replaces, ...submission }) => {
    const text = clean(submission.text)
    if (text === '' && replaces === undefined) throw new Fault('empty_message')
    if (text.length > options.maxMessageChars) throw new Fault('too_long')
    if (replaces !== undefined && conversation === undefined) throw new Fault('bad_request')
    // Clients choose these ids: with the user's own in front, nobody meets someone else's message or place by them.
    const own = `${person.user.id}:${id.toLowerCase()}`
    const accepted = await options.chat.accept({
      ids: [`web:${own}`],
      sender: senderOf(person.identity),
      // A page that shows a conversation is at home where that was born, see `homeOf`.
      place: { surface: 'web', workspace: 'local', channel: conversation ?? own, direct: true },
      text,
      sentAt: options.now(),
      address: {},
      user: person.user.id,
      ...(conversation !== undefined && { conversation }),
      ...(replaces !== undefined && { replaces }),
    })
    if ('turn' in accepted) return accepted
    if (accepted.status === 'full') throw new Fault('inbox_full')
    // Refused with a reason to those who may read it.
    if (conversation !== undefined) await options.chat.conversations.open(person.user.id, conversation, { limit: 1 })
    throw new Fault(conversation === undefined ? 'not_found' : 'shared')
  }
}

function senderOf(identity: string): Sender {
  const [, workspace = '', ...id] = identity.split(':')
  return { surface: 'web', workspace, id: id.join(':') }
}
