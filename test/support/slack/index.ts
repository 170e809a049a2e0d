import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/types.ts'
import { type ActionOptions, type Actions, createActions } from './actions.ts'
import { type Call, createApi } from './api.ts'
import { type Clock, systemClock } from './clock.ts'
import {
  type Attempt,
  createDelivery,
  type Delivery,
  encode,
  httpTransport,
  newEventId,
  type Post,
  postSigned,
} from './delivery.ts'
import { createFaults, type Fault, type FaultOptions, type FaultRule } from './faults.ts'
import { createHappenings, type HappeningOptions, type Happenings } from './happenings.ts'
import { createLimiter } from './limits.ts'
import { distributedHistory } from './methods/conversations.ts'
import type { AppFacts, Authorization, Trigger } from './methods/method.ts'
import { install } from './methods/oauth.ts'
import { parseRequest, readBody } from './request.ts'
import { createResponses } from './responses.ts'
import { type Screen, screenOf } from './screen.ts'
import { createSockets, type Sockets } from './socket.ts'
import { type Channel, createState, type Install, type Person, randomHex, type State, type Team } from './state.ts'
import { addBot, addChannel, addPerson, addTeam, allEvents, allScopes, type Cast, createCast } from './world.ts'

export type { Said } from './actions.ts'
export type { Call } from './api.ts'
export { type Clock, type FakeClock, fakeClock, systemClock } from './clock.ts'
export type { Attempt, Delivery } from './delivery.ts'
export { sign } from './delivery.ts'
export type { Screen, ScreenMessage } from './screen.ts'

/** The variables an app needs to speak to this Slack over HTTP events. Spread it into the app's environment. */
export type SlackVariables = Record<'SLACK_SIGNING_SECRET' | 'SLACK_BOT_TOKEN' | 'SLACK_API_URL', string>

export interface SlackOptions {
  /** 0, the default: any free one. */
  port?: number
  clock?: Clock
  /** Where the app takes events, commands and interactions; can be set later by `connect`. */
  appUrl?: string
  /** Events and interactions go through the app's websockets instead. */
  socketMode?: boolean
  /** How long Slack waits for an answer; three seconds on its clock. */
  ackTimeoutMs?: number
  /** Off: an event that was not acknowledged is not sent again. */
  retries?: boolean
  /** Off: no rate limits (for benchmarks and tests that are not about them). */
  limits?: boolean
  echo?: HappeningOptions['echo']
  scopes?: string[]
  events?: string[]
  distribution?: AppFacts['distribution']
  rotation?: boolean
  botName?: string
}

