import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/types.ts'
import { type Act, say, start, whole } from '../support/bedrock.ts'
import { describeRedis } from '../support/redis.ts'
import type { Operation } from '../support/teams/index.ts'
import { endpointOf, model, type Processes, startProcesses } from './processes.ts'

/** Held for ever by the stand-in: the process is killed while it waits. */
const held: Act = { gate: 'never' }
const never = new Promise(() => {})
const half = [start, ...say('Half an '), held]
/** As long as it takes until an answer in a group is shown while it grows. */
const growing: Act[] = [
  start,
  ...say('Half an '),
  { waitMs: 6_500 },
  ...say('answer '),
  { waitMs: 3_500 },
  ...say('and '),
  held,
]

const streamOf = (body: JsonObject): JsonObject | undefined =>
  (body.entities as JsonObject[] | undefined)?.find(({ type }) => type === 'streaminfo')
const begins = (body: JsonObject): boolean => streamOf(body)?.streamSequence === 1
const goesOn = (body: JsonObject): boolean => streamOf(body)?.streamType === 'streaming'
const ends = (body: JsonObject): boolean => streamOf(body)?.streamType === 'final'
const posts = (body: JsonObject): boolean => body.type === 'message' && !streamOf(body)

interface Step {
  /** What the model does when it is asked first. */
  acts: Act[]
  /** The call at which this answer is held up: done, but nobody hears of it (`first`); or never done (`last`). */
  at?: { operation: Operation; work: 'first' | 'last'; when?: (body: JsonObject) => boolean; skip?: number }
  /** What is stored already, and so delivered as it is; null: the model is asked again. */
  stored: string | null
  /** Nobody can tell whether the answer arrived: it stands there, or it is shown when somebody misses it. */
  doubt?: 'there' | 'missing'
  /** What stands there for good before the answer, which says so. */
  beginning?: string
}

const all = { acts: whole('All of it.'), stored: 'All of it.' } as const

/** Each step of an answer at which a process can die. */
const steps: Record<'personal' | 'group' | 'channel', Record<string, Step>> = {
  personal: {
    'when it is stored, before anything is shown': {
      acts: [held],
      at: { operation: 'post', work: 'last', when: begins },
      stored: null,
    },
    'when the stream was begun, but its id is lost': {
      acts: [held],
      at: { operation: 'post', work: 'first', when: begins },
      stored: null,
    },
    'while the model thinks': { acts: [held], stored: null },
    'after the first words': { acts: half, stored: null },
    'before the first words are shown': {
      acts: half,
      at: { operation: 'post', work: 'last', when: goesOn },
      stored: null,
    },
    'when words were added, but the reply is lost': {
      acts: half,
      at: { operation: 'post', work: 'first', when: goesOn },
      stored: null,
    },
    'when the model is done, before the stream is ended': {
      ...all,
      at: { operation: 'post', work: 'last', when: ends },
    },
    'when the stream was ended, but the reply is lost': {
      ...all,
      at: { operation: 'post', work: 'first', when: ends },
    },
  },
  group: {
    'while the model thinks': { acts: [held], stored: null },
    'while a message grows': {
      acts: growing,
      at: { operation: 'put', work: 'first' },
      stored: null,
    },
    'when a message began to grow, but its id is lost': {
      acts: growing,
      at: { operation: 'post', work: 'first', when: posts },
      stored: null,
      beginning: 'Half an answer ',
    },
    'when the model is done, before its message is posted': {
      ...all,
      at: { operation: 'post', work: 'last', when: posts },
      doubt: 'missing',
    },
    'when its message was posted, but the reply is lost': {
      ...all,
      at: { operation: 'post', work: 'first', when: posts },
      doubt: 'there',
    },
  },
  channel: {
    'while the model thinks': { acts: [held], stored: null },
    'when its message was posted, but the reply is lost': {
      ...all,
      at: { operation: 'post', work: 'first', when: posts },
      doubt: 'there',
    },
  },
}

/** A chat of its own for one step; in it Lea asks. */
function placeFor({ teams }: Processes, scope: keyof typeof steps, name: string): string {
  const lea = teams.addPerson({ name: 'Lea Brandt' })
  if (scope === 'personal') return teams.addPersonal(lea).id
  return scope === 'group' ? teams.addGroup(name, [lea]).id : teams.addChannel(name, [lea]).id
}

