import { z } from 'zod'
import type { Source } from './workspaces.ts'

/*
 * The parts of Slack's payloads that we read. Everything may be missing: what is needed is checked where it is used, and
 * nothing else is looked at.
 */

export interface File {
  name?: string
}

export interface MessageEvent {
  type?: string
  subtype?: string
  hidden?: boolean
  channel?: string
  channel_type?: string
  user?: string
  bot_id?: string
  text?: string
  ts?: string
  thread_ts?: string
  client_msg_id?: string
  /** The workspace of the author; two names of it, by kind of event. */
  team?: string
  user_team?: string
  files?: File[]
  edited?: { ts?: string }
  /** In `message_changed` and `message_deleted`. */
  message?: MessageEvent
  previous_message?: MessageEvent
  deleted_ts?: string
}

export interface Envelope {
  type?: string
  event_id?: string
  team_id?: string | null
  enterprise_id?: string | null
  /** The workspace and organisation through which we hear of it. */
  context_team_id?: string | null
  context_enterprise_id?: string | null
  is_ext_shared_channel?: boolean
  authorizations?: {
    team_id?: string | null
    enterprise_id?: string | null
    user_id?: string
    is_enterprise_install?: boolean
  }[]
  event?: Record<string, unknown>
}

/** Which installation an event is for. In Slack Connect, the outer `team_id` may be somebody else's. */
export function sourceOfEvent(body: Envelope): Source {
  const [first] = body.authorizations ?? []
  const team = first?.team_id ?? body.context_team_id ?? body.team_id
  const enterprise =
    first?.enterprise_id ?? body.context_enterprise_id ?? (team === body.team_id ? body.enterprise_id : undefined)
  return source(team, enterprise, first?.is_enterprise_install)
}

/** A command, button, shortcut or dialog. */
export interface Interaction {
  team?: { id?: string; enterprise_id?: string } | null
  enterprise?: { id?: string } | null
  is_enterprise_install?: boolean | string
  user?: { id?: string; team_id?: string }
  view?: { app_installed_team_id?: string }
}

export function sourceOfInteraction(body: Interaction): Source {
  return source(
    body.view?.app_installed_team_id ?? body.team?.id ?? body.user?.team_id,
    body.enterprise?.id ?? body.team?.enterprise_id,
    String(body.is_enterprise_install) === 'true',
  )
}

export interface Command {
  command: string
  text?: string
  team_id: string
  enterprise_id?: string
  is_enterprise_install?: string | boolean
  channel_id: string
  user_id: string
  trigger_id: string
  response_url: string
}

export function sourceOfCommand(body: Command): Source {
  return source(body.team_id, body.enterprise_id, String(body.is_enterprise_install) === 'true')
}

function source(team?: string | null, enterprise?: string | null, orgWide?: boolean): Source {
  return { orgWide: orgWide === true, ...(team && { team }), ...(enterprise && { enterprise }) }
}

// --- what we give away to get it back: stored addresses, values of buttons ---------------------------------------------

const base = {
  install: z.string(),
  channel: z.string(),
  user: z.string(),
  /** Whose person it is: the workspace or organisation in their identity. */
  home: z.string(),
  /** The workspace they are in themselves. */
  userTeam: z.string(),
  /** They belong to another organisation than the installation. */
  external: z.boolean().optional(),
}

/** Where an answer goes that is written into a thread. */
const threadAddress = z.object({
  kind: z.literal('thread'),
  ...base,
  /** The message whose thread it is. */
  thread: z.string(),
  /** The question's own message; of a shortcut: the one it is about. */
  ts: z.string(),
  direct: z.boolean(),
  /** In a channel that is shared with another organisation. */
  shared: z.boolean().optional(),
  /** The question was written in the middle of a thread: what was said there before matters. */
  inThread: z.boolean().optional(),
  /** Names of attached files, which we cannot read. */
  files: z.array(z.string()).optional(),
  /** The message the question is about, see the shortcut. */
  quote: z.object({ author: z.string(), text: z.string() }).optional(),
  /** The question is not in the thread for all to see (it came from a dialog): shown below the answer. */
  asked: z.string().optional(),
})

/** Where the answer to a command goes. Slack's address for it works for 30 minutes and 5 messages. */
const commandAddress = z.object({
  kind: z.literal('command'),
  ...base,
  respond: z.string(),
  inChannel: z.boolean(),
})

export type ThreadAddress = z.infer<typeof threadAddress>
export type CommandAddress = z.infer<typeof commandAddress>
export type Address = ThreadAddress | CommandAddress
const address = z.discriminatedUnion('kind', [threadAddress, commandAddress])
export const readAddress = (json: unknown): Address => address.parse(json)

/** Which answer a button belongs to. Short names: a value holds 2,000 characters, and there are several in each answer. */
const about = z.object({
  c: z.string(),
  t: z.string(),
  /** 's': in a shared channel. 'a': the answer to a command. */
  w: z.enum(['s', 'a']).optional(),
  v: z.enum(['up', 'down']).optional(),
})
export type About = z.infer<typeof about>

export function readAbout(value: string | undefined): About | null {
  try {
    return about.parse(JSON.parse(value ?? ''))
  } catch {
    return null
  }
}
