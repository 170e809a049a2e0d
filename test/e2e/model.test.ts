import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Act, reason, refuse, say, start, stop, usage, whole } from '../support/bedrock.ts'
import { service } from '../support/service.ts'
import { Browser } from '../support/web.ts'

const userProgram = fileURLToPath(new URL('../../src/cli/user.ts', import.meta.url))
const model = 'global.anthropic.claude-sonnet-4-6'
/** Words of the service, the SDK and the network that no person should read. */
const theirs = /aws|amazon|bedrock|exception|arn:|throttl|token|credential|http|socket|econn|stack|undefined|\[object/i

const said = 'THESE ARE THE SERVICE’S OWN WORDS'
const garbage: Act = { raw: Buffer.from('<html>502 Bad Gateway</html>'.repeat(5)).toString('base64') }

/** What Bedrock does at each try (it may be asked three times), and the code of what the person is told. */
const failures: [string, Act[], string][] = [
  ['throttles', refuse(429, 'ThrottlingException', said, { 'retry-after': '20' }), 'model_busy'],
  ['throttles within the stream', [{ exception: 'throttlingException', message: said }], 'model_busy'],
  ['is down', refuse(503, 'ServiceUnavailableException', said), 'model_unavailable'],
  ['sends a page of a proxy', [{ refuse: 502, body: '<html>Bad Gateway</html>' }], 'model_unavailable'],
  ['hangs up', [{ cut: 'rst' }], 'model_unavailable'],
  ['sends garbage', [garbage], 'model_unavailable'],
  ['sends nothing', [], 'model_unavailable'],
  ['ends in the middle', [start], 'model_unavailable'],
  ['fails at the model', refuse(424, 'ModelErrorException', said), 'model_unavailable'],
  ['times out', refuse(408, 'ModelTimeoutException', said), 'model_slow'],
  ['stays silent', [{ hang: true }], 'model_slow'],
  ['knows no such model', refuse(404, 'ResourceNotFoundException', said), 'model_config'],
  ['refuses the key', refuse(403, 'UnrecognizedClientException', said), 'model_access'],
  ['refuses the model', refuse(403, 'AccessDeniedException', `User: arn:aws:iam::1:user/x ${said}`), 'model_access'],
  ['refuses the request', refuse(400, 'ValidationException', said), 'model_rejected'],
  [
    'finds it too long',
    refuse(400, 'ValidationException', 'Input is too long for requested model.'),
    'context_overflow',
  ],
  ['says nothing', [start, ...stop(), usage()], 'empty_answer'],
  ['only thinks', [start, reason('hm'), ...stop('max_tokens'), usage()], 'empty_answer'],
]
/** What it does after its first words, and what stands beside the answer. */
const cuts: [string, Act[], string, string][] = [
  ['hangs up', [{ cut: 'rst' }], 'cut_broken', 'broken'],
  ['falls silent', [{ hang: true }], 'cut_broken', 'broken'],
  ['fails', [{ exception: 'modelStreamErrorException', message: said }], 'cut_broken', 'broken'],
  ['reaches its limit', [...stop('max_tokens'), usage()], 'cut_length', 'length'],
  ['fills its context', [...stop('model_context_window_exceeded'), usage()], 'cut_context', 'context'],
  ['is filtered', [...stop('content_filtered'), usage()], 'filtered', 'filtered'],
  ['is held back', [...stop('guardrail_intervened'), usage()], 'guardrail', 'guardrail'],
]

describe('when the model', () => {
  const own = service({ shared: true })
  let browser: Browser
  beforeAll(async () => {
    const app = await own.run({
      BEDROCK_MODEL_ID: model,
      BEDROCK_FIRST_TOKEN_SECONDS: '1',
      BEDROCK_IDLE_SECONDS: '1',
    })
    browser = await own.signedIn(app)
  })

  /** Asks by the form, as without scripts; the page it leads to and the answer as it is stored. */
  async function ask(...tries: Act[][]) {
    own.bedrock.reset()
    own.bedrock.scriptFor(model, ...tries)
    const sent = await browser.form('/chat', { id: randomUUID(), message: 'Will it work?' })
    expect(sent.status).toBe(303)
    const path = sent.headers.get('location')!
    const conversation = path.replace('/c/', '')
    const { messages } = await own.opened(browser, conversation)
    return { conversation, messages, html: await browser.page(path) }
  }

  /** What is read on a page, without what is in its tags. */
  const visible = (html: string): string =>
    html.replace(/<(script|style|template)[\s\S]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ')

  it.each(failures)('%s, the person is told so in plain words', async (_what, acts, code) => {
    const { conversation, messages, html } = await ask(...Array<Act[]>(3).fill(acts))
    expect(messages).toHaveLength(2)
    const [question, answer] = messages
    expect(answer).toMatchObject({ text: '', answer: { stop: 'failed', notice: { code } } })
    const { text, retry } = answer!.answer!.notice!
    expect(text).not.toMatch(theirs)
    expect(visible(html).replaceAll('&#39;', "'")).toContain(text)
    expect(html).not.toContain(said)
    expect(JSON.stringify(messages)).not.toContain(said)

    // The same question again, once the model is well.
    own.bedrock.reset()
    own.bedrock.scriptFor(model, whole('It does.'))
    const again = await browser.form('/chat', {
      id: randomUUID(),
      message: '',
      conversation,
      replaces: question!.turn,
    })
    expect([again.status, retry]).toEqual([303, retry])
    const { messages: after } = await own.opened(browser, conversation)
    expect(after.map((message) => message.text)).toEqual(['Will it work?', 'It does.'])
  })

  it.each(cuts)('%s after its first words, they are kept and marked', async (_what, acts, code, ended) => {
    const { messages, html } = await ask([start, ...say('The first words'), ...acts])
    expect(messages[1]).toMatchObject({ text: 'The first words', answer: { stop: ended, notice: { code } } })
    const { text } = messages[1]!.answer!.notice!
    expect(text).not.toMatch(theirs)
    expect(visible(html).replaceAll('&#39;', "'")).toContain(text)
    expect(html).not.toContain(said)
  })
})

describe('in production without credentials', () => {
  const own = service()

  it('start-up says so, and questions are answered with what to do, never by the demo', async () => {
    const env = {
      NODE_ENV: 'production',
      SESSION_SECRET: 'x'.repeat(40),
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
    }
    // As an address of plain HTTP it needs no proxy in front.
    const app = await own.run({ ...env, HOST: '127.0.0.1', PUBLIC_URL: 'http://127.0.0.1' })
    expect(app.lines).toContainEqual(
      expect.objectContaining({ level: 'error', msg: expect.stringContaining('no AWS credentials found') }),
    )
    expect(await (await fetch(`${app.url}/login`)).text()).not.toMatch(/demo|secret/i)
    await expect(own.signedIn(app)).rejects.toThrow('401')

    const added = spawnSync(process.execPath, [userProgram, 'add', 'ada'], {
      cwd: own.dataDir,
      env: { PATH: process.env.PATH, DATA_DIR: own.dataDir, ...env },
      input: 'correct horse\n',
    })
    expect([added.status, String(added.stderr)]).toEqual([0, expect.any(String)])
    const browser = new Browser(app.url)
    expect((await browser.signIn('ada', 'correct horse')).status).toBe(303)
    const { conversation } = await browser.send('Are you there?')
    const { messages } = await own.answered(browser, conversation, 2)
    expect(messages[1]).toMatchObject({ text: '', answer: { stop: 'failed', notice: { code: 'model_missing' } } })
    expect(await browser.page(`/c/${conversation}`)).toContain('No language model is set up yet.')
  })
})