describeRedis('kill -9 of one of two processes', () => {
  test('at every step of an answer leaves one whole answer each, and nobody thinking', {
    timeout: 180_000,
  }, async () => {
    const processes = await startProcesses(2)
    try {
      const { teams, bedrock, later } = processes
      const [doomed, other] = processes.apps as [(typeof processes.apps)[0], (typeof processes.apps)[0]]
      const asked: { scope: keyof typeof steps; name: string; step: Step; conversation: string }[] = []
      const reached: (() => unknown)[] = []
      for (const [scope, each] of Object.entries(steps) as [keyof typeof steps, Record<string, Step>][]) {
        for (const [name, step] of Object.entries(each)) {
          const chat = placeFor(processes, scope, name)
          const { operation, work, when } = step.at ?? { operation: '*', work: 'first' }
          const rule =
            step.at &&
            teams.fail(
              operation,
              { kind: 'slow', wait: never, work },
              { times: 9, when: (body, call) => call.conversation!.startsWith(chat) && (when?.(body) ?? true) },
            )
          bedrock.scriptFor(model, step.acts)
          const before = bedrock.requests.length
          const said = teams.say({ in: chat, text: name })
          expect(await said.first).toMatchObject({ status: 202 })
          const { conversation } = said
          // One behind the other: so each is given its own script.
          await teams.until(() => bedrock.requests.length > before)
          if (rule) reached.push(() => rule.hits > 0)
          else if (scope === 'personal')
            reached.push(() =>
              teams.screen(conversation).answers[0]?.text.startsWith(step.acts === half ? 'Half' : 'T'),
            )
          // A second question waits behind each.
          expect(await teams.say({ in: conversation, text: 'and then?' }).first).toMatchObject({ status: 202 })
          asked.push({ scope, name, step, conversation })
        }
      }
      await teams.until(() => reached.every((look) => look()))

      await doomed.stop('SIGKILL')
      teams.heal()
      teams.connect(endpointOf(other))
      const last = (conversation: string) => teams.screen(conversation).answers.at(-1)
      await teams.until(() =>
        asked.every(({ conversation }) => {
          const shown = last(conversation)
          return shown?.text.includes('and then?') && shown.state === 'final'
        }),
      )
      for (const { conversation, step } of asked) {
        const note = teams.screen(conversation).answers.find(({ buttons }) => buttons.length > 0)
        const buttons = step.doubt ? ['Show the answer'] : step.beginning && ['Stop']
        expect(note?.buttons.map(({ title }) => title)).toEqual(buttons)
        if (step.doubt !== 'missing') continue
        await teams.press(note!.id, 'Show the answer').outcome
        await teams.until(() => teams.screen(conversation).answers.some(({ text }) => text === step.stored))
      }
      // What it still does, it does before it ends.
      await teams.idle()
      expect(await other.stop()).toBe(0)
      // A stream of which nobody knows the id ends by itself.
      later(121_000)

      for (const { scope, name, step, conversation } of asked) {
        const { answers, streaming, typing } = teams.screen(conversation)
        const by = scope === 'personal' ? '' : 'Lea Brandt: '
        const texts = answers.filter(({ text }) => text !== '').map(({ text }) => text)
        const anew = `You said: “${by}${name}”. Earlier messages: 0.`
        const stray =
          '\n\n*Teams had a problem while I wrote this. If an unfinished beginning of it stands above, please pass over that.*'
        const before = step.beginning ? [step.beginning] : []
        const answer = (step.stored ?? anew) + (step.beginning ? stray : '')
        const about = step.doubt === 'there' ? [expect.stringContaining('I cannot tell whether it arrived')] : []
        expect.soft({ scope, name, texts, streaming, typing }).toEqual({
          scope,
          name,
          texts: [...before, answer, ...about, expect.stringContaining(`“${by}and then?”. Earlier messages: 2.`)],
          streaming: false,
          typing: false,
        })
      }
    } finally {
      await processes.close()
    }
  })

  test('before a message is stored leaves it to Teams, which brings it again to the other one', async () => {
    const processes = await startProcesses(2)
    try {
      const { teams, redis } = processes
      const [doomed, other] = processes.apps as [(typeof processes.apps)[0], (typeof processes.apps)[0]]
      redis.pause()
      const said = teams.say({ in: teams.personal.id, text: 'Go' })
      await doomed.stop('SIGKILL')
      redis.resume()
      expect(await said.first).toMatchObject({ failure: 'connection_failed' })
      expect(await teams.redeliver(said, endpointOf(other))).toMatchObject({ status: 202 })
      await teams.until(() => teams.screen(teams.personal.id).answers.at(-1)?.state === 'final')
      expect(teams.screen(teams.personal.id).answers).toMatchObject([{ text: 'You said: “Go”. Earlier messages: 0.' }])
    } finally {
      await processes.close()
    }
  })
})
