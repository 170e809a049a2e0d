import { join } from 'node:path'
import { createTeams, type TeamsOptions } from '../../adapters/teams/index.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { JsonObject } from '../../src/types.ts'
import type { Asked, Process, PushWorld, Shown, Traits } from '../contracts/reply/stage.ts'
import { quietLog } from '../support/log.ts'
import { linksIn, listeningChat, serve } from '../support/replies.ts'
import { tempDirectories } from '../support/sqlite.ts'
import { fakeClock, startTeams, type TeamsStandIn } from '../support/teams/index.ts'
import { startWire, type WireCall } from '../support/wire.ts'
import { configFor } from './world.ts'

const directory = tempDirectories()

const isStream = (body: JsonObject): boolean =>
  ((body.entities ?? []) as JsonObject[]).some(({ type }) => type === 'streaminfo')
const isPreview = (body: JsonObject): boolean => body.type === 'typing'

const refusals: Record<string, (teams: TeamsStandIn) => void> = {
  'no stream here': (teams) => teams.fail('post', 'streamNotAllowed', { times: 99, when: isPreview }),
  'the stream is over': (teams) => teams.fail('post', 'streamExpired', { times: 99, when: isPreview }),
  throttled: (teams) => teams.fail('post', 'throttled', { times: 99, when: isPreview }),
  'the quota of streams is used up': (teams) => teams.fail('post', 'streamQuota', { times: 99, when: isPreview }),
  'previews are too large': (teams) => teams.fail('post', 'streamTooBig', { times: 99, when: isPreview }),
  'Teams breaks off': (teams) => teams.fail('post', { kind: 'cut', done: true }, { times: 99, when: isPreview }),
  'a server fails': (teams) => teams.fail('post', 'badGateway', { times: 99, when: isPreview }),
  'nothing can be changed at first': (teams) => teams.fail('put', 'throttled', { times: 4 }),
  'a stream ends unheard': (teams) =>
    teams.fail(
      'post',
      { kind: 'status', status: 500, done: true },
      { when: (body) => isStream(body) && !isPreview(body) },
    ),
}

export const teamsTraits: Traits = {
  // 80,000 bytes, two a character, with something left for buttons; the stream of a first message stops earlier.
  fill: { grown: 38_000, whole: 38_000 },
  edges: [19_500, 39_000, 39_968, 40_000],
  traps: [
    '<at>Ben Okafor</at> and @Ben Okafor',
    '<at>General</at> @General @Lunch @Field Office',
    '&lt;at&gt;Ben Okafor&lt;/at&gt;',
    '`<at>everyone</at>`\n```\n<at>everyone</at>\n```',
  ],
  refusals: Object.keys(refusals),
}

export type Where = 'personal' | 'group' | 'channel'

/** Replies of the Teams surface, in Teams: each process over a line of its own to one connector. */
export async function openTeamsReplies(where: Where): Promise<PushWorld & { close(): Promise<void> }> {
  const endings: (() => Promise<unknown>)[] = []
  const clock = fakeClock()
  const teams = await startTeams({ limits: false, clock })
  endings.push(() => teams.close())
  const store = await openSqlite({ file: join(await directory(), 'chat.db') })
  endings.push(() => store.close())
  const { chat, addressOf } = listeningChat()
  const { cache, counters } = store
  let asked = 0

  /** Of the processes of one question; there are hundreds, and each holds megabytes. */
  const passing: (() => Promise<unknown>)[] = []

  async function begin(time?: TeamsOptions['clock'], ends = endings) {
    // A group's answer grows at once, a channel's is there when it is done.
    const limits = { graceMs: 0, callMs: 100_000, previewMs: 100_000, ...(where === 'group' && { patienceMs: 0 }) }
    const surface = await createTeams({
      config: configFor(teams, { limits: { ...configFor(teams).limits, ...limits } as never }),
      ...{ chat, cache, counters, log: quietLog(), ...(time && { clock: time }) },
    })
    ends.push(() => surface.close())
    return surface
  }

  // It checks tokens, which are made in real time.
  const door = await begin()
  const served = await serve(door.routes)
  endings.push(served.close)
  teams.connect(`${served.url}/api/messages`)

  async function process(address: JsonObject): Promise<Process> {
    const wire = await startWire(teams.port)
    passing.push(wire.close)
    // Time passes while somebody waits for it, and not else.
    const { adapter } = await begin({ now: clock.now, sleep: clock.advance }, passing)
    const overWire = { ...address, serviceUrl: teams.serviceUrl.replace(teams.url, wire.url) }
    return { wire, open: (draft) => adapter.openReply(overWire, draft, { conversation: 'c1', turn: `t${asked}` }) }
  }

  function place(): { id: string; from: string } {
    const person = teams.addPerson({ name: `Person ${asked}` })
    if (where === 'personal') return { id: teams.addPersonal(person).id, from: person.id }
    const everyone = [person, teams.ben]
    const chat = where === 'group' ? teams.addGroup('Lunch', everyone) : teams.addChannel(`Channel ${asked}`, everyone)
    return { id: chat.id, from: person.id }
  }

  async function ask(): Promise<Asked> {
    for (const end of passing.splice(0).reverse()) await end()
    asked++
    const { id, from } = place()
    const text = `Question ${asked}.`
    const { status, body } = await teams.say({ in: id, from, text }).first
    if (status !== 202) throw new Error(`not accepted: ${status} ${body}`)
    const address = addressOf(text)
    const seen = () => teams.screen(String(address.conversation))
    return {
      process: () => process(address),
      async screen() {
        return (
          seen()
            // What went on is shown, and gone with the stream.
            .answers.filter(({ text, state }) => text !== '' && state !== 'informative')
            .map((message): Shown => {
              const states = { final: 'final', streaming: 'growing', informative: 'growing' } as const
              return {
                body: message.text,
                text: [message.text, ...message.cards].join('\n'),
                state: message.state in states ? states[message.state as keyof typeof states] : 'broken',
                pings: message.mentions,
                links: linksIn(message.text),
              }
            })
        )
      },
      async busy() {
        const { streaming, typing } = seen()
        return streaming || typing
      },
      watch: (listener) => teams.state.onChange(listener),
      // The two minutes of a stream.
      later: () => clock.advance(121_000),
    }
  }

  return {
    ask,
    doubt: { about: isPost, words: 'I cannot tell whether it arrived' },
    refuse: (way) => refusals[way]!(teams),
    heal: () => teams.heal(),
    async close() {
      for (const end of [...passing.reverse(), ...endings.reverse()]) await end()
    },
  }
}

/** A message that is new: not a stream, nor a change of one that is there. */
function isPost({ method, body }: WireCall): boolean {
  if (method !== 'POST' || body === '') return false
  const activity = JSON.parse(body) as JsonObject
  return activity.type === 'message' && !isStream(activity)
}
