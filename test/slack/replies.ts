import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSlack, type Slack, type SlackConfig } from '../../adapters/slack/index.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Json, PlatformChat } from '../../src/types.ts'
import type { Asked, Process, PushWorld, Shown, Traits } from '../contracts/reply/stage.ts'
import { quietLog } from '../support/log.ts'
import { linksIn, listeningChat, serve } from '../support/replies.ts'
import { type SlackStandIn, startSlack, systemClock } from '../support/slack/index.ts'
import type { Block } from '../support/slack/state.ts'
import { tempDirectories } from '../support/sqlite.ts'
import { startWire } from '../support/wire.ts'
import { until } from '../support/world.ts'

/** Slack's time, and that of what waits for Slack: so many times as fast as ours. */
const speed = 20

const directory = tempDirectories()

type Refusal = (slack: SlackStandIn) => unknown

const answered =
  (method: string, error: string): Refusal =>
  (slack) =>
    slack.fail(method, { kind: 'error', error }, { times: 99 })

/** Streams end as soon as they are there; the result ends that. */
const ending =
  (how: 'stopped' | 'stopped_by_user'): Refusal =>
  (slack) =>
    slack.state.onChange(() => {
      for (const { messages } of slack.state.channels.values())
        for (const { stream } of messages) if (stream?.state === 'live') stream.state = how
    })

const refusals: Record<string, Refusal> = {
  'no stream here': answered('chat.startStream', 'not_allowed_token_type'),
  'streams are rate-limited': (slack) =>
    slack.fail('chat.startStream', { kind: 'ratelimited', retryAfter: 30 }, { times: 99 }),
  'Slack breaks off as one begins': answered('chat.startStream', 'internal_error'),
  'Slack ends streams by itself': ending('stopped'),
  'the person ends them': ending('stopped_by_user'),
  'more is too long': answered('chat.appendStream', 'msg_too_long'),
  'more is rate-limited': (slack) =>
    slack.fail('chat.appendStream', { kind: 'ratelimited', retryAfter: 5 }, { times: 99 }),
  'more breaks off': (slack) =>
    slack.fail('chat.appendStream', { kind: 'status', status: 503, done: true }, { times: 99 }),
  'no status': answered('assistant.threads.setStatus', 'missing_scope'),
}

export const slackTraits: Traits = {
  // A stream is left for the next at a paragraph, once it is four fifths full.
  fill: { grown: 6_700, whole: 10_400 },
  edges: [7_120, 8_820, 8_900, 10_920, 11_000, 12_000],
  traps: [
    '<@U0BEN00001> <@U0BEN00001|Ben> <@W0BEN00001>',
    '<!subteam^S012345> <!subteam^S012345|@team> <!date^1392734382^{date}|now>',
    '<#C0GENERAL1> <#C0GENERAL1|general>',
    '`<!channel>` and\n```\n<!channel> <@U0BEN00001>\n```\n',
    '<!cha\u0000nnel> <\u200b!channel> <!channel <!channel>>',
    '| a | <!channel> |\n|---|---|\n| <@U0BEN00001> | `<!here>` |\n',
    '&lt;!channel&gt; \\<!channel> <!channel\n>',
    '[<!channel>](https://ok.example) [x](<!channel>)',
    '@channel @here @everyone\n@channel',
    '<mailto:help@evil.example|help@bank.example>',
  ],
  refusals: Object.keys(refusals),
}

