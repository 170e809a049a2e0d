import { Fault } from './errors.ts'
import { isId } from './ids.ts'
import type { Store } from './store.ts'
import type { Conversation, Message, User } from './types.ts'

/** Who may see which conversation: those who took part, as long as they are among those it was said to. */
export interface Access {
  /** A conversation of this user's, or `not_found`: whether it exists for someone else is nobody's business. */
  own(
    user: string,
    id: string,
    window?: { before?: number; messages: number },
  ): Promise<{ conversation: Conversation; messages: Message[] }>
  /** Of what stands on a user's list, what they may still see. */
  seen<T extends { conversation: Conversation }>(user: string, found: T[]): Promise<T[]>
}

export function createAccess(store: Pick<Store, 'conversations' | 'absences' | 'users'>): Access {
  const { conversations, absences, users } = store

  /**
   * The channels and teams among these that the user has left, or where they have no account any more on whose leaving they
   * would be told. Asks nobody as long as nothing is shared.
   */
  async function leftBy(user: string, found: Conversation[]): Promise<Set<string>> {
    const audiences = new Set(found.flatMap(({ audience }) => (audience === undefined ? [] : [audience])))
    if (audiences.size === 0) return new Set()
    const identities = (await users.get(user))?.identities ?? []
    const surfaces = new Set(identities.map(surfaceOf))
    const left = await absences.among([...audiences], identities)
    return new Set([...left, ...[...audiences].filter((audience) => !surfaces.has(surfaceOf(audience)))])
  }

  async function seen<T extends { conversation: Conversation }>(user: string, found: T[]): Promise<T[]> {
    const left = await leftBy(
      user,
      found.map(({ conversation }) => conversation),
    )
    return found.filter(({ conversation: { audience } }) => audience === undefined || !left.has(audience))
  }

  return {
    seen,
    async own(user, id, window = { messages: 1 }) {
      const found = isId(id) ? await conversations.read(id, window) : null
      if (!found?.conversation.participants.includes(user)) throw new Fault('not_found')
      if ((await seen(user, [found])).length === 0) throw new Fault('not_found')
      return found
    },
  }
}

/**
 * Whether a user may go on with what their place continues. Not with a conversation of one person alone that stayed with an account
 * which theirs was parted from: the place points at it still. Asks the store only where the user does not take part.
 */
export async function mayGoOn(
  store: Pick<Store, 'conversations' | 'users'>,
  user: User,
  conversation: Conversation,
): Promise<boolean> {
  if (isOpenTo(conversation, user.id)) return true
  // They may have become one with its owner since it, or they, were looked up.
  const [known, found] = await Promise.all([
    store.users.get(user.id),
    store.conversations.read(conversation.id, { messages: 0 }),
  ])
  return !found || isOpenTo(found.conversation, known?.id ?? user.id)
}

/** Nobody takes part yet in what has just begun. */
function isOpenTo({ direct, participants }: Conversation, user: string): boolean {
  return !direct || participants.length === 0 || participants.includes(user)
}

const surfaceOf = (identityOrAudience: string): string => identityOrAudience.slice(0, identityOrAudience.indexOf(':'))
