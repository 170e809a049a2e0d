import type { JsonObject } from '../../src/types.ts'
import type { TeamsConfig } from './config.ts'
import { isTrusted } from './config.ts'
import { tokenSource } from './credentials.ts'
import { TeamsError } from './errors.ts'

/** A conversation and the connector it is reached through: all that is needed to write there later, on any instance. */
export interface Spot {
  serviceUrl: string
  conversation: string
}

/** An activity on its way out, as Bot Framework writes it. */
export type Outgoing = { type: 'message' | 'typing' } & JsonObject

/** A person, as a conversation's list of members knows them. */
export interface Member {
  name?: string
  email?: string
  userPrincipalName?: string
  tenantId?: string
  userRole?: string
}

/**
 * Teams' connector, and with credentials.ts all that we know of the SDK that speaks to it: a successor of botbuilder is the
 * work of these two. Each call is made once, because a message that is posted twice is seen twice; failures are `TeamsError`s.
 */
export interface Transport {
  /** Post something new. The id is absent where the connector gave none. */
  send(spot: Spot, activity: Outgoing, timeoutMs: number): Promise<{ id?: string; dropped?: true }>
  update(spot: Spot, id: string, activity: Outgoing, timeoutMs: number): Promise<void>
  remove(spot: Spot, id: string, timeoutMs: number): Promise<void>
  member(spot: Spot, id: string, timeoutMs: number): Promise<Member>
}

/** So much of botbuilder's client as is used here. */
interface Client {
  conversations: {
    sendToConversation(conversation: string, activity: object, options: CallOptions): Promise<unknown>
    updateActivity(conversation: string, id: string, activity: object, options: CallOptions): Promise<unknown>
    deleteActivity(conversation: string, id: string, options: CallOptions): Promise<unknown>
    getConversationMember(conversation: string, id: string, options: CallOptions): Promise<unknown>
  }
}

interface CallOptions {
  abortSignal: AbortSignal
}

/**
 * Loads botbuilder, which nobody who does not use Teams should pay for. Only its connector: all of it would take 40 MB and a
 * second, for adapters, dialogs and state that are not used here.
 */
