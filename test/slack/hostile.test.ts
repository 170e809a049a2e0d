import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttp } from '../../adapters/slack/http.ts'
import { answers, cleanUp, settled, startWorld, type World } from './world.ts'

cleanUp()

describe('an address to answer at', () => {
  const respond = async (apiUrl: string, url: string): Promise<string> => {
    const http = createHttp(apiUrl, 10_000)
    try {
      await http.respond(url, { text: 'hi' })
      return 'sent'
    } catch (thrown) {
      return String((thrown as { code?: string }).code)
    } finally {
      await http.close()
    }
  }

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1:1/',
    'http://hooks.slack.com/actions/T1/1/x',
    'https://hooks.slack.com.example.com/x',
    'https://slack.com@example.com/x',
    'https://notslack.com/x',
    'file:///etc/passwd',
    'hooks.slack.com',
    '',
  ])('that is not Slack’s is not written to: %s', async (url) => {
    expect(await respond('https://slack.com/api/', url)).toBe('refused')
    expect(await respond('https://slack-gov.com/api/', url)).toBe('refused')
  })

  test('may be where the API is, and goes nowhere else from there', async () => {
    const requests: string[] = []
    const server = createServer((request, response) => {
      requests.push(request.url ?? '')
      response.writeHead(request.url === '/moved' ? 307 : 200, { location: '/other' }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ends.push(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await respond(`${url}/api/`, `${url}/response`)).toBe('sent')
    expect(await respond(`${url}/api/`, `${url}/moved`)).toBe('refused')
    expect(await respond(`${url}/api/`, 'https://hooks.slack.com/x')).toBe('refused')
    expect(requests).toEqual(['/response', '/moved'])
  })

  const ends: (() => void)[] = []
  afterEach(() => {
    for (const end of ends.splice(0)) end()
  })
})

describe('a button whose value was made up', () => {
  /** Ben presses a button of ours, with whatever value. */
  async function press(world: World, action: string, value: unknown, more: object = {}): Promise<number> {
    const { slack } = world
    const payload = {
      type: 'block_actions',
      team: { id: slack.team.id },
      user: { id: slack.ben.id, team_id: slack.team.id },
      channel: { id: slack.general.id },
      message: { ts: '1700000000.000100', thread_ts: '1700000000.000100' },
      trigger_id: 'made.up',
      response_url: `${slack.url}/nowhere`,
      actions: [
        { type: 'button', action_id: action, value: typeof value === 'string' ? value : JSON.stringify(value) },
      ],
      ...more,
    }
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString()
    return (await slack.post(body, { type: 'application/x-www-form-urlencoded' })).status
  }

  async function asked(world: World) {
    const { slack, app } = world
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Between us' })
    await settled(world)
    const ana = await app.instance.chat.who({ surface: 'slack', workspace: slack.team.id, id: slack.ana.id })
    const { items } = await app.instance.chat.conversations.list(ana.id, { limit: 1 })
    const id = items[0]!.id
    const open = () => app.instance.chat.conversations.open(ana.id, id, { limit: 10 })
    return { id, turn: (await open()).messages[0]!.turn, open }
  }

  test('neither shows, changes nor repeats what is someone else’s', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const { id, turn, open } = await asked(world)
    const before = await open()
    const about = { c: id, t: turn }
    expect(await press(world, 'answer_again', about)).toBe(200)
    expect(await press(world, 'answer_again', { ...about, w: 'a' })).toBe(200)
    expect(await press(world, 'answer_again', { ...about, w: 's' })).toBe(200)
    expect(await press(world, 'answer_feedback', { ...about, v: 'down' })).toBe(200)
    expect(await press(world, 'answer_again', { c: id, t: turn }, { channel: { id: slack.dm.id } })).toBe(200)
    await settled(world)
    expect(await open()).toEqual(before)
    expect(model.prompts).toHaveLength(1)
    expect(answers(slack, slack.general.id)).toEqual([])
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    '"x"',
    { c: 'x', t: 'y', v: 'sideways' },
    { c: '../../etc', t: '{home}' },
    { c: 'x'.repeat(100_000), t: 'y' },
    { c: '__proto__', t: 'constructor', v: 'up' },
  ])('does no harm (%#)', async (value) => {
    const world = await startWorld()
    expect(await press(world, 'answer_again', value)).toBe(200)
    expect(await press(world, 'answer_feedback', value)).toBe(200)
    await settled(world)
    expect(world.model.prompts).toEqual([])
    expect(world.logged('error')).toEqual([])
  })

  test('a dialog that was made up asks nothing for others', async () => {
    const world = await startWorld()
    const { slack } = world
    const { id, turn, open } = await asked(world)
    const before = await open()
    for (const [callback, metadata] of [
      ['comment', JSON.stringify({ c: id, t: turn, v: 'down' })],
      ['comment', 'no json'],
      ['question', 'no json'],
      ['question', '{}'],
    ]) {
      const view = {
        id: 'V1',
        callback_id: callback,
        private_metadata: metadata,
        state: { values: { comment: { comment: { value: 'x' } }, question: { question: { value: 'x' } } } },
      }
      const payload = { type: 'view_submission', team: { id: slack.team.id }, user: { id: slack.ben.id }, view }
      const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString()
      await slack.post(body, { type: 'application/x-www-form-urlencoded' })
    }
    await settled(world)
    expect(await open()).toEqual(before)
  })
})

