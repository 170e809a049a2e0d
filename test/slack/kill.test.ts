import { expect, test } from 'vitest'
import { zeroWidth } from '../../adapters/slack/guard.ts'
import { type RunningApp, startApp, temporaryFolder } from '../support/app.ts'
import { type Act, say, start, startBedrock, whole } from '../support/bedrock.ts'
import { describeRedis, startRedis } from '../support/redis.ts'
import { startSlack } from '../support/slack/index.ts'
import { answers } from './world.ts'

/** Held for ever by the stand-in: the process is killed while it waits. */
const held: Act = { gate: 'never' }
const never = new Promise(() => {})
const model = 'global.anthropic.claude-sonnet-4-6'
const long = 'A paragraph of the answer, with some words.\n\n'.repeat(600)

/** The unscripted answer: what the model says to whoever asks again. */
const anew = (text: string) => `You said: “Ana Lima: ${text}”. Earlier messages: 0.`

interface Step {
  /** What the model does when it is asked first. */
  acts: Act[]
  /** The call of Slack's API at which this answer is held up, if it is one: done, but nobody hears of it; or never done. */
  at?: { method: string; work?: 'first' | 'last'; skip?: number; when?: (args: Record<string, unknown>) => boolean }
  /** No stream can be started here. */
  posted?: true
  /** What is stored already, and so delivered as it is; null: the model is asked again. */
  stored: string | null
}

/** Each step of an answer at which a process can die. */
const steps: Record<string, Step> = {
  'when more words were added, but the reply is lost': {
    acts: [start, ...say('Half an '), { waitMs: 800 }, ...say('answer and '), held],
    at: { method: 'chat.appendStream' },
    stored: null,
  },
  'while the model thinks': { acts: [held], stored: null },
  'while the status is being set': {
    acts: [held],
    at: { method: 'assistant.threads.setStatus' },
    stored: null,
  },
  'when the first message was begun, but its reply is lost': {
    acts: [start, ...say('Half an '), held],
    at: { method: 'chat.startStream' },
    stored: null,
  },
  'before the first message is begun': {
    acts: [start, ...say('Half an '), held],
    at: { method: 'chat.startStream', work: 'last' },
    stored: null,
  },
  'after the first words': { acts: [start, ...say('Half an '), held], stored: null },
  'when it was ended, but the reply is lost': {
    acts: whole('All of it.'),
    at: { method: 'chat.stopStream' },
    stored: 'All of it.',
  },
  'before it is ended': {
    acts: whole('All of it.'),
    at: { method: 'chat.stopStream', work: 'last' },
    stored: 'All of it.',
  },
  'when its first message was posted, but the reply is lost': {
    acts: whole(long),
    at: { method: 'chat.postMessage' },
    posted: true,
    stored: long,
  },
  'between two posted messages': {
    acts: whole(long),
    at: { method: 'chat.postMessage', work: 'last', skip: 1 },
    posted: true,
    stored: long,
  },
  'while its status is being cleared': {
    acts: whole('All of it.'),
    at: { method: 'assistant.threads.setStatus', work: 'last', when: ({ status }) => status === '' },
    stored: 'All of it.',
  },
}

describeRedis('kill -9 of one of two processes', () => {
  test('at every step of an answer leaves one whole answer each, and nobody thinking', {
    timeout: 180_000,
  }, async () => {
    const ends: (() => unknown)[] = []
    try {
      const redis = await startRedis()
      ends.push(() => redis.stop())
      const bedrock = await startBedrock()
      ends.push(() => bedrock.close())
      // No limits: each step is to be reached. How limits are kept is held by other tests.
      const slack = await startSlack({ limits: false, ackTimeoutMs: 30_000 })
      ends.push(() => slack.close())
      const [doomed, other] = await Promise.all([run(), run()])
      slack.connect(`${doomed.url}/slack/events`)

      async function run(): Promise<RunningApp> {
        const folder = await temporaryFolder()
        const app = await startApp({
          dataDir: folder.path,
          env: {
            ...slack.variables,
            REDIS_URL: redis.url,
            SESSION_SECRET: 'x'.repeat(40),
            AWS_REGION: 'us-east-1',
            BEDROCK_MODEL_ID: model,
            AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
            AWS_SECRET_ACCESS_KEY: 'secret-of-the-test',
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
          },
        })
        ends.push(async () => {
          await app.stop('SIGKILL')
          await folder.remove()
        })
        return app
      }

      const mention = `<@${slack.install.botUser}>`
      const asked: { name: string; step: Step; channel: string; ts: string; waiting: string }[] = []
      for (const [name, step] of Object.entries(steps)) {
        const { id: channel } = slack.addChannel({ name, members: [slack.ana.id, slack.install.botUser] })
        if (step.posted)
          slack.fail('chat.startStream', { kind: 'error', error: 'not_allowed_token_type' }, { times: 9, channel })
        const { method = '', work = 'first', skip = 0, when } = step.at ?? {}
        const rule =
          step.at &&
          slack.fail(method, { kind: 'slow', wait: never, work }, { channel, skip, times: 9, ...(when && { when }) })
        bedrock.scriptFor(model, step.acts)
        const before = bedrock.requests.length
        const said = slack.say({ user: slack.ana.id, channel, text: `${mention} ${name}` })
        // One behind the other: so each is given its own script.
        await slack.until(() => bedrock.requests.length > before)
        if (rule) await slack.until(() => rule.hits > 0)
        else if (step.acts.length > 1) await slack.until(() => answers(slack, channel, said.ts).length > 0)
        // A second question waits behind each.
        const second = slack.say({ user: slack.ana.id, channel, text: 'and then?', thread: said.ts })
        expect(await second.acked()).toBe(true)
        asked.push({ name, step, channel, ts: said.ts, waiting: second.ts })
      }

      await doomed.stop('SIGKILL')
      slack.heal()
      slack.connect(`${other.url}/slack/events`)
      await slack.until(() =>
        asked.every(({ channel, ts }) => {
          const shown = answers(slack, channel, ts)
          const { status } = slack.screen(channel, { thread: ts })
          return status === '' && shown.at(-1)?.text.includes('and then?') && shown.at(-1)?.state === 'final'
        }),
      )
      // What it still does, it does before it ends.
      await slack.idle()
      expect(await other.stop()).toBe(0)

      for (const { name, step, channel, ts } of asked) {
        const { messages, status, stoppable } = slack.screen(channel, { thread: ts })
        const ours = messages.filter((message) => message.ours)
        const text = ours
          .slice(0, -1)
          .map(({ source }) => source)
          .join('')
          .replaceAll(zeroWidth, '')
        expect.soft({ name, text }).toEqual({ name, text: step.stored ?? anew(name) })
        expect.soft(ours.at(-1)!.source, name).toContain('“Ana Lima: and then?”. Earlier messages: 2.')
        expect.soft({ name, states: ours.map(({ state }) => state), status, stoppable }).toEqual({
          name,
          states: ours.map(() => 'final'),
          status: '',
          stoppable: false,
        })
      }
    } finally {
      for (const end of ends.reverse()) await end()
    }
  })
})
