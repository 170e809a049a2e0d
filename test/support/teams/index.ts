import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/types.ts'
import { type Actions, createActions } from './actions.ts'
import { envelope } from './activities.ts'
import { type Clock, systemClock } from './clock.ts'
import { createApi, headersOf, send } from './connector/api.ts'
import { sharedFile } from './connector/attachments.ts'
import { type Call, type Operation, Refusal } from './connector/call.ts'
import { type Attempt, createDelivery, type Delivery } from './delivery.ts'
import { createFaults, type Fault, type FaultOptions, type FaultRule, type TeamsError } from './faults.ts'
import { createLimiter } from './limits.ts'
import { type Screen, screenOf } from './screen.ts'
import { type Chat, createState, type FileHere, type Person, type State, type Team } from './state.ts'
import { isKeySet, keySet, mint, openIdMetadata, type TokenCaseName, type TokenParts, tokenCases } from './tokens.ts'
import { addChannel, addGroup, addPerson, addPersonal, type Cast, createCast, newTeam } from './world.ts'

export type { Pressed, Said, Say } from './actions.ts'
export { type Clock, type FakeClock, fakeClock, systemClock } from './clock.ts'
export type { Call, Operation } from './connector/call.ts'
export type { Attempt, Delivery } from './delivery.ts'
export { type Fault, type TeamsError, teamsErrors } from './faults.ts'
export type { Screen, ScreenMessage } from './screen.ts'
export type { Chat, Person } from './state.ts'
export { type TokenCase, type TokenCaseName, tokenCases } from './tokens.ts'

export interface TeamsOptions {
  /** 0, the default: any free one. */
  port?: number
  /** Streams, limits, redelivery and slowness go by it. */
  clock?: Clock
  /** The bot's messaging endpoints, one an instance; can be set later by `connect`. */
  botUrls?: string[]
  appId?: string
  tenantId?: string
  botName?: string
  /** As the Playground: no token on either side. */
  anonymous?: boolean
  /** Off: what was not acknowledged is not sent again. */
  redeliver?: boolean
  /** Off: no rate limits, and no pace of streams. */
  limits?: boolean
  /** Off: a 429 does not say when to come again. */
  retryAfter?: boolean
}