describe('a request of another workspace, signed by Slack', () => {
  test.each(['block_actions', 'view_submission', 'message_action', 'command'])('%s: nothing is done', async (type) => {
    const world = await startWorld()
    const { slack } = world
    await slack.until(() => slack.callsTo('auth.test')[0]?.done)
    const calls = slack.calls.length
    const foreign = { team: { id: 'T0FOREIGN' }, user: { id: 'U9', team_id: 'T0FOREIGN' } }
    const fields: Record<string, string> =
      type === 'command'
        ? { command: '/ask', text: 'hi', team_id: 'T0FOREIGN', channel_id: 'C9', user_id: 'U9', trigger_id: 't' }
        : {
            payload: JSON.stringify({
              type,
              ...foreign,
              callback_id: 'ask_about',
              trigger_id: 't',
              channel: { id: 'C9' },
              message: { ts: '1.1', text: 'x', user: 'U9' },
              actions: [{ type: 'button', action_id: 'answer_again', value: '{"c":"x","t":"y"}' }],
              view: { id: 'V9', callback_id: 'comment', private_metadata: '{"c":"x","t":"y","v":"up"}' },
            }),
          }
    const response = await slack.post(new URLSearchParams(fields).toString(), {
      type: 'application/x-www-form-urlencoded',
    })
    expect(response.status).toBe(200)
    await settled(world)
    expect(slack.calls.length).toBe(calls)
    expect(world.model.prompts).toEqual([])
  })
})

test('no line of the log holds a token, a secret, or what was said', async () => {
  const world = await startWorld()
  const { slack } = world
  const secret = 'xyzzy-plugh'
  slack.fail('chat.startStream', { kind: 'cut' }, { times: 3 })
  slack.fail('chat.postMessage', { kind: 'error', error: 'msg_too_long' })
  slack.fail('users.info', { kind: 'garbage', done: true })
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: `Tell ${secret}` })
  await settled(world)
  slack.edit({ channel: slack.dm.id, ts: said.ts, text: `Tell ${secret} again` })
  await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text: secret }).answer
  await slack.post(`{"type":"event_callback","${secret}`)
  await slack.post(JSON.stringify({ type: 'event_callback', event: { type: 'message', message: secret } }), {
    secret: 'not ours',
  })
  await settled(world)
  const lines = world.lines.map((line) => `${line.text} ${JSON.stringify(line.fields, errors)}`).join('\n')
  expect(lines).not.toBe('')
  for (const hidden of [secret, slack.botToken, slack.signingSecret, 'xoxb-', 'Ana Lima', 'ana.lima@', '/response'])
    expect(lines).not.toContain(hidden)

  /** As the real log does it. */
  function errors(_key: string, value: unknown): unknown {
    return value instanceof Error ? { message: value.message, stack: value.stack, cause: value.cause } : value
  }
})