export async function openTransport(config: TeamsConfig): Promise<Transport> {
  const { default: connector } = await import('botframework-connector/lib/connectorApi/connectorClient.js')
  const { default: mappers } = await import('botframework-connector/lib/connectorApi/models/mappers.js')
  sendAsWritten(mappers.Activity)
  const credentials = await openCredentials(config)
  const clients = new Map<string, Client>()

  function clientOf({ serviceUrl }: Spot): Client {
    const known = clients.get(serviceUrl)
    if (known) return known
    // The token opens every chat of this bot: it goes to Teams and nowhere else.
    if (!isTrusted(serviceUrl, config))
      throw new TeamsError('connect', { status: 403, code: 'UntrustedServiceUrl', outcome: 'refused' })
    const client = new connector.ConnectorClient(credentials, { baseUri: serviceUrl })
    callOnce(client)
    // One a region, in practice.
    if (clients.size >= 100) clients.clear()
    clients.set(serviceUrl, client)
    return client
  }

  async function call<T>(
    what: string,
    spot: Spot,
    timeoutMs: number,
    make: (client: Client, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const client = clientOf(spot)
    // `AbortSignal.timeout` would go off for every call, long after it is over, and make an error that nobody sees.
    const aborter = new AbortController()
    const timer = setTimeout(() => aborter.abort(), timeoutMs).unref()
    try {
      return await make(client, { abortSignal: aborter.signal })
    } catch (thrown) {
      throw asTeamsError(what, thrown)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async send(spot, activity, timeoutMs) {
      const result = await call('send', spot, timeoutMs, (client, options) =>
        client.conversations.sendToConversation(spot.conversation, activity, options),
      )
      const { id, error, code } = (result ?? {}) as { id?: unknown; error?: unknown; code?: unknown }
      return {
        ...(typeof id === 'string' && id !== '' && { id }),
        // What came too late for a stream is taken and thrown away: 202 with an error in it, or with the error's own fields.
        ...((error !== undefined || code !== undefined) && { dropped: true as const }),
      }
    },
    async update(spot, id, activity, timeoutMs) {
      await call('update', spot, timeoutMs, (client, options) =>
        client.conversations.updateActivity(spot.conversation, id, activity, options),
      )
    },
    async remove(spot, id, timeoutMs) {
      await call('delete', spot, timeoutMs, (client, options) =>
        client.conversations.deleteActivity(spot.conversation, id, options),
      )
    },
    async member(spot, id, timeoutMs) {
      const found = await call('member', spot, timeoutMs, (client, options) =>
        client.conversations.getConversationMember(spot.conversation, id, options),
      )
      return memberOf(found)
    },
  }
}

/**
 * botbuilder 4.23.3 sends nothing of an entity but its type, text and who is mentioned, so that neither streams nor the AI
 * label work (mended upstream a day after its last release: botbuilder-js, pull request 4903). Here no activity is mapped
 * at all, which also saves a quarter of a call: ours are as the connector wants them.
 */
function sendAsWritten(activity: { type: { name: string } }): void {
  activity.type.name = 'any'
}

/**
 * Takes out of botbuilder's pipeline what repeats a POST that may have been done (three times, after a 5xx), and what would
 * carry our token along to wherever a redirection leads.
 */
function callOnce(client: object): void {
  const { pipeline } = (client as { client: { pipeline: Pipeline } }).client
  for (const name of ['defaultRetryPolicy', 'redirectPolicy', 'tracingPolicy', 'logPolicy'])
    if (pipeline.removePolicy({ name }).length !== 1) throw new Error(`botbuilder has no ${name} any more`)
}

interface Pipeline {
  removePolicy(which: { name: string }): unknown[]
}

type Headers = { set(name: string, value: string): void }

async function openCredentials(config: TeamsConfig) {
  const token = await tokenSource(config)
  return {
    async signRequest<Resource extends { headers: Headers }>(resource: Resource): Promise<Resource> {
      const value = await token()
      if (value) resource.headers.set('authorization', `Bearer ${value}`)
      return resource
    },
  }
}

/** As botbuilder throws it: Azure's `RestError`. */
interface RestError {
  statusCode?: number
  code?: string
  details?: { error?: { code?: unknown; message?: unknown }; code?: unknown; message?: unknown }
  response?: { headers?: { get(name: string): string | undefined }; bodyAsText?: string | null }
}

function asTeamsError(what: string, thrown: unknown): TeamsError {
  if (thrown instanceof TeamsError) return thrown
  const { statusCode: status = 0, code: reason = '', details, response } = (thrown ?? {}) as RestError
  if (status < 300) {
    const outcome = neverSent.has(reason) ? 'refused' : 'unknown'
    return new TeamsError(what, { status: 0, code: reason, outcome, cause: thrown })
  }
  const said = details?.error ?? details
  const wait = Number(response?.headers?.get('retry-after') ?? Number.NaN)
  return new TeamsError(what, {
    status,
    code: typeof said?.code === 'string' ? said.code : '',
    words: typeof said?.message === 'string' ? said.message : (response?.bodyAsText ?? '').slice(0, 1_000),
    // 503 comes from a door that took nothing; other failures of a server may come after its work.
    outcome: status >= 500 && status !== 503 ? 'unknown' : 'refused',
    ...(Number.isFinite(wait) && { retryAfterMs: wait * 1000 }),
  })
}

const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

function memberOf(found: unknown): Member {
  const all = (found ?? {}) as Record<string, unknown>
  const member: Member = {}
  for (const field of ['name', 'email', 'userPrincipalName', 'tenantId', 'userRole'] as const) {
    const value = all[field]
    if (typeof value === 'string' && value !== '') member[field] = value
  }
  return member
}
