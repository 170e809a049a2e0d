import { createAccess } from './access.ts'
import type { Audit } from './audit.ts'
import { Fault } from './errors.ts'
import { exportJson, idsOf, pagesOf } from './export.ts'
import { shownIdentities } from './identities.ts'
import type { People } from './people.ts'
import type { Entry, Store, UserPatch } from './store.ts'
import type { Conversation, Message, User } from './types.ts'

/** What a person may do with all that is kept about them. */
export interface Personal {
  /** All of it as JSON, a bounded piece at a time: who they are, what was said, rated and used, what was done with their rights. */
  export(user: User): AsyncIterable<string>
  /**
   * Delete it: conversations they had alone, their words in those of several, feedback, identities, sessions; what was used is counted
   * for nobody. Of a disabled user it stays known that they are. Resolves when it is done; what a crash left undone is finished by
   * `resume`. Throws `on_hold` under a legal hold. `actor`: the user who does it, if it is not for themselves.
   */
  forget(user: User, actor?: string): Promise<void>
  /** Finish deletions that were begun. Returns how many. */
  resume(): Promise<number>
}

const page = 100

/**
 * What is left of someone who is locked out: that their accounts are, and nothing about them. Else they would come in again
 * as somebody new. Who wants that gone too, enables them before.
 */
const nobody = {
  name: 'Deleted user',
  emails: [],
  roles: ['member'],
  locale: undefined,
  timeZone: undefined,
  password: undefined,
} as unknown as UserPatch

export function createPersonal(options: {
  store: Pick<Store, 'users' | 'sessions' | 'conversations' | 'absences' | 'usage' | 'records'>
  /** Nothing may go on in a conversation that is about to be deleted. */
  stop(conversation: string): Promise<unknown>
  people: Pick<People, 'changed'>
  /** Told of a user who is about to be gone. */
  leaves?(user: User): Promise<void>
  audit: Audit
  now?: () => number
}): Personal {
  const { store, people, audit, now = Date.now } = options
  const { users, sessions, conversations, usage, records } = store
  const access = createAccess(store)

  async function* conversationsOf(user: string): AsyncIterable<Conversation> {
    for (let before: string | undefined; ; ) {
      const { items, next } = await conversations.list(user, { limit: page, ...(before !== undefined && { before }) })
      for (const { conversation } of items) yield conversation
      if (next === undefined) return
      before = next
    }
  }

  /** Of what was said where they are no more, only what they said themselves. */
  async function* pagesFor(user: User, conversation: Conversation): AsyncIterable<Message[]> {
    const whole = (await access.seen(user.id, [{ conversation }])).length > 0
    const ids = idsOf(user)
    for await (const messages of pagesOf(conversations, conversation))
      yield whole ? messages : messages.filter(({ author }) => author && ids.includes(author.user))
  }

  async function* entriesOf(kind: 'audit' | 'feedback', about: User) {
    const user = idsOf(about)
    for (let before: string | undefined; ; ) {
      const some = await records.list(kind, { user, limit: page, ...(before !== undefined && { before }) })
      yield* some
      if (some.length < page) return
      before = some.at(-1)!.id
    }
  }

  /** Who else did something to them is not theirs to know. */
  async function* auditOf(user: User): AsyncIterable<Entry> {
    const known = [...idsOf(user), 'operator', undefined] as unknown[]
    for await (const { data, ...entry } of entriesOf('audit', user))
      yield { ...entry, data: known.includes(data.actor) ? data : { ...data, actor: 'an administrator' } }
  }

  async function* usageOf(user: string) {
    const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
    yield* await usage.read({ from: day(now() - 400 * 24 * 3_600_000), to: day(now()), user })
  }

  /** `"name":[…]`, one item a line. */
  async function* listed(name: string, items: AsyncIterable<object>): AsyncIterable<string> {
    yield `,\n${JSON.stringify(name)}:[`
    let first = true
    for await (const item of items) {
      yield `${first ? '' : ','}\n${JSON.stringify(item)}`
      first = false
    }
    yield ']'
  }

  async function forgetConversation(conversation: Conversation, user: string): Promise<void> {
    const alone = conversation.participants.every((id) => id === user)
    if (!alone) return conversations.forget(conversation.id, user)
    await options.stop(conversation.id)
    await conversations.remove(conversation.id)
  }

  /** The user, as long as they are themselves still and nothing keeps their data. */
  async function deletable(id: string): Promise<User | 'held' | null> {
    const user = await users.get(id)
    // Whoever became another user has a history that nobody asked to delete.
    if (user?.id !== id) return null
    return user.hold ? 'held' : user
  }

  /** False: it came under a legal hold, and goes on when that is lifted. */
  async function finish(id: string, actor: string): Promise<boolean> {
    // What is gone is off the list: the next page is the first one again.
    for (;;) {
      const user = await deletable(id)
      if (user === 'held') return false
      if (!user) break
      await sessions.endAll(id)
      const { items } = await conversations.list(id, { limit: page })
      for (const { conversation } of items) await forgetConversation(conversation, id)
      if (items.length === 0) {
        await forgetPerson(user, actor)
        break
      }
    }
    await records.drop('deletion', id)
    return true
  }

  async function forgetPerson(user: User, actor: string): Promise<void> {
    for await (const { id: entry } of entriesOf('feedback', user)) await records.drop('feedback', entry)
    await usage.forget(user.id)
    await options.leaves?.(user)
    if (user.state === 'disabled') await users.update(user.id, nobody)
    else await users.remove(user.id)
    await people.changed(user)
    await audit.record('delete', { user: user.id, actor, details: { what: 'everything' } })
  }

  return {
    async *export(user) {
      await audit.record('export', { user: user.id, actor: user.id })
      const { id, name, emails, roles, state, locale, timeZone, createdAt, seenAt } = user
      const about = { id, name, emails, roles, state, identities: shownIdentities(user), locale, timeZone }
      yield `{"user":${JSON.stringify({ ...about, createdAt, seenAt })}`
      yield ',\n"conversations":['
      let first = true
      for await (const conversation of conversationsOf(user.id)) {
        yield first ? '\n' : ',\n'
        yield* exportJson(conversation, pagesFor(user, conversation), idsOf(user))
        first = false
      }
      yield ']'
      yield* listed('feedback', entriesOf('feedback', user))
      yield* listed('usage', usageOf(user.id))
      yield* listed('audit', auditOf(user))
      yield '}\n'
    },
    async forget({ id }, actor = id) {
      // As they are now: a hold may be younger than what the surface knows of them.
      const user = await users.get(id)
      if (!user) return
      if (user.hold) throw new Fault('on_hold')
      await records.put('deletion', { id: user.id, at: now(), data: { actor } })
      if (!(await finish(user.id, actor))) throw new Fault('on_hold')
    },
    async resume() {
      let finished = 0
      for (let before: string | undefined; ; ) {
        const begun = await records.list('deletion', { limit: page, ...(before !== undefined && { before }) })
        for (const { id, data } of begun) if (await finish(id, String(data.actor))) finished++
        if (begun.length < page) return finished
        before = begun.at(-1)!.id
      }
    },
  }
}
