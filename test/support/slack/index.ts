import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/types.ts'
import { createActions } from './actions.ts'
import { type Call, createApi } from './api.ts'
import { systemClock } from './clock.ts'
import { type Attempt, createDelivery, type Delivery, httpTransport, type Post, postSigned } from './delivery.ts'
import { createFaults } from './faults.ts'
import { createHappenings } from './happenings.ts'
import { createInteractions } from './interactions.ts'
import { createLimiter } from './limits.ts'
import { distributedHistory } from './methods/conversations.ts'
import type { AppFacts, Authorization, Trigger } from './methods/method.ts'
import { install } from './methods/oauth.ts'
import { createModals } from './modals.ts'
import { createResponses } from './responses.ts'
import { createAuthorize, createRoutes } from './routes.ts'
import { screenOf } from './screen.ts'
import { createSockets } from './socket.ts'
import type { SlackOptions, SlackStandIn } from './standIn.ts'
import { createState, type Install, randomHex } from './state.ts'
import { addBot, addChannel, addPerson, addTeam, allEvents, allScopes, createCast } from './world.ts'

export type { Said } from './actions.ts'
export type { Call } from './api.ts'
export { type Clock, type FakeClock, fakeClock, systemClock } from './clock.ts'
export type { Attempt, Delivery } from './delivery.ts'
export { sign } from './delivery.ts'
export type { Interaction } from './interactions.ts'
export type { Screen, ScreenMessage } from './screen.ts'
export type { SlackOptions, SlackStandIn, SlackVariables } from './standIn.ts'

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
  const actions = createActions({ state, app, happenings })
  const interactions = createInteractions({ state, app, sender, responses, triggers, verificationToken })
  const modals = createModals({ state, app, interactions })
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

  const authorize = createAuthorize({
    state,
    app,
    authorizations,
    home: { team: cast.team.id, user: cast.ana.id },
    fallbackRedirect: () => appUrl.replace(/\/slack\/events$/, '/slack/oauth_redirect'),
  })
  const route = createRoutes({ state, app, api, faults, journal: calls, responses, authorize })

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
  const { clickView, base: _base, interact: _interact, ...presses } = interactions
  const openHome = (user: string) => {
    const view = state.homes.get(user)
    if (!view) throw new Error('nothing was published to this Home tab')
    return view
  }
  const openModal = (user: string) => {
    const view = modals.modal(user)
    if (!view) throw new Error('there is no open modal')
    return view
  }

  return {
    ...cast,
    ...actions,
    ...presses,
    modal: modals.modal,
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
    submit: (user, values) => modals.submit({ user, values, install: cast.install }),
    closeModal: (user) => modals.closeModal({ user, install: cast.install }),
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