/** Replies of the Slack surface, in Slack: each process over a line of its own to one Slack. */
export async function openSlackReplies(where: 'direct' | 'channel'): Promise<PushWorld & { close(): Promise<void> }> {
  const endings: (() => Promise<unknown>)[] = []
  /** Of the processes of one question; there are hundreds, and each holds megabytes. */
  const passing: (() => Promise<unknown>)[] = []
  const clock = systemClock(speed)
  const slack = await startSlack({ limits: false, clock })
  endings.push(() => slack.close())
  const store = await openSqlite({ file: join(await directory(), 'chat.db') })
  endings.push(() => store.close())
  const { chat, addressOf } = listeningChat()
  const door = await begin(`${slack.url}/api/`, chat, endings)
  const served = await serve(door.surface.routes!)
  endings.push(served.close)
  slack.connect(`${served.url}/slack/events`)
  const refused: (() => void)[] = []
  let asked = 0

  async function begin(apiUrl: string, to: PlatformChat, ends: typeof endings): Promise<{ surface: Slack }> {
    const config: SlackConfig = {
      ...{ apiUrl, signingSecret: slack.signingSecret, botToken: slack.botToken },
      ...{ allowedTeams: [], allowGuests: false, allowExternal: false },
      // Nothing here is lost by taking long.
      limits: { updateMs: 20, callMs: 100_000, carriedOutMs: 100, graceMs: 0 },
    }
    const log = quietLog()
    const { vault, counters } = store
    const time = { now: clock.now, sleep: (ms: number) => sleep(ms / speed, undefined, { ref: false }) }
    const surface = await createSlack({ config, chat: to, vault, counters, log, clock: time })
    await surface.start()
    await until(() => log.lines.some(({ text }) => text === 'connected to the workspace'))
    ends.push(() => surface.close())
    return { surface }
  }

  async function process(address: ReturnType<typeof addressOf>): Promise<Process> {
    const wire = await startWire(slack.port)
    passing.push(wire.close)
    const { surface } = await begin(`${wire.url}/api/`, chat, passing)
    await wire.idle()
    wire.forget()
    return {
      wire,
      open: (draft) => surface.adapter.openReply(address, draft, { conversation: 'c1', turn: String(address.ts) }),
    }
  }

  async function ask(): Promise<Asked> {
    for (const end of passing.splice(0).reverse()) await end()
    const person = slack.addPerson({ realName: `Person ${++asked}` })
    const bot = slack.install.botUser
    const channel =
      where === 'direct' ? slack.state.dm(person.id, bot) : slack.addChannel({ members: [person.id, bot] })
    const text = `Question ${asked}.`
    const said = slack.say({
      user: person.id,
      channel: channel.id,
      text: where === 'direct' ? text : `<@${bot}> ${text}`,
    })
    await said.acked()
    const address = addressOf(text)
    const seen = () => slack.screen(channel.id, { thread: said.ts, as: person.id })
    return {
      process: () => process(address),
      async screen() {
        return seen()
          .messages.filter(({ ours }) => ours)
          .map((message): Shown => {
            const { blocks = [] } = slack.state.message(channel.id, message.ts)!
            const state = { final: 'final', stopped: 'final', streaming: 'growing', broken: 'broken' } as const
            return {
              body: blocks.map(bodyOf).join('\n'),
              text: message.text,
              state: state[message.state],
              pings: message.pings,
              links: blocks.flatMap(linksOf),
            }
          })
      },
      async busy() {
        const { status, stoppable, messages } = seen()
        return status !== '' || stoppable || messages.some(({ state }) => state === 'streaming')
      },
      watch: (listener) => slack.state.onChange(listener),
      later: async () => {},
    }
  }

  return {
    ask,
    refuse(way) {
      const end = refusals[way]!(slack)
      if (typeof end === 'function') refused.push(end as () => void)
    },
    heal() {
      for (const end of refused.splice(0)) end()
      slack.heal()
    },
    async close() {
      for (const end of [...passing.reverse(), ...endings.reverse()]) await end()
    },
  }
}

/** What a block holds of an answer: what it says about it stands in blocks of other kinds. */
function bodyOf(block: Block): string {
  if (block.type === 'markdown') return String(block.text)
  if (block.type !== 'table') return ''
  return (block.rows as Json[][]).map((row) => row.map((cell) => textIn(cell)).join(' | ')).join('\n')
}

/** All text of a cell, whatever it is made of. */
function textIn(part: Json | undefined): string {
  if (Array.isArray(part)) return part.map(textIn).join('')
  if (typeof part !== 'object' || part === null) return ''
  return typeof part.text === 'string' ? part.text : textIn(part.elements)
}

/** In Slack's own way of writing them, too. */
function linksOf(block: Block): Shown['links'] {
  const body = bodyOf(block)
  const own = [...body.matchAll(/<((?:https?|mailto):[^<>|\n]*)\|([^<>\n]*)>/gi)]
  return [
    ...(block.type === 'markdown' ? linksIn(body) : []),
    ...own.map(([, target = '', label = '']) => ({ label, target })),
  ]
}
