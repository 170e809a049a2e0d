import type { Api } from './api.ts'
import { codeOf, ended, SlackError } from './errors.ts'
import { timeOf } from './incoming.ts'
import type { MessageEvent, ThreadAddress } from './payload.ts'
import { isOurs, type Workspaces } from './workspaces.ts'

export interface FindOptions {
  /** Not before this can a message of ours have been begun that does not say of which turn it is. Absent: there is none. */
  since?: number | undefined
  /** Slack lets some apps look once a minute only. Without patience, what must be waited for is not looked at. */
  patient: boolean
}

interface Found extends MessageEvent {
  metadata?: { event_type?: string; event_payload?: { turn?: string } }
  streaming_state?: 'in_progress' | 'completed' | 'errored'
}

const metadataType = 'chat_answer'
/** What each message of an answer says of itself, unseen. */
export const metadataOf = (turn: string) => ({ event_type: metadataType, event_payload: { turn } })

/** Looks through so many pages behind a question. One holds 200 messages, or 15 for some apps. */
const mostPages = 5

/** Our messages of a turn that stand in a place beside those that are known; null: we may not look. */
export function createFind(options: {
  api: Api
  workspaces: Workspaces
  address: ThreadAddress
  turn: string
  place: { channel: string; inThread: boolean }
}): (known: readonly string[], how: FindOptions) => Promise<string[] | null> {
  const { api, workspaces, address, turn } = options
  const { install, thread } = address
  const { channel, inThread } = options.place
  const metadata = metadataOf(turn)

  /** What stands there behind the question, page by page. */
  async function read(patient: boolean): Promise<Found[]> {
    const which = { channel, ...(address.ts && { oldest: address.ts }), limit: 200, include_all_metadata: true }
    const how = { about: channel, impatient: !patient }
    const messages: Found[] = []
    for (let page = 0, cursor = ''; page < (address.ts ? mostPages : 1); page++) {
      const args = { ...which, ...(cursor && { cursor }) }
      const result = inThread
        ? await api.call(install, 'conversations.replies', { ...args, ts: thread }, how)
        : await api.call(install, 'conversations.history', args, how)
      if (Array.isArray(result.messages)) messages.push(...(result.messages as Found[]))
      cursor = (result.response_metadata as { next_cursor?: string } | undefined)?.next_cursor ?? ''
      if (!cursor) break
    }
    return messages
  }

  /**
   * Messages that were finished say which turn they are of; a stream says so with its end alone. One that was not ended
   * can only be this turn's: in a thread one answer is written at a time. Whether it is open is found out by closing it.
   * One that Slack ended (after five minutes, or by its stop button) may be of the turn before if it is older than `since`.
   */
  async function isThisTurns({ ts, metadata: said, streaming_state: state }: Found, since?: number): Promise<boolean> {
    if (said?.event_type === metadataType) return said.event_payload?.turn === turn
    if (said || since === undefined || !inThread) return false
    try {
      await api.call(install, 'chat.stopStream', { channel, ts, metadata }, { about: channel })
      return true
    } catch (thrown) {
      return ended.has(codeOf(thrown)) && state !== undefined && timeOf(ts!) >= since
    }
  }

  return async (known, { since, patient }) => {
    try {
      const own = await workspaces.byKey(install)
      // Just started: which messages are ours is known once Slack has told who we are. To look before is to see none.
      if (own && !own.botId && !own.botUserId) throw new SlackError('auth.test', 'unreachable', { outcome: 'not done' })
      const ours = (await read(patient)).filter(
        (one) => one.ts && one.ts !== thread && isOurs(one, own) && !known.includes(one.ts),
      )
      const found = await Promise.all(ours.map(async (one) => ((await isThisTurns(one, since)) ? one.ts! : undefined)))
      return found.filter((ts) => ts !== undefined).sort()
    } catch (thrown) {
      if (cannotLook.has(codeOf(thrown)) || (!patient && thrown instanceof SlackError)) return null
      throw thrown
    }
  }
}

const cannotLook = new Set(['missing_scope', 'not_in_channel', 'channel_not_found', 'thread_not_found', 'is_archived'])
