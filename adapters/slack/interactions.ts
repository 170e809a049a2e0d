import { asFault, Fault, notice } from '../../src/errors.ts'
import type { Incoming, Place, Sender } from '../../src/types.ts'
import { ids, plain } from './blocks.ts'
import type { Desk, Way } from './desk.ts'
import { commandPlace, placeOf } from './incoming.ts'
import { type About, type Address, type Interaction, readAbout, sourceOfInteraction } from './payload.ts'
import type { Workspace } from './workspaces.ts'

/** A pressed button. */
export interface Click extends Interaction {
  trigger_id?: string
  response_url?: string
  channel?: { id?: string }
  message?: { ts?: string; thread_ts?: string }
  view?: { app_installed_team_id?: string; id?: string; hash?: string }
  container?: { message_ts?: string; thread_ts?: string; channel_id?: string }
  actions?: { action_id?: string; value?: string }[]
}

/** A dialog that was sent. */
export interface Submission extends Interaction {
  view?: {
    id?: string
    callback_id?: string
    private_metadata?: string
    app_installed_team_id?: string
    state?: { values?: Record<string, Record<string, { value?: string | null }>> }
  }
}

/** Who did something, and through which installation. */
export interface Actor {
  own: Workspace
  sender: Sender
  way: Way
  /** The person's own workspace. */
  userTeam: string
  tenant: string
}

/** Null: not installed there. */
export async function actorOf(desk: Desk, body: Interaction, shared: boolean): Promise<Actor | null> {
  const source = sourceOfInteraction(body)
  const own = await desk.workspaces.find(source)
  const id = body.user?.id
  if (!own || !id) return null
  const tenant = source.enterprise ?? source.team ?? ''
  const userTeam = body.user?.team_id ?? source.team ?? tenant
  const external = shared && userTeam !== source.team && userTeam !== source.enterprise
  const sender: Sender = { surface: 'slack', workspace: external ? userTeam : tenant, id }
  return { own, sender, way: { install: own.install, external, team: userTeam }, userTeam, tenant }
}

/** Ask the same question again. A second click asks nothing new. */
export async function answerAgain(desk: Desk, body: Click): Promise<void> {
  const about = readAbout(body.actions?.[0]?.value)
  const actor = about && (await actorOf(desk, body, about.w === 's'))
  if (!about || !actor) return
  try {
    const user = await desk.who(actor.sender, actor.way)
    const where = whereOf(body, about, actor)
    if (!where) return
    if (!(await isThere(desk, user.id, about))) {
      // A second click, when the first one's answer stands in its place already, is said nothing.
      if (await desk.first(`again:${about.t}`)) say(desk, body, nothingToAnswer)
      return
    }
    await desk.first(`again:${about.t}`)
    const incoming: Incoming = {
      ids: [`again:${about.t}`],
      sender: actor.sender,
      place: where.place,
      address: where.address,
      text: '',
      sentAt: desk.now(),
      conversation: about.c,
      user: user.id,
      replaces: about.t,
    }
    const { status } = await desk.chat.accept(incoming)
    if (status === 'full') say(desk, body, notice('inbox_full').text)
    if (status === 'denied') say(desk, body, notice('not_found').text)
  } catch (thrown) {
    refuse(desk, body, thrown)
  }
}

const nothingToAnswer =
  'There is nothing to answer again here: your question was not kept, or was answered anew since. Please write it once more.'

/** So far back the core looks for a question that is asked anew. */
const window = 40

/** The question is stored, or waits for its answer: one that was refused is neither. */
async function isThere(desk: Desk, user: string, { c, t }: About): Promise<boolean> {
  try {
    const { messages, pending } = await desk.chat.conversations.open(user, c, { limit: window })
    return [...messages, ...pending].some(({ turn }) => turn === t)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'not_found') return false
    throw thrown
  }
}

function whereOf(
  body: Click,
  about: About,
  { own, sender, way, userTeam, tenant }: Actor,
): { place: Place; address: Address } | null {
  const channel = body.channel?.id ?? body.container?.channel_id
  const thread = body.message?.thread_ts ?? body.container?.thread_ts ?? body.message?.ts ?? body.container?.message_ts
  const external = way.external ? { external: true } : {}
  const { install } = own
  if (!channel) return null
  if (about.w === 'a' && body.response_url) {
    const place = commandPlace(tenant, channel, sender.id)
    const respond = body.response_url
    return {
      place,
      address: {
        kind: 'command',
        install,
        channel,
        user: sender.id,
        home: sender.workspace,
        userTeam,
        respond,
        inChannel: false,
        ...external,
      },
    }
  }
  if (!thread) return null
  const direct = channel.startsWith('D')
  const shared = about.w === 's'
  return {
    place: placeOf({ tenant, channel, thread, direct, shared }),
    address: {
      kind: 'thread',
      install,
      channel,
      thread,
      // Our new messages come after the one with the button.
      ts: body.message?.ts ?? body.container?.message_ts ?? thread,
      user: sender.id,
      home: sender.workspace,
      userTeam,
      direct,
      ...external,
      ...(shared && { shared }),
    },
  }
}

/** 👍 or 👎. For the second we ask what was wrong, while the click still allows it. */
export async function rate(desk: Desk, body: Click): Promise<void> {
  const about = readAbout(body.actions?.[0]?.value)
  const actor = about && (await actorOf(desk, body, about.w === 's'))
  if (!about?.v || !actor) return
  const { v: value } = about
  if (value === 'down' && body.trigger_id) {
    const { trigger_id } = body
    desk.background('asking what was wrong', () =>
      desk.api.call(actor.own.install, 'views.open', { trigger_id, view: commentView(about) }),
    )
  }
  try {
    const user = await desk.who(actor.sender, actor.way)
    await desk.chat.conversations.rate(user.id, about.c, about.t, { value })
  } catch (thrown) {
    refuse(desk, body, thrown)
  }
}

export async function comment(desk: Desk, body: Submission): Promise<void> {
  const about = readAbout(body.view?.private_metadata)
  const text = fieldOf(body, ids.comment).trim()
  const actor = about && (await actorOf(desk, body, about.w === 's'))
  if (!about?.v || !actor || text === '') return
  const user = await desk.who(actor.sender, actor.way)
  await desk.chat.conversations.rate(user.id, about.c, about.t, { value: about.v, comment: text })
}

function commentView(about: About) {
  return {
    type: 'modal',
    callback_id: ids.comment,
    title: plain('What was wrong?'),
    submit: plain('Send'),
    close: plain('Skip'),
    private_metadata: JSON.stringify(about),
    blocks: [
      {
        type: 'input',
        block_id: ids.comment,
        optional: true,
        label: plain('It helps us to know'),
        element: { type: 'plain_text_input', action_id: ids.comment, multiline: true, max_length: 1_000 },
      },
    ],
  }
}

/** What was written into a field of a dialog. */
export function fieldOf(body: Submission, field: string): string {
  for (const block of Object.values(body.view?.state?.values ?? {})) {
    const value = block[field]?.value
    if (typeof value === 'string') return value
  }
  return ''
}

function say(desk: Desk, { response_url: url }: Click, text: string): void {
  if (url) desk.background('a short answer', () => desk.respond(url, text))
}

/** Those who may not are told so; what is broken is Slack's to show. */
function refuse(desk: Desk, body: Click, thrown: unknown): void {
  const fault = asFault(thrown)
  if (fault.code === 'store_unavailable' || fault.code === 'draining' || !(thrown instanceof Fault)) throw thrown
  say(desk, body, fault.notice.text)
}
