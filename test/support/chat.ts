import { randomBytes } from 'node:crypto'
import { Fault } from '../../src/errors.ts'
import { homeOf, newConversationId, newId } from '../../src/ids.ts'
import type { Answer, Chat, Conversation, Incoming, LiveEvent, Message, PendingTurn } from '../../src/types.ts'

interface Kept {
  conversation: Conversation
  messages: Message[]
  pending: (PendingTurn & { incoming: Incoming })[]
}

interface LiveText {
  feed: string
  text: string
}

export interface MemoryChat extends Chat {
  /** All that was accepted, in order. */
  readonly accepted: Incoming[]
  /** The next calls fail with this, until it is `null` again. */
  fault: Fault | null
  /** The oldest turn that waits. */
  waiting(): { conversation: string; turn: string } | undefined
  /** More text of a running answer. */
  say(turn: string, text: string): void
  /** The answer begins anew, as after the death of an instance. */
  restart(turn: string, text: string): void
  /** The answer is stored, and all who watch are told. */
  finish(turn: string, answer?: Partial<Answer>): void
  /** How many follow live text. */
  watchers(): number
}

/**
 * A chat in memory that does what the real one promises, with the test in the model's place: nothing is answered until
 * the test says so, or `answer` is given.
 */
export function createMemoryChat(options: { answer?: (text: string) => string; maxWaiting?: number } = {}): MemoryChat {
  const kept = new Map<string, Kept>()
  const pointers = new Map<string, string>()
  const seen = new Map<string, { conversation: string; turn: string }>()
  const live = new Map<string, LiveText>()
  const watching = new Map<string, Set<(event: LiveEvent) => void>>()
  const placeOf = ({ feed, text }: LiveText): string => `${feed}.${text.length}`
  const tell = (turn: string, event: LiveEvent): void => {
    for (const listener of [...(watching.get(turn) ?? [])]) listener(event)
  }

  function own(user: string, id: string): Kept {
    if (chat.fault) throw chat.fault
    const found = kept.get(id)
    if (!found?.conversation.participants.includes(user)) throw new Fault('not_found')
    return found
  }
  function ownerOf(turn: string): Kept {
    const found = [...kept.values()].find(({ pending }) => pending.some((one) => one.turn === turn))
    if (!found) throw new Error(`no such turn: ${turn}`)
    return found
  }

  const chat: MemoryChat = {
    accepted: [],
    fault: null,
    waiting() {
      const [first] = [...kept.values()].flatMap(({ pending }) => pending)
      return first && { conversation: first.conversation, turn: first.turn }
    },
    say(turn, text) {
      const found = ownerOf(turn).pending.find((one) => one.turn === turn)!
      found.running = true
      const now = live.get(turn) ?? { feed: randomBytes(4).toString('hex'), text: '' }
      if (!live.has(turn)) tell(turn, { type: 'started' })
      const offset = now.text.length
      now.text += text
      live.set(turn, now)
      tell(turn, { type: 'text', id: placeOf(now), offset, text })
    },
    restart(turn, text) {
      const now = { feed: randomBytes(4).toString('hex'), text }
      live.set(turn, now)
      tell(turn, { type: 'reset', id: placeOf(now), text })
    },
    finish(turn, given = {}) {
      const { conversation, messages, pending } = ownerOf(turn)
      const at = pending.findIndex((one) => one.turn === turn)
      const [one] = pending.splice(at, 1)
      const { text, ...answer }: Answer = {
        text: live.get(turn)?.text ?? '',
        stop: 'end',
        model: 'memory',
        usage: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 },
        ...given,
      }
      const replaced = one?.replaces ? messages.findIndex((message) => message.turn === one.replaces) : -1
      if (replaced >= 0) messages.splice(replaced)
      const common = { turn, surface: one!.surface, at: one!.at }
      const author = { user: one!.user!, name: one!.incoming.sender.id }
      messages.push({ ...common, seq: messages.length, role: 'user', text: one!.text, author })
      messages.push({ ...common, seq: messages.length, role: 'assistant', text, answer })
      conversation.count = messages.length
      conversation.updatedAt = Date.now()
      if (conversation.titledBy === 'none') {
        conversation.title = one!.text.slice(0, 60)
        conversation.titledBy = 'text'
      }
      conversation.usage.input += answer.usage?.input ?? 0
      conversation.usage.output += answer.usage?.output ?? 0
      live.delete(turn)
      tell(turn, { type: 'end' })
    },
    watchers: () => [...watching.values()].reduce((sum, listeners) => sum + listeners.size, 0),

    async accept(incoming) {
      if (chat.fault) throw chat.fault
      const home = homeOf(incoming.place)
      const known = incoming.ids.map((id) => seen.get(id)).find(Boolean)
      if (known) return { status: 'duplicate', ...known }
      const id = incoming.conversation ?? pointers.get(home) ?? newConversationId(home)
      const asked = incoming.conversation === undefined ? undefined : kept.get(id)?.conversation
      const mayWrite = asked?.participants.includes(incoming.user ?? '') && asked.direct === incoming.place.direct
      if (incoming.conversation !== undefined && !mayWrite) return { status: 'denied' }
      const now = Date.now()
      const found = kept.get(id) ?? begin(id, incoming, now)
      if (found.pending.length >= (options.maxWaiting ?? 20)) return { status: 'full' }
      const turn = newId(now)
      const waiting = { turn, conversation: id, text: incoming.text, at: now, surface: incoming.place.surface }
      found.pending.push({
        ...{ ...waiting, running: false, incoming },
        ...(incoming.user && { user: incoming.user }),
        ...(incoming.replaces && { replaces: incoming.replaces }),
      })
      if (!incoming.conversation) pointers.set(home, id)
      for (const one of incoming.ids) seen.set(one, { conversation: id, turn })
      chat.accepted.push(incoming)
      const { answer } = options
      if (answer) queueMicrotask(() => chat.finish(turn, { text: answer(incoming.text) }))
      return { status: 'accepted', conversation: id, turn }
    },
    async stop(user, id, turn) {
      for (const one of [...own(user, id).pending]) {
        if (turn === undefined || one.turn === turn) chat.finish(one.turn, { stop: 'stopped' })
      }
    },
    watch(id, turn, from, listener) {
      const listeners = watching.get(turn) ?? new Set()
      watching.set(turn, listeners)
      const unwatch = (): void => void listeners.delete(listen)
      const listen = (event: LiveEvent): void => {
        if (event.type === 'end') unwatch()
        listener(event)
      }
      if (!kept.get(id)?.pending.some((one) => one.turn === turn)) {
        queueMicrotask(() => listener({ type: 'end' }))
        return unwatch
      }
      listeners.add(listen)
      const now = live.get(turn)
      if (now) catchUp(now, from, listener)
      return unwatch
    },
    async settled(id, turn, timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const unwatch = chat.watch(id, turn, undefined, (event) => event.type === 'end' && resolve(true))
      const timer = setTimeout(resolve, timeoutMs, false)
      return promise.finally(() => {
        clearTimeout(timer)
        unwatch()
      })
    },
    conversations: {
      async list(user, { before, limit }) {
        if (chat.fault) throw chat.fault
        const mine = [...kept.values()].filter(({ conversation }) => conversation.participants.includes(user)).reverse()
        const from = before ? mine.findIndex(({ conversation }) => conversation.id === before) + 1 : 0
        const items = mine.slice(from, from + limit).map(({ conversation }) => conversation)
        return { items, ...(from + limit < mine.length && { next: items.at(-1)!.id }) }
      },
      async search(user, text, limit) {
        if (chat.fault) throw chat.fault
        const word = text.toLowerCase()
        const hits = [...kept.values()].flatMap(({ conversation, messages }) => {
          if (!conversation.participants.includes(user)) return []
          const texts = [conversation.title, ...messages.map((one) => one.text)]
          const hit = texts.find((one) => one.toLowerCase().includes(word))
          return hit === undefined ? [] : [{ conversation, snippet: hit.slice(0, 200) }]
        })
        return hits.slice(0, limit)
      },
      async open(user, id, { before, limit }) {
        const { conversation, messages, pending } = own(user, id)
        const older = messages.filter(({ seq }) => before === undefined || seq < before)
        return { conversation, messages: older.slice(-limit), pending: pending.map(({ incoming: _, ...one }) => one) }
      },
      async rename(user, id, title) {
        const { conversation } = own(user, id)
        if (!conversation.direct) throw new Fault('shared')
        if (title.trim() === '') throw new Fault('empty_message')
        Object.assign(conversation, { title, titledBy: 'user' })
      },
      async remove(user, id) {
        const { conversation } = own(user, id)
        if (conversation.direct) kept.delete(id)
        else conversation.participants = conversation.participants.filter((one) => one !== user)
      },
      async rate(user, id, turn, rating) {
        const answer = own(user, id).messages.find((one) => one.turn === turn && one.role === 'assistant')
        if (!answer) throw new Fault('not_found')
        if (rating) answer.rating = { ...rating, user, at: Date.now() }
        else delete answer.rating
      },
      async copy(user, id) {
        const { conversation, messages } = own(user, id)
        const copy = begin(
          `${id.slice(0, 16)}${String(kept.size).padStart(12, '0')}`,
          copied(conversation, user),
          Date.now(),
        )
        copy.messages.push(...messages)
        Object.assign(copy.conversation, { title: conversation.title, count: messages.length, participants: [user] })
        return copy.conversation.id
      },
      async export(user, id, format) {
        const { conversation, messages } = own(user, id)
        return format === 'json' ? asJson(conversation, messages) : asMarkdown(conversation, messages)
      },
    },
  }
  return chat

  function begin(id: string, incoming: Pick<Incoming, 'place' | 'user'>, now: number): Kept {
    const conversation: Conversation = {
      id,
      title: '',
      titledBy: 'none',
      createdAt: now,
      updatedAt: now,
      surface: incoming.place.surface,
      direct: incoming.place.direct,
      participants: incoming.user ? [incoming.user] : [],
      count: 0,
      usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    }
    const fresh = { conversation, messages: [], pending: [] }
    kept.set(id, fresh)
    return fresh
  }

  function catchUp(now: LiveText, from: string | undefined, listener: (event: LiveEvent) => void): void {
    const [feed, length] = from?.split('.') ?? []
    if (from === undefined) listener({ type: 'started' })
    const known = feed === now.feed && Number(length) <= now.text.length
    const offset = known ? Number(length) : 0
    if (from !== undefined && !known) listener({ type: 'reset', id: placeOf(now), text: now.text })
    else if (offset < now.text.length)
      listener({ type: 'text', id: placeOf(now), offset, text: now.text.slice(offset) })
  }
}

function copied({ id }: Conversation, user: string): Pick<Incoming, 'place' | 'user'> {
  return { place: { surface: 'web', workspace: 'local', channel: id, direct: true }, user }
}

async function* asMarkdown(conversation: Conversation, messages: Message[]): AsyncIterable<string> {
  yield `# ${conversation.title}\n`
  for (const { role, text } of messages) yield `\n## ${role}\n\n${text}\n`
}

async function* asJson(conversation: Conversation, messages: Message[]): AsyncIterable<string> {
  yield JSON.stringify({ title: conversation.title, messages: messages.map(({ role, text }) => ({ role, text })) })
}
