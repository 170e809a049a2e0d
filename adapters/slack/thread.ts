import type { JsonObject } from '../../src/types.ts'
import type { Api } from './api.ts'
import { type Block, blocksOf, chunksOf, fallbackOf } from './blocks.ts'
import { codeOf } from './errors.ts'
import { createFind, type FindOptions, metadataOf } from './find.ts'
import type { ThreadAddress } from './payload.ts'
import type { Part } from './segments.ts'
import { isLost } from './strays.ts'
import type { Workspaces } from './workspaces.ts'

/** The messages of one answer in one thread: each of Slack's calls that an answer needs, and nothing about their order. */
export interface Thread {
  /** A new message that can be appended to. Throws `ratelimited` rather than wait. */
  start(parts: readonly Part[]): Promise<string>
  append(ts: string, parts: readonly Part[]): Promise<void>
  stop(ts: string, parts: readonly Part[], footer: readonly Block[]): Promise<void>
  /** Take nothing more for a message, as it is: a stream that is open takes no update. */
  close(ts: string): Promise<void>
  post(parts: readonly Part[], footer: readonly Block[]): Promise<string>
  update(ts: string, parts: readonly Part[], footer: readonly Block[]): Promise<void>
  remove(ts: string): Promise<void>
  /** Our messages of this turn that stand there beside those we know of; null: we may not look. */
  find(known: readonly string[], how: FindOptions): Promise<string[] | null>
  status(text: string): Promise<void>
  /** The agent session is not busy any more. */
  release(): Promise<void>
  /** Nothing can be started or appended before this. */
  limitedUntil(method: 'chat.startStream' | 'chat.appendStream'): number
  /** Go on elsewhere: in the person's direct messages, or in this channel outside of the thread. Null: nowhere. */
  elsewhere(): Promise<Thread | null>
  /** The same in another channel, outside of threads. */
  at(channel: string): Thread
  /** Where the messages are, if not in the thread of the question. */
  readonly channel: string
  readonly inThread: boolean
}

/** Shown by turns while a question is being thought about. */
const loadingMessages = ['Reading your message…', 'Thinking about it…', 'Putting the answer together…']

export function createThread(options: {
  api: Api
  workspaces: Workspaces
  address: ThreadAddress
  turn: string
  /** Other than the question's own. */
  place?: { channel: string; inThread: boolean }
}): Thread {
  const { api, workspaces, address, turn } = options
  const { install, thread } = address
  const { channel, inThread } = options.place ?? { channel: address.channel, inThread: true }
  const about = { about: channel }
  const threadTs = inThread ? { thread_ts: thread } : {}
  const metadata = metadataOf(turn)
  const chunks = (parts: readonly Part[]): JsonObject => (parts.length > 0 ? { chunks: chunksOf(parts) } : {})
  const body = (parts: readonly Part[], footer: readonly Block[]) => ({
    text: fallbackOf(parts),
    blocks: [...blocksOf(parts), ...footer],
    metadata,
  })

  const find = createFind({ api, workspaces, address, turn, place: { channel, inThread } })
  const at = (other: string): Thread => createThread({ ...options, place: { channel: other, inThread: false } })

  return {
    channel,
    inThread,
    async start(parts) {
      // Outside of direct messages Slack wants to know who watches it grow: the person, never the bot.
      const recipient = address.direct ? {} : { recipient_team_id: address.userTeam, recipient_user_id: address.user }
      const args = { channel, ...threadTs, ...recipient, ...chunks(parts) }
      const { ts } = await api.call(install, 'chat.startStream', args, { ...about, impatient: true })
      return String(ts)
    },
    async append(ts, parts) {
      await api.call(install, 'chat.appendStream', { channel, ts, ...chunks(parts) }, { ...about, impatient: true })
    },
    async stop(ts, parts, footer) {
      const blocks = footer.length > 0 ? { blocks: footer } : {}
      await api.call(install, 'chat.stopStream', { channel, ts, ...chunks(parts), ...blocks, metadata }, about)
    },
    async close(ts) {
      for (let attempt = 0; ; attempt++) {
        try {
          await api.call(install, 'chat.stopStream', { channel, ts, metadata }, about)
          return
        } catch (thrown) {
          if (!isLost(thrown)) return
          if (attempt === 2) throw thrown
        }
      }
    },
    async post(parts, footer) {
      const quiet = { unfurl_links: false, unfurl_media: false }
      const { ts } = await api.call(
        install,
        'chat.postMessage',
        { channel, ...threadTs, ...body(parts, footer), ...quiet },
        about,
      )
      return String(ts)
    },
    async update(ts, parts, footer) {
      await api.call(install, 'chat.update', { channel, ts, ...body(parts, footer) }, about)
    },
    async remove(ts) {
      try {
        await api.call(install, 'chat.delete', { channel, ts }, about)
      } catch (thrown) {
        if (codeOf(thrown) !== 'message_not_found') throw thrown
      }
    },
    find,
    async status(text) {
      const messages = text ? { loading_messages: loadingMessages } : {}
      const args = { channel_id: address.channel, thread_ts: thread, status: text, ...messages }
      await api.call(install, 'assistant.threads.setStatus', args, { about: address.channel, impatient: text !== '' })
    },
    async release() {
      const args = { channel_id: address.channel, thread_ts: thread, status: 'active' }
      await api.call(install, 'agents.sessions.setStatus', args, { about: address.channel })
    },
    limitedUntil: (method) => api.limitedUntil(install, method, channel),
    async elsewhere() {
      if (!inThread) return null
      if (address.direct) return at(channel)
      const { channel: opened } = await api.call(
        install,
        'conversations.open',
        { users: address.user },
        { about: address.user },
      )
      const id = (opened as { id?: string } | undefined)?.id
      return id ? at(id) : null
    },
    at,
  }
}