/** A whole Slack with one app, three people, a few channels. */
export interface SlackStandIn
  extends Cast,
    Omit<Actions, 'kick' | 'openApp' | 'look' | 'clickView' | 'submit' | 'closeModal'> {
  readonly url: string
  readonly port: number
  /** `SLACK_API_URL`. */
  readonly apiUrl: string
  readonly signingSecret: string
  readonly botToken: string
  readonly appToken: string
  readonly app: AppFacts
  readonly clock: Clock
  readonly state: State
  readonly sockets: Sockets
  /** Every call of the API, in order. */
  readonly calls: Call[]
  /** Everything that was sent to the app. */
  readonly deliveries: Delivery[]
  readonly events: Happenings
  readonly variables: SlackVariables
  /** The app's address for events. */
  connect(appUrl: string): void
  callsTo(method: string): Call[]
  /** Let calls go wrong, see faults.ts. */
  fail(method: string, fault: Fault, options?: FaultOptions): FaultRule
  /** Everything goes well again. */
  heal(): void
  /** What a person (everyone, by default) sees of a channel, or of one thread in it. */
  screen(channel: string, options?: { thread?: string; as?: string }): Screen
  /** Resolves with what `look` finds once it finds something; looks again after each change. */
  until<T>(look: () => T | undefined | null | false): Promise<T>
  addTeam(team?: Partial<Team>): Team
  addPerson(person: Partial<Person> & { team?: string; realName: string }): Person
  addChannel(channel: Partial<Omit<Channel, 'members' | 'messages'>> & { team?: string; members: string[] }): Channel
  addBot(bot: { team?: string; realName: string }): Person
  addFile(file: JsonObject): JsonObject
  /** Install the app in a workspace, or with `enterprise` in a whole organisation. */
  installIn(where: { team?: string; enterprise?: string; user?: string; scopes?: string[] }): Install
  /** What Slack answers to a person who follows an authorize link and agrees: where the browser goes next. */
  authorize(link: string, who?: { team?: string; enterprise?: string; user?: string; deny?: boolean }): string
  openApp(user: string, tab: 'home' | 'messages'): Delivery[]
  look(user: string, entities: JsonObject[]): Delivery[]
  kick(channel: string, from?: Install): Delivery[]
  archive(channel: string): void
  clickHome(user: string, button: string): ReturnType<Actions['clickView']>
  clickModal(user: string, button: string): ReturnType<Actions['clickView']>
  submit(user: string, values: Record<string, string>): ReturnType<Actions['submit']>
  closeModal(user: string): ReturnType<Actions['closeModal']>
  /** The app is removed: its token dies, then it is told. */
  uninstall(from?: Install): Delivery[]
  revokeTokens(from?: Install): Delivery[]
  /** More events than Slack delivers: an envelope without an event. */
  rateLimitApp(): Delivery
  /** The same event again, as after a time-out. */
  redeliver(delivery: Delivery): Promise<Attempt>
  /** Send anything signed to the app, with whatever should be different. */
  post(body: string, how?: Partial<Omit<Post, 'body'>>): Promise<Response>
  verifyUrl(challenge?: string): Promise<Response>
  checkSsl(): Promise<Response>
  /** No request to the app is on its way. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** Start a Slack of our own. */
export async function startSlack(options: SlackOptions = {}): Promise<SlackStandIn> {
  const clock = options.clock ?? systemClock()
  const state = createState(clock)
  const faults = createFaults()
  const limiter = createLimiter(clock)
  const calls: Call[] = []
  const triggers = new Map<string, Trigger>()
  const authorizations = new Map<string, Authorization>()
  const signingSecret = randomHex(16).toLowerCase()
  const verificationToken = randomHex(12)
  const app: AppFacts = {
    id: 'A0APP00001',
    clientId: '1000.2000',
    clientSecret: randomHex(16).toLowerCase(),
    appToken: `xapp-1-A0APP00001-${randomHex(8).toLowerCase()}`,
    events: new Set(options.events ?? allEvents),
    rotation: options.rotation ?? false,
    distribution: options.distribution ?? 'internal',
  }
  let origin = ''
  let appUrl = options.appUrl ?? ''

  const server = createServer((request, response) => void route(request, response))
  const sockets = createSockets({ server, clock, appId: app.id, origin: () => origin })
  const http = httpTransport(clock, () => appUrl, signingSecret)
  const sender = createDelivery({
    clock,
    transport: () => (options.socketMode ? sockets.transport : http),
    timeoutMs: options.ackTimeoutMs ?? 3_000,
    retries: options.retries ?? true,
  })
  const happenings = createHappenings({ state, app, sender, verificationToken, echo: options.echo ?? 'all' })
  const responses = createResponses({ state, app, echo: () => happenings.echo, origin: () => origin })
  const botToken = `xoxb-${randomHex(12)}`
  const cast = createCast(state, app, {
    scopes: options.scopes ?? allScopes,
    token: botToken,
    bot: options.botName ?? 'Aide',
  })
  const actionOptions: ActionOptions = { state, app, sender, happenings, responses, triggers, verificationToken }
  const actions = createActions(actionOptions)
  const api = createApi({
    state,
    faults,
    limiter,
    journal: calls,
    limitFor: (name, limit) =>
      app.distribution === 'distributed' && /^conversations\.(history|replies)$/.test(name)
        ? distributedHistory
        : limit,
    context: () => ({
      state,
      app,
      echo: happenings.echo,
      origin,
      limits: options.limits ?? true,
      socketUrl: sockets.url,
      triggers,
      authorizations,
    }),
  })

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://slack')
    const [, area, rest = ''] = /^\/([^/]+)\/(.*)$/.exec(url.pathname) ?? []
    try {
      if (area === 'api') await api.handle(request, response, rest, url.searchParams)
      else if (area === 'response') await respond(request, response, rest)
      else if (area === 'files') sendFile(request, response, rest)
      else if (area === 'upload') await takeFile(request, response, rest)
      else if (url.pathname === '/oauth/v2/authorize') response.writeHead(302, { location: authorize(url.href) }).end()
      else response.writeHead(404).end()
    } catch (thrown) {
      // A defect of the stand-in itself: loud, so that no test takes it for Slack.
      process.stderr.write(
        `the stand-in for Slack failed: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`,
      )
      if (!response.headersSent) response.writeHead(500).end('stand-in defect')
    }
  }

  async function respond(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const call: Call = { method: 'response_url', args: {}, at: clock.now(), done: false }
    calls.push(call)
    const fault = faults.pick(call)
    if (fault) call.fault = fault.kind
    if (fault?.kind === 'cut') return void request.socket.destroy()
    if (fault?.kind === 'status') return void response.writeHead(fault.status).end()
    await responses.handle(request, response, id, call)
  }

  /** Private files need the token; without it there is a page to sign in, with status 200. */
  function sendFile(request: IncomingMessage, response: ServerResponse, id: string): void {
    const file = state.files.get(id.split('/')[0] ?? '')
    const token = request.headers.authorization?.replace('Bearer ', '')
    const known = state.installs.some((each) => each.token === token && each.scopes.has('files:read'))
    if (!file || !known) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in to Slack</html>')
    else
      response.writeHead(200, { 'content-type': String(file.mimetype ?? 'text/plain') }).end(String(file.content ?? ''))
  }

  async function takeFile(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const file = state.files.get(id)
    const { files } = await parseRequest(request, await readBody(request), new URLSearchParams())
    if (!file || files.length !== 1 || files[0]!.bytes.length !== file.size) return void response.writeHead(400).end()
    file.content = files[0]!.bytes.toString('utf8')
    file.uploaded = true
    response.writeHead(200).end(`OK - ${String(file.size)}`)
  }

  function authorize(
    link: string,
    who: { team?: string; enterprise?: string; user?: string; deny?: boolean } = {},
  ): string {
    const asked = new URL(link).searchParams
    if (asked.get('client_id') !== app.clientId) throw new Error('the authorize link names another app')
    const redirect = asked.get('redirect_uri')
    const back = new URL(redirect ?? appUrl.replace(/\/slack\/events$/, '/slack/oauth_redirect'))
    if (asked.has('state')) back.searchParams.set('state', asked.get('state')!)
    if (who.deny) back.searchParams.set('error', 'access_denied')
    else {
      const code = randomHex(16)
      const place = who.enterprise ? { enterprise: who.enterprise } : { team: who.team ?? cast.team.id }
      authorizations.set(code, {
        ...place,
        user: who.user ?? cast.ana.id,
        scopes: (asked.get('scope') ?? '').split(',').filter((scope) => scope !== ''),
        ...(redirect && { redirectUri: redirect }),
        at: clock.now(),
        used: false,
      })
      back.searchParams.set('code', code)
    }
    return back.href
  }

  async function until<T>(look: () => T | undefined | null | false): Promise<T> {
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

  function leave(from: Install, event: JsonObject & { type: string }): Delivery[] {
    from.state = 'revoked'
    const team = from.team ?? cast.team.id
    if (!app.events.has(event.type)) return []
    return [happenings.tell(from, { event_ts: state.ts(), ...event }, { team })]
  }

  const post = (body: string, how: Partial<Omit<Post, 'body'>> = {}): Promise<Response> =>
    postSigned({ url: appUrl, type: 'application/json', secret: signingSecret, ...how, body })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  origin = `http://127.0.0.1:${port}`
  const apiUrl = `${origin}/api/`
  const { clickView, ...others } = actions
  const openHome = (user: string) => {
    const view = state.homes.get(user)
    if (!view) throw new Error('nothing was published to this Home tab')
    return view
  }
  const openModal = (user: string) => {
    const view = actions.modal(user)
    if (!view) throw new Error('there is no open modal')
    return view
  }

  return {
    ...cast,
    ...others,
    url: origin,
    port,
    apiUrl,
    signingSecret,
    botToken,
    appToken: app.appToken,
    app,
    clock,
    state,
    sockets,
    calls,
    deliveries: sender.sent,
    events: happenings,
    variables: { SLACK_SIGNING_SECRET: signingSecret, SLACK_BOT_TOKEN: botToken, SLACK_API_URL: apiUrl },
    connect(url) {
      appUrl = url
    },
    callsTo: (method) => calls.filter((call) => call.method === method),
    fail: (method, fault, faultOptions) => faults.add(method, fault, faultOptions),
    heal: () => faults.clear(),
    screen: (channel, view = {}) =>
      screenOf(state, {
        channel,
        ...view,
        ours: (bot) => state.installs.some((each) => each.botId === bot),
        stopEvent: app.events.has('agent_session_stopped'),
      }),
    until,
    addTeam: (team) => addTeam(state, team),
    addPerson: (person) => addPerson(state, { team: cast.team.id, ...person }),
    addChannel: (channel) => addChannel(state, { team: cast.team.id, ...channel }),
    addBot: (bot) => addBot(state, { team: cast.team.id, ...bot }),
    addFile(file) {
      const id = String(file.id ?? state.id('F'))
      const name = String(file.name ?? 'notes.txt')
      const whole: JsonObject = {
        created: Math.floor(clock.now() / 1000),
        name,
        title: name,
        mimetype: 'text/plain',
        filetype: 'text',
        mode: 'hosted',
        size: String(file.content ?? '').length,
        url_private: `${origin}/files/${id}/${name}`,
        url_private_download: `${origin}/files/${id}/download/${name}`,
        ...file,
        id,
      }
      state.files.set(id, whole)
      const { content: _, ...wire } = whole
      return wire
    },
    installIn: (where) => install({ state, app }, { user: cast.ana.id, scopes: options.scopes ?? allScopes, ...where }),
    authorize,
    openApp: (user, tab) => actions.openApp({ user, tab, install: cast.install }),
    look: (user, entities) => actions.look({ user, entities, install: cast.install }),
    kick: (channel, from = cast.install) => actions.kick({ channel, install: from }),
    archive(channel) {
      state.channels.get(channel)!.archived = true
      state.changed()
    },
    clickHome: (user, button) => clickView({ user, view: openHome(user), button, install: cast.install }),
    clickModal: (user, button) => clickView({ user, view: openModal(user), button, install: cast.install }),
    submit: (user, values) => actions.submit({ user, values, install: cast.install }),
    closeModal: (user) => actions.closeModal({ user, install: cast.install }),
    uninstall: (from = cast.install) => leave(from, { type: 'app_uninstalled' }),
    revokeTokens: (from = cast.install) =>
      leave(from, { type: 'tokens_revoked', tokens: { bot: [from.botUser], oauth: [] } }),
    rateLimitApp: () =>
      sender.send('events_api', {
        type: 'app_rate_limited',
        token: verificationToken,
        team_id: cast.team.id,
        minute_rate_limited: Math.floor(clock.now() / 60_000) * 60,
        api_app_id: app.id,
      }),
    async redeliver(delivery) {
      const attempt: Attempt = { num: delivery.attempts.length, reason: 'http_timeout', at: clock.now() }
      delivery.attempts.push(attempt)
      const transport = options.socketMode ? sockets.transport : http
      await transport(delivery, attempt, options.ackTimeoutMs ?? 3_000)
      return attempt
    },
    post,
    verifyUrl: (challenge = randomHex(8)) =>
      post(JSON.stringify({ token: verificationToken, challenge, type: 'url_verification' })),
    checkSsl: () =>
      fetch(appUrl, { method: 'POST', body: new URLSearchParams({ ssl_check: '1', token: verificationToken }) }),
    idle: sender.idle,
    async close() {
      sender.close()
      sockets.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export { encode, newEventId }
