import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store.ts'
import { type Act, say, start, stop, usage } from '../support/bedrock.ts'
import { describeRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { service } from '../support/service.ts'
import { beside } from '../support/stored.ts'
import { startSurfaces } from '../support/surfaces.ts'
import type { Browser } from '../support/web.ts'
import { until } from '../support/world.ts'

const models = { answer: 'global.anthropic.claude-sonnet-4-6', title: 'us.amazon.nova-lite-v1:0' }
/** What each answer takes, and each title. */
const took = { answer: { inputTokens: 20, outputTokens: 100 }, title: { inputTokens: 7, outputTokens: 3 } }
const perTurn = took.answer.inputTokens + took.answer.outputTokens
const limit = 2_000

const scripts = (tokens: { inputTokens: number; outputTokens: number }): Act[][] =>
  Array.from({ length: 200 }, () => [
    start,
    ...say('Yes.'),
    ...stop(),
    usage({ ...tokens, totalTokens: tokens.inputTokens + tokens.outputTokens }),
  ])

describeRedis('a limit over two instances', () => {
  const own = service()
  let redis: RedisServer
  let store: Store
  beforeAll(async () => {
    redis = await startRedis()
    store = await beside({ redisUrl: redis.url })
  })
  afterAll(async () => {
    await store.close()
    await redis.stop()
  })

  async function ask(browser: Browser): Promise<{ code: string; words: string }> {
    const { conversation } = await browser.send('Is it so?')
    const { messages } = await own.answered(browser, conversation, 2)
    const { stop = '', notice } = messages[1]?.answer ?? {}
    return { code: stop === 'failed' ? (notice?.code ?? '') : stop, words: notice?.text ?? '' }
  }

  it('is gone over by one turn at most when fifty ask at once; refusals have words, and the usage is what the model counted', async () => {
    const env = {
      REDIS_URL: redis.url,
      SESSION_SECRET: 'x'.repeat(40),
      BEDROCK_MODEL_ID: models.answer,
      BEDROCK_TITLE_MODEL_ID: models.title,
      BEDROCK_MAX_TOKENS: '200',
      LIMIT_TOKENS_PER_DAY: String(limit),
    }
    own.bedrock.scriptFor(models.answer, ...scripts(took.answer))
    own.bedrock.scriptFor(models.title, ...scripts(took.title))
    const [one, two] = await Promise.all([own.run(env), own.run(env)])
    const here = await own.signedIn(one)
    const browsers = [here, await own.signedIn(two, here.cookies)]

    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(browsers[i % 2]!)))
    // What was left because of what the others held for themselves is used up now.
    for (let last = 'end'; last === 'end'; ) {
      const outcome = await ask(browsers[outcomes.length % 2]!)
      outcomes.push(outcome)
      last = outcome.code
    }

    const answered = outcomes.filter(({ code }) => code === 'end')
    expect(answered.length * perTurn).toBeGreaterThanOrEqual(limit)
    expect(answered.length * perTurn).toBeLessThan(limit + perTurn)
    const asked = (model: string) => own.bedrock.requests.filter(({ modelId }) => modelId === model).length
    expect(asked(models.answer)).toBe(answered.length)
    expect(answered.filter(({ words }) => words.includes('% of your limit'))).toHaveLength(1)
    for (const { code, words } of outcomes.filter(({ code }) => code !== 'end')) {
      expect(['limit_reached', 'limit_held']).toContain(code)
      expect(words).toMatch(code === 'limit_reached' ? /limit of 2,000 tokens a day\. .*00:00 UTC/ : /try again when/)
    }

    const sum = async () => {
      const rows = await store.usage.read({ from: '2000-01-01', to: '2999-12-31' })
      return Object.fromEntries(
        Object.values(models).map((model) => {
          const own = rows.filter((row) => row.model === model)
          const add = (field: 'input' | 'output' | 'turns') => own.reduce((all, row) => all + row[field], 0)
          return [model, [add('input'), add('output'), add('turns')]]
        }),
      )
    }
    const counted = ({ inputTokens, outputTokens }: typeof took.answer, calls: number) => [
      calls * inputTokens,
      calls * outputTokens,
    ]
    await until(async () => (await sum())[models.title]?.[1] === asked(models.title) * took.title.outputTokens)
    expect(await sum()).toEqual({
      [models.answer]: [...counted(took.answer, answered.length), answered.length],
      [models.title]: [...counted(took.title, asked(models.title)), 0],
    })
    expect(await (await here.get('/account')).text()).toContain('0 of 2,000 tokens left today')
  })
})

describe('a limit that is used up', () => {
  const own = service()

  it('is not begun anew by being forgotten and coming again', async () => {
    const at = await startSurfaces()
    try {
      at.connect(await own.run({ ...at.env, LIMIT_TOKENS_PER_DAY: '1' }))
      await at.slackSays('You said', at.inSlack('Is it so?'))
      const order = at.inSlack('forget me')
      await at.click(await at.slackSays('This cannot be undone', order), 'Delete everything about me')
      await at.slackSays('everything I kept about you is deleted', order)
      await at.slackSays('You have reached your limit of 1 token a day', at.inSlack('And now?'))
      const store = await beside(own)
      const rows = await store.usage.read({ from: '2000-01-01', to: '2999-12-31' })
      await store.close()
      // Of the one answer there was it is known no more whose it was.
      expect(new Set(rows.map(({ user }) => user))).toEqual(new Set(['']))
    } finally {
      await at.close()
    }
  })
})
