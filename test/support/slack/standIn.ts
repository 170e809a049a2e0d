import type { JsonObject } from '../../../src/types.ts'
import type { Actions } from './actions.ts'
import type { Call } from './api.ts'
import type { Clock } from './clock.ts'
import type { Attempt, Delivery, Post } from './delivery.ts'
import type { Fault, FaultOptions, FaultRule } from './faults.ts'
import type { HappeningOptions, Happenings } from './happenings.ts'
import type { Interaction, Interactions } from './interactions.ts'
import type { AppFacts } from './methods/method.ts'
import type { Modals } from './modals.ts'
import type { Screen } from './screen.ts'
import type { Sockets } from './socket.ts'
import type { Channel, Install, Person, State, Team } from './state.ts'
import type { Cast } from './world.ts'

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
    Omit<Actions, 'kick' | 'openApp' | 'look'>,
    Omit<Interactions, 'base' | 'interact' | 'clickView'>,
    Pick<Modals, 'modal'> {
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
  clickHome(user: string, button: string): Interaction
  clickModal(user: string, button: string): Interaction
  submit(user: string, values: Record<string, string>): ReturnType<Modals['submit']>
  closeModal(user: string): ReturnType<Modals['closeModal']>
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
