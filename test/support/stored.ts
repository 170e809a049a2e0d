import { homeOf, newConversationId, newId, webIdentityOf } from '../../src/ids.ts'
import { hashPassword } from '../../src/passwords.ts'
import type { Store } from '../../src/store.ts'
import { openRedis } from '../../src/stores/redis/index.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Place, User } from '../../src/types.ts'
import { commonPassword } from './web.ts'

/** The store of a service that runs (or will run), opened beside it: to look into it, and to put in what is there for long. */
export function beside(where: { dataDir: string } | { redisUrl: string }, now?: () => number): Promise<Store> {
  const clock = now && { now }
  if ('dataDir' in where) return openSqlite({ file: `${where.dataDir}/chat.db`, ...clock })
  return openRedis({ url: where.redisUrl, prefix: 'chat:', ...clock })
}

/** Takes its time by design; all of them have the same one. */
const hash = hashPassword(commonPassword)

/** Somebody who can sign in on the web page with the common password. */
export async function storedUser(store: Store, name: string, more: Partial<User> = {}): Promise<User> {
  const now = Date.now()
  return store.users.create({
    id: newId(),
    name,
    emails: [],
    roles: ['member'],
    state: 'active',
    identities: [webIdentityOf(name)],
    password: await hash,
    createdAt: now,
    seenAt: now,
    ...more,
  })
}

/** One question of theirs with its answer; a conversation of its own unless the place has one. Its id. */
export async function storedTurn(store: Store, user: User, text: string, over: Partial<Place> = {}): Promise<string> {
  const place: Place = { surface: 'web', workspace: 'local', channel: newId(), direct: true, ...over }
  const { surface } = place
  const [turn, at] = [newId(), Date.now()]
  const incoming = {
    ids: [turn],
    sender: { surface, workspace: place.workspace, id: user.id },
    place,
    text,
    sentAt: at,
    address: {},
    user: user.id,
  }
  const delivery = { incoming, turn, conversation: newConversationId(homeOf(place)) }
  const { claim } = await store.inbox.accept(delivery, { token: newId(), ms: 60_000 })
  if (!claim) throw new Error('the turn could not be stored')
  await store.conversations.join(claim.conversation, user.id)
  const answer = { text: `About ${text}`, stop: 'end', model: 'm' } as const
  await store.leases.commit(claim, {
    messages: [
      { turn, role: 'user', text, at, surface, author: { user: user.id, name: user.name } },
      { turn, role: 'assistant', text: answer.text, at, surface, answer: { stop: 'end', model: 'm' } },
    ],
    delivered: true,
    answer,
    participants: [user.id],
    title: text,
  })
  return claim.conversation
}

/** So many conversations of theirs, as fast as the store takes them. */
export async function storedHistory(store: Store, user: User, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => storedTurn(store, user, `${user.name} asks ${i}`)))
}

/** The ids on somebody's list, all of them. */
export async function listOf(store: Store, user: string): Promise<string[]> {
  const ids: string[] = []
  for (let before: string | undefined; ; ) {
    const page = await store.conversations.list(user, { limit: 100, ...(before !== undefined && { before }) })
    ids.push(...page.items.map(({ conversation }) => conversation.id))
    if (page.next === undefined) return ids
    before = page.next
  }
}