/** A whole Teams with one bot: its connector, its people and their screens. */
export interface TeamsStandIn extends Cast, Actions {
  readonly url: string
  readonly port: number
  /** `http://127.0.0.1:<port>/emea/<tenant>/`: what every activity names. */
  readonly serviceUrl: string
  /** `MicrosoftAppId` and `MicrosoftAppTenantId`. */
  readonly appId: string
  readonly tenantId: string
  readonly bot: { id: string; name: string }
  /** What the bot's calls must carry as their bearer token. */
  readonly token: string
  /** Where the keys of the connector's tokens are told (`ToBotFromChannelOpenIdMetadataUrl`). */
  readonly openIdMetadataUrl: string
  /** The same for tokens that Entra itself makes (`ToBotFromEmulatorOpenIdMetadataUrl`). */
  readonly entraMetadataUrl: string
  readonly clock: Clock
  readonly state: State
  /** Every call of the connector, in order. */
  readonly calls: Call[]
  /** Every activity that was sent to the bot. */
  readonly deliveries: Delivery[]
  callsTo(operation: Operation): Call[]
  connect(...botUrls: string[]): void
  /** Let calls go wrong, see faults.ts: a fault, or an error of Teams by its name. */
  fail(operation: Operation | '*', fault: Fault | TeamsError, options?: FaultOptions): FaultRule
  heal(): void
  /** What people see of a chat, or with `;messageid=` of one thread. */
  screen(conversation: string): Screen
  /** Resolves with what `look` finds once it finds something; looks again after each change. */
  until<T>(look: () => T | undefined | null | false): Promise<T>
  addPerson(person: Partial<Person> & { name: string }): Person
  /** `tenantId`: the chat is of another tenant. */
  addPersonal(person: Person, tenantId?: string): Chat
  addGroup(name: string, members: Person[]): Chat
  addChannel(name: string, members: Person[], team?: Team): Chat
  addFile(file: Partial<FileHere> & { name: string }): FileHere
  /** The same activity once more, as after a time-out; to any instance. */
  redeliver(delivery: Delivery, to?: string): Promise<Attempt>
  /** One activity to two or more instances at the same time. */
  deliverToAll(activity: JsonObject): Promise<Attempt[]>
  /** A token of the connector, with what a test wants to be different. */
  mint(parts?: TokenParts): string
  /** Come to the door by one of the named cases, with a message of Ana's. Nothing of it is seen in the chat. */
  knock(name: TokenCaseName, more?: JsonObject): Promise<Attempt>
  /** Post any activity, signed as Teams signs unless told otherwise (`null`: no header). */
  postActivity(activity: JsonObject, authorization?: string | null): Promise<Attempt>
  /** The envelope of an activity from someone, to build odd ones with. */
  activity(conversation: string, more: JsonObject, from?: Person): JsonObject
  /** No request to the bot is on its way. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** Start a Teams of our own. */
export async function startTeams(options: TeamsOptions = {}): Promise<TeamsStandIn> {
  const clock = options.clock ?? systemClock()
  const tenantId = options.tenantId ?? randomUUID()
  const appId = options.appId ?? randomUUID()
  const bot = { id: `28:${appId}`, name: options.botName ?? 'Aide' }
  const token = `connector-${randomUUID()}`
  const state = createState(clock, tenantId)
  const faults = createFaults()
  const calls: Call[] = []
  let botUrls = options.botUrls ?? []

  const connector = createServer((request, response) => void guard(request, response, route))
  /** Another host: where shared files lie behind pre-authenticated links. */
  const share = createServer((request, response) => void guard(request, response, shared))
  const port = await listen(connector, options.port ?? 0)
  const sharePort = await listen(share, 0)
  const origin = `http://127.0.0.1:${port}`
  const region = `/emea/${tenantId}/`
  const serviceUrl = `${origin}${region}`
  const facts = { appId, serviceUrl }

  const signed = (): string | undefined => (options.anonymous ? undefined : `Bearer ${mint(facts)}`)
  const deliveries = createDelivery({
    clock,
    targets: () => botUrls,
    authorization: signed,
    redeliver: options.redeliver ?? true,
  })
  const cast = createCast(state)
  const base = { state, bot, serviceUrl }
  const actions = createActions({ envelope: base, deliveries, fileAttachment })
  const api = createApi({
    state,
    botId: bot.id,
    limits: options.limits ?? true,
    faults,
    limiter: createLimiter(clock),
    journal: calls,
    token: () => (options.anonymous ? undefined : token),
    serviceUrl: () => serviceUrl,
    retryAfter: options.retryAfter ?? true,
  })

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', search = ''] = (request.url ?? '/').split('?')
    const [, set, keys] = /^\/openid\/(\w+)\/(keys)?/.exec(path) ?? []
    if (path.startsWith(region))
      await api.handle(request, response, path.slice(region.length), new URLSearchParams(search))
    else if (set && isKeySet(set))
      send(response, { status: 200, body: keys ? keySet(set) : openIdMetadata(origin, set) })
    else send(response, { status: 404 })
  }

