import { Fault } from './errors.ts'
import { exportJson, exportMarkdown } from './export.ts'
import { shorten } from './history/text.ts'
import { firstWords } from './history.ts'
import { isId } from './ids.ts'
import type { Live } from './live.ts'
import type { People } from './people.ts'
import type { Store } from './store.ts'
import type { Turns } from './turns.ts'
import type { Chat, Conversation, Message, Place, PlatformChat } from './types.ts'

/** How often a watcher whose turn runs elsewhere (or waits) looks into the store, in case its instance died. */
const recheckMs = 3_000
const titleChars = 200
const exportPage = 200

/** The one door that adapters come through; see `Chat` and `PlatformChat` in types.ts. */
export function createChat(options: {
  store: Pick<Store, 'conversations' | 'inbox' | 'places'>
  turns: Turns
  live: Live
  people: Pick<People, 'resolve'>
}): PlatformChat {
  const { store, turns, live, people } = options
  const { conversations, inbox, places } = store

  /** A conversation of this user's, or `not_found`: whether it exists for someone else is nobody's business. */
  async function own(
    user: string,
    id: string,
    window = { messages: 1 },
  ): Promise<{ conversation: Conversation; messages: Message[] }> {
    const found = isId(id) ? await conversations.read(id, window) : null
    if (!found?.conversation.participants.includes(user)) throw new Fault('not_found')
    return found
  }

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
        return { ...page, items: page.items.map((found) => found.conversation) }
      },
      async search(user, text, limit) {
        return (await conversations.list(user, { limit, matching: text })).items
      },
      async open(user, id, { before, limit }) {
        const found = await own(user, id, { messages: limit, ...(before !== undefined && { before }) })
        return { ...found, pending: await inbox.pending(id) }
      },
      async rename(user, id, title) {
        await own(user, id)
        const text = shorten(title.trim(), titleChars)
        if (text === '') throw new Fault('empty_message')
        if (!(await conversations.update(id, { title: { text, by: 'user' } }))) throw new Fault('not_found')
      },
      async remove(user, id) {
        await own(user, id)
        await turns.stop(id)
        await conversations.remove(id)
      },
      async rate(user, id, turn, rating) {
        await own(user, id)
        const full = rating && { ...rating, user, at: Date.now() }
        if (!(await conversations.rate(id, turn, full))) throw new Fault('not_found')
      },
      async export(user, id, format) {
        const { conversation } = await own(user, id)
        const messages = pages(id, conversation.count)
        return format === 'json' ? exportJson(conversation, messages) : exportMarkdown(conversation, messages)
      },
    },
    who: people.resolve,
    current,
    begin: (place) => places.point(place, null),
    mute: places.mute,
    async stopHere(place) {
      const conversation = await current(place)
      return conversation !== null && (await turns.stop(conversation))
    },
    amend: (place, id, text) => turns.amend(place, id, { text, title: firstWords(text ?? '') }),
  }

  async function current(place: Place): Promise<string | null> {
    return (await places.read(place))?.conversation ?? null
  }

  /** All messages, the oldest first, a page at a time. */
  async function* pages(id: string, count: number): AsyncIterable<Message[]> {
    for (let before = exportPage; before < count + exportPage; before += exportPage) {
      const found = await conversations.read(id, { before, messages: exportPage })
      if (!found) return
      yield found.messages.filter(({ seq }) => seq < count)
    }
  }
}
