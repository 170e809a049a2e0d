import { notice } from '../../src/errors.ts'
import type { Incoming } from '../../src/types.ts'
import { buttonValue, ids, plain, section } from './blocks.ts'
import { asksForTheRest } from './continuing.ts'
import type { Desk } from './desk.ts'
import type { eventNames } from './eventNames.ts'
import { publishHome, suggestPrompts } from './home.ts'
import { placeOf, type Understood, understand } from './incoming.ts'
import { installationKey } from './installations.ts'
import { type Order, obey, whoOrders } from './orders.ts'
import { type Envelope, type MessageEvent, sourceOfEvent, type ThreadAddress } from './payload.ts'
import { readableNow } from './readable.ts'
import type { Workspace } from './workspaces.ts'

/** Handles one kind of event. Resolves when it is safe to acknowledge; rejects for Slack to bring it again. */
export type EventListener = (body: Envelope, event: Record<string, unknown>) => Promise<void>

/** Every event that is listened to, by its type. The manifest is held to these by a test. */
export function createEvents(desk: Desk): Record<(typeof eventNames)[number], EventListener> {
  const message: EventListener = async (body, event) => {
    const own = await desk.workspaces.find(sourceOfEvent(body))
    if (!own) return desk.log.debug({ team: body.team_id }, 'an event of a workspace that is not installed')
    const understood = understand(body, event as MessageEvent, own)
    switch (understood.type) {
      case 'question':
        return takeQuestion(desk, understood, event as MessageEvent)
      case 'word':
        if (await isQuestion(desk, understood)) {
          await takeQuestion(desk, understood.question, event as MessageEvent)
          // Its second delivery may come when the answer is there, and would be taken for an order.
          return desk.background('noting a question', () => desk.first(understood.id))
        }
        return obey(desk, understood)
      case 'change':
        return amend(desk, understood)
      default:
        return desk.log.debug({ reason: understood.reason }, 'not for us')
    }
  }

  const attends =
    (here: boolean): EventListener =>
    async (body, event) => {
      const own = await desk.workspaces.find(sourceOfEvent(body))
      if (own && event.user !== own.botUserId) await desk.attendance.changed(body, event, here)
    }

  const removed: EventListener = async (body, event) => {
    const { tokens } = event as { tokens?: { bot?: string[] } }
    // Tokens of single people are none of ours.
    if (tokens && !tokens.bot?.length) return
    const install = installationKey(sourceOfEvent(body)) ?? ''
    const own = await desk.workspaces.find(sourceOfEvent(body))
    await desk.workspaces.gone(own?.install ?? install, String(event.type))
  }

  return {
    message,
    app_mention: message,
    app_uninstalled: removed,
    member_joined_channel: attends(true),
    member_left_channel: attends(false),
    tokens_revoked: removed,

    /** The stop button. Slack has ended the streams already. */
    async agent_session_stopped(body, event) {
      const own = await desk.workspaces.find(sourceOfEvent(body))
      const { channel, thread_ts: thread } = event as { channel?: string; thread_ts?: string }
      if (!own || !channel || !thread) return
      const stopped = await desk.chat.stopHere(placeIn(body, channel, thread))
      if (!stopped) desk.background('releasing a session', () => release(desk, own, channel, thread))
    },

    async app_home_opened(body, event) {
      const own = await desk.workspaces.find(sourceOfEvent(body))
      const { tab, user, channel } = event as { tab?: string; user?: string; channel?: string }
      if (!own || !user) return
      const { enterprise, team = '' } = sourceOfEvent(body)
      if (tab === 'home') {
        const sender = { surface: 'slack', workspace: enterprise ?? team, id: user } as const
        desk.background('the Home tab', () => publishHome(desk, own.install, sender))
      }
      if (tab === 'messages' && channel)
        desk.background('suggesting prompts', () => suggestPrompts(desk, own.install, channel))
    },

    /** Agents are to listen to this one. What people look at beside the chat is not used. */
    async app_context_changed() {},
  } satisfies Record<(typeof eventNames)[number], EventListener>
}

/** “continue” may be both. */
async function isQuestion(desk: Desk, order: Order): Promise<boolean> {
  return order.word === 'continue' && asksForTheRest(desk, order.place, () => whoOrders(desk, order))
}

type Of<Type extends Understood['type']> = Extract<Understood, { type: Type }>

async function takeQuestion(desk: Desk, { incoming, address }: Of<'question'>, event: MessageEvent): Promise<void> {
  const { client_msg_id: gesture, ts, thread_ts = ts } = event
  if (!gesture || thread_ts !== ts) return void (await accept(desk, incoming, address))
  // Slack now and then makes two messages of one gesture, with different times. In a thread both have the same place, where
  // their common id tells; what is new in a channel are two places.
  const { place, ids: known } = incoming
  const key = `gesture:${place.workspace}:${place.channel}:${gesture}`
  await desk.onceHere(key, async () => {
    if (!(await accept(desk, incoming, address))) return
    // Another instance may have got the other one. Looked for after this one is stored, so that no acknowledgement waits for
    // it and nothing gets lost: the later of the two is taken back.
    desk.background('looking for a double', async () => {
      if (await desk.first(key)) return
      desk.withdrawn.add(address)
      await desk.chat.amend(place, known[0]!, null)
    })
  })
}

/** True: it is stored, and was not before. */
async function accept(desk: Desk, incoming: Incoming, address: ThreadAddress): Promise<boolean> {
  const { status } = await desk.chat.accept(incoming)
  const { place, sender } = incoming
  if (status === 'accepted') desk.background('noting who is there', () => desk.attendance.wrote(place, sender))
  if (status === 'full')
    desk.background('saying that there is too much', () => desk.tell(address, notice('inbox_full').text))
  return status === 'accepted'
}

async function amend(desk: Desk, { id, change, place, text, address }: Of<'change'>): Promise<void> {
  await desk.once(change, async () => {
    if (text === null) desk.withdrawn.add(address)
    const amended = await desk.chat.amend(
      place,
      id,
      text === null ? null : readableNow(text, address.install, desk.names),
    )
    const { when, conversation, turn } = amended
    if (text === null || !conversation || !turn || (when !== 'running' && when !== 'answered')) return
    desk.background('offering another answer', () => offerAgain(desk, address, conversation, turn))
  })
}

function offerAgain(desk: Desk, address: ThreadAddress, c: string, t: string): Promise<void> {
  const text = 'You changed your question after I began to answer it.'
  const value = buttonValue({ c, t, ...(address.shared && { w: 's' as const }) })
  const button = { type: 'button', action_id: ids.again, text: plain('Answer again'), value }
  // Its answer is there, or on its way.
  return desk.tell({ ...address, inThread: true }, text, [section(text), { type: 'actions', elements: [button] }])
}

function placeIn(body: Envelope, channel: string, thread: string) {
  const { enterprise, team = '' } = sourceOfEvent(body)
  const shared = body.is_ext_shared_channel === true
  return placeOf({ tenant: enterprise ?? team, channel, thread, direct: channel.startsWith('D'), shared })
}

/** Without it, Slack shows the session as busy for ever. */
async function release(desk: Desk, own: Workspace, channel: string, thread: string): Promise<void> {
  const args = { channel_id: channel, thread_ts: thread, status: 'active' }
  await desk.api.call(own.install, 'agents.sessions.setStatus', args, { about: channel })
}