  async function shared(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = (request.url ?? '/').slice(1)
    const headers = headersOf(request)
    const call: Call = {
      operation: 'file',
      method: request.method ?? '',
      path: id,
      headers,
      at: clock.now(),
      done: false,
    }
    calls.push(call)
    const fault = faults.pick(call)
    if (fault) call.fault = fault.kind
    if (fault?.kind === 'cut') return void request.socket.destroy()
    if (fault?.kind === 'slow') await (typeof fault.wait === 'number' ? pause(fault.wait) : fault.wait)
    try {
      if (fault?.kind === 'status') throw new Refusal(fault.status, fault.code ?? '', fault.message ?? '')
      const answer = sharedFile(state, id, headers.authorization)
      call.done = true
      call.status = answer.status
      send(response, answer)
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      call.status = thrown.status
      send(response, thrown.answer())
    }
  }

  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))

  function fileAttachment(id: string): JsonObject {
    const file = state.files.get(id)
    if (!file) throw new Error(`there is no file ${id}`)
    if (file.kind === 'inline')
      return { contentType: 'image/*', contentUrl: `${serviceUrl}v3/attachments/${id}/views/original` }
    return {
      contentType: 'application/vnd.microsoft.teams.file.download.info',
      contentUrl: `https://contoso.sharepoint.example/personal/ana/Documents/Files/${encodeURIComponent(file.name)}`,
      name: file.name,
      content: {
        downloadUrl: `http://127.0.0.1:${sharePort}/${id}`,
        uniqueId: randomUUID(),
        fileType: file.name.split('.').at(-1) ?? '',
      },
    }
  }

  const activity: TeamsStandIn['activity'] = (conversation, more, from = cast.ana) => {
    const [, root] = conversation.split(';messageid=')
    const about = { id: state.nextId(), ...(root !== undefined && { root }) }
    return { type: 'message', ...envelope(base, state.chat(conversation), from, about), ...more }
  }

  return {
    ...cast,
    ...actions,
    url: origin,
    port,
    serviceUrl,
    appId,
    tenantId,
    bot,
    token,
    openIdMetadataUrl: `${origin}/openid/connector/.well-known/openidconfiguration`,
    entraMetadataUrl: `${origin}/openid/entra/.well-known/openid-configuration`,
    clock,
    state,
    calls,
    deliveries: deliveries.sent,
    callsTo: (operation) => calls.filter((call) => call.operation === operation),
    connect(...urls) {
      botUrls = urls
    },
    fail: (operation, fault, faultOptions) => faults.add(operation, fault, faultOptions),
    heal: () => faults.clear(),
    screen: (conversation) => screenOf(state, conversation, bot.id),
    until: (look) => until(state, look),
    addPerson: (person) => addPerson(state, person),
    addPersonal: (person, tenant) => addPersonal(state, person, tenant),
    addGroup: (name, members) => addGroup(state, name, members),
    addChannel: (name, members, team = newTeam('Another Team')) => addChannel(state, team, name, members),
    addFile(file) {
      const made: FileHere = {
        id: randomUUID(),
        type: 'text/plain',
        bytes: Buffer.from('Hello'),
        kind: 'shared',
        ...file,
      }
      state.files.set(made.id, made)
      return made
    },
    redeliver: (delivery, to) => deliveries.again(delivery, to),
    deliverToAll: (one) => Promise.all(botUrls.map((to) => deliveries.raw(one, signed(), to))),
    mint: (parts) => mint(facts, parts),
    knock(name, more = {}) {
      const each: (typeof tokenCases)[TokenCaseName] & { change?: (activity: JsonObject) => JsonObject } =
        tokenCases[name]
      const plain = activity(cast.personal.id, { text: 'Hello', ...more })
      return deliveries.raw(each.change ? each.change(plain) : plain, each.authorization(facts))
    },
    postActivity: (one, authorization = signed() ?? null) => deliveries.raw(one, authorization ?? undefined),
    activity,
    idle: deliveries.idle,
    async close() {
      deliveries.close()
      for (const server of [connector, share]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

async function guard(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<void> {
  try {
    await handle(request, response)
  } catch (thrown) {
    // The client went away in the middle of its request.
    if (request.destroyed && !request.complete) return
    // A defect of the stand-in itself: loud, so that no test takes it for Teams.
    const stack = thrown instanceof Error ? thrown.stack : String(thrown)
    process.stderr.write(`the stand-in for Teams failed: ${stack}\n`)
    if (!response.headersSent) response.writeHead(500).end('stand-in defect')
  }
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

async function until<T>(state: State, look: () => T | undefined | null | false): Promise<T> {
  for (;;) {
    const found = look()
    if (found) return found
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        off()
        clearTimeout(timer)
        resolve()
      }
      const off = state.onChange(wake)
      // Calls that change nothing on the screen are looked at as well.
      const timer = setTimeout(wake, 10)
    })
  }
}
