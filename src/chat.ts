import { randomUUID } from 'node:crypto'
import { createAccess } from './access.ts'
import { createContinuing } from './continuing.ts'
import { Fault } from './errors.ts'
import { exportJson, exportMarkdown, idsOf, pagesOf } from './export.ts'
import { shorten } from './history/text.ts'
import { firstWords } from './history.ts'
import { identityOf } from './ids.ts'
import type { Limits } from './limits.ts'
import type { Live } from './live.ts'
import type { People } from './people.ts'
import type { Personal } from './personal.ts'
import type { Store } from './store.ts'
import type { Turns } from './turns.ts'
import type { Chat, Conversation, Linking, Place, PlatformChat, Rating } from './types.ts'

/** How often a watcher whose turn runs elsewhere (or waits) looks into the store, in case its instance died. */
const recheckMs = 3_000
const titleChars = 200

/** The one door that adapters come through; see `Chat` and `PlatformChat` in types.ts. */
export function createChat(options: {
  store: Pick<Store, 'conversations' | 'inbox' | 'places' | 'absences' | 'users' | 'records'>
  turns: Turns
  live: Live
  people: Pick<People, 'resolve'>
  limits: Pick<Limits, 'left'>
  personal: Pick<Personal, 'forget'>
  linking: Linking
}): PlatformChat {
  const { store, turns, live, people } = options
  const { conversations, inbox, places, absences, users, records } = store
  const access = createAccess(store)
  const { own } = access
  const continuing = createContinuing({ access, conversations, places })

  const watch: Chat['watch'] = (conversation, turn, from, listener) => {
    let ended = false
    const watching = live.watch(turn, from, (event) => {
      if (ended) return
      if (event.type === 'end') close()
      listener(event)
    })
    const timer = setInterval(check, recheckMs)
    function close(): void {
      ended = true
      clearInterval(timer)
      // Not within the round of calls that this event is part of.
      queueMicrotask(watching.stop)
    }
    function check(): void {
      if (watching.nearby()) return
      inbox.pending(conversation).then(
        (waiting) => {
          if (ended || watching.nearby() || waiting.some((one) => one.turn === turn)) return
          close()
          listener({ type: 'end' })
        },
        () => {}, // The store is away for a moment; the next look will tell.
      )
    }
    check()
    return () => {
      if (!ended) close()
    }
  }

  return {
    accept: turns.accept,
    watch,
    async stop(user, conversation, turn) {
      await own(user, conversation)
      await turns.stop(conversation, turn)
    },
    settled(conversation, turn, timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const unwatch = watch(conversation, turn, undefined, (event) => event.type === 'end' && resolve(true))
      const timer = setTimeout(resolve, timeoutMs, false)
      return promise.finally(() => {
        clearTimeout(timer)
        unwatch()
      })
    },
    conversations: {
      async list(user, query) {
        const page = await conversations.list(user, query)
        const seen = await access.seen(user, page.items)
        return { ...page, items: seen.map((found) => found.conversation) }
      },
      async search(user, text, limit) {
        return access.seen(user, (await conversations.list(user, { limit, matching: text })).items)
      },
      async open(user, id, { before, limit }) {
        const found = await own(user, id, { messages: limit, ...(before !== undefined && { before }) })
        return { ...found, pending: await inbox.pending(id) }
      },
      async rename(user, id, title) {
        const { conversation } = await own(user, id)
        if (!conversation.direct) throw new Fault('shared')
        const text = shorten(title.trim(), titleChars)
        if (text === '') throw new Fault('empty_message')
        if (!(await conversations.update(id, { title: { text, by: 'user' } }))) throw new Fault('not_found')
      },
      async remove(user, id) {
        const { conversation } = await own(user, id)
        if ((await users.get(user))?.hold) throw new Fault('on_hold')
        // What several take part in is not one person's to delete.
        if (!conversation.direct) return conversations.leave(id, user)
        await turns.stop(id)
        await conversations.remove(id)
      },
      async rate(user, id, turn, rating) {
        const { conversation } = await own(user, id)
        const full = rating && { ...rating, user, at: Date.now() }
        if (!(await conversations.rate(id, turn, full))) throw new Fault('not_found')
        await noteFeedback(conversation, turn, full)
      },
      async copy(user, id) {
        // Where it goes on is the page of the copy itself: nothing else points there.
        const place: Place = { surface: 'web', workspace: 'local', channel: `${user}:${randomUUID()}`, direct: true }
        const result = await continuing.continue(user, id, place)
        if (result.status === 'confirm') throw new Fault('internal')
        return result.conversation
      },
      async export(user, id, format) {
        const { conversation } = await own(user, id)
        const messages = pagesOf(conversations, conversation)
        if (format === 'markdown') return exportMarkdown(conversation, messages)
        return exportJson(conversation, messages, idsOf((await users.get(user)) ?? { id: user }))
      },
    },
    who: (sender) => people.resolve(sender),
    left: options.limits.left,
    linking: options.linking,
    forget: options.personal.forget,
    current,
    continue: continuing.continue,
    async attends(audience, sender, here) {
      const identity = identityOf(sender)
      if (here) await absences.back(audience, identity)
      // Who never wrote to us has nothing to lose sight of.
      else if (await users.find(identity)) await absences.left(audience, identity)
    },
    begin: (place) => places.point(place, null),
    mute: places.mute,
    async stopHere(place) {
      const conversation = await current(place)
      return conversation !== null && (await turns.stop(conversation))
    },
    amend: (place, id, text) => turns.amend(place, id, { text, title: firstWords(text ?? '') }),
  }

  /** For the admins' list, without a word of what was said. */
  async function noteFeedback({ surface }: Conversation, turn: string, rating: Rating | null): Promise<void> {
    if (!rating) return records.drop('feedback', turn)
    const { value, comment, user, at } = rating
    await records.put('feedback', { id: turn, at, user, data: { value, surface, ...(comment && { comment }) } })
  }

  async function current(place: Place): Promise<string | null> {
    return (await places.read(place))?.conversation ?? null
  }
}
