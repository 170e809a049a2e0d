import { describe, expect, test } from 'vitest'
import { createTeams } from '../../adapters/teams/index.ts'
import { Fault } from '../../src/errors.ts'
import type { JsonObject, PlatformChat } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { fakeClock, startTeams, type TokenCaseName, tokenCases } from '../support/teams/index.ts'
import { until } from '../support/world.ts'
import { cleanUp, configFor, startWorld, type World } from './world.ts'

cleanUp()

const names = Object.keys(tokenCases) as TokenCaseName[]

describe('a token', () => {
  test.each(names.filter((name) => tokenCases[name].expect === 'accepted'))('that is %s is taken', async (name) => {
    const { teams } = await startWorld()
    expect(await teams.knock(name)).toMatchObject({ status: 202, body: '' })
  })

  test.each(names.filter((name) => tokenCases[name].expect === 'refused'))(
    'that is “%s” is a bare 401',
    async (name) => {
      const world = await startWorld()
      expect(await world.teams.knock(name)).toMatchObject({ status: 401, body: '' })
      await world.settled()
      expect(world.teams.calls).toEqual([])
      expect(world.model.prompts).toEqual([])
    },
  )

  test('there are at least the 21 bad ones', () => {
    expect(names.filter((name) => tokenCases[name].expect === 'refused').length).toBeGreaterThanOrEqual(21)
  })

  test('is looked at before the body', async () => {
    const { app } = await startWorld()
    for (const body of ['{', '{"type":1}', 'x'.repeat(3_000_000)])
      expect(await post(app.url, body)).toEqual({ status: 401, body: '' })
  })

  test('without an end is never good', async () => {
    const { teams } = await startWorld()
    const token = teams.mint({ claims: { exp: null } })
    expect(await teams.postActivity(hello(teams), `Bearer ${token}`)).toMatchObject({ status: 401 })
  })

  test('that cannot be checked is not refused but comes again', async () => {
    const { teams, app } = await startWorld({
      config: { standIn: { openIdMetadata: 'http://127.0.0.1:9/none', token: 'x', hosts: ['127.0.0.1'] } },
    })
    expect(await teams.postActivity(hello(teams))).toMatchObject({ status: 503, body: '' })
    expect(await post(app.url, '{}')).toEqual({ status: 401, body: '' })
  })
})

describe('a body', () => {
  const bodies: [string, number, (good: JsonObject) => unknown][] = [
    ['that is no JSON', 400, () => '{"type":'],
    ['that is no object', 400, () => '[]'],
    ['that is empty', 400, () => ''],
    ['without a type', 400, ({ type: _, ...rest }) => rest],
    ['without a sender', 400, ({ from: _, ...rest }) => rest],
    ['without a conversation', 400, ({ conversation: _, ...rest }) => rest],
    ['without an id', 400, ({ id: _, ...rest }) => rest],
    ['without a channel', 400, ({ channelId: _, ...rest }) => rest],
    ['of another channel', 401, (good) => ({ ...good, channelId: 'webchat' })],
    ['with a foreign service URL', 401, (good) => ({ ...good, serviceUrl: 'https://evil.example/' })],
    ['of megabytes', 413, (good) => ({ ...good, text: 'a'.repeat(3_000_000) })],
    ['of another tenant', 403, (good) => ({ ...good, channelData: { tenant: { id: 'fabrikam' } } })],
    ['of no tenant', 403, ({ channelData: _, ...good }) => ({ ...good, conversation: { id: 'a:1' } })],
  ]
  test.each(bodies)('%s is a bare %i', async (_, status, change) => {
    const { teams, app, settled, model } = await startWorld()
    const changed = change(hello(teams))
    const body = typeof changed === 'string' ? changed : JSON.stringify(changed)
    expect(await post(app.url, body, `Bearer ${teams.mint()}`)).toEqual({ status, body: '' })
    await settled()
    expect(model.prompts).toEqual([])
  })

  test('with a service URL that Teams signed but does not own gets nothing sent there', async () => {
    const { teams, app, settled } = await startWorld({
      config: {},
    })
    const serviceUrl = 'https://evil.example/'
    const token = teams.mint({ claims: { serviceurl: serviceUrl } })
    const body = JSON.stringify({ ...hello(teams), serviceUrl })
    expect(await post(app.url, body, `Bearer ${token}`)).toEqual({ status: 403, body: '' })
    await settled()
  })
})

describe('what is let in', () => {
  test('with odd content does no harm', async () => {
    const { teams, settled, logged } = await startWorld()
    const odd: JsonObject[] = [
      { text: null },
      { text: null, value: { some: 'card' } },
      { text: '<script>alert(1)</script> <b>x</b>' },
      { text: '\u0000\ud800 lone' },
      { text: 'x', entities: [{ type: 'mention' }] },
      { type: 'messageReaction', reactionsAdded: [{ type: 'like' }] },
      { type: 'invoke', name: 'composeExtension/query', value: {} },
      { type: 'unheardOf' },
    ]
    for (const more of odd) {
      const { status, body } = await teams.postActivity({ ...hello(teams), ...more, id: teams.state.nextId() })
      expect(status).toBe(more.type === 'invoke' ? 501 : 202)
      expect(body).toBe('')
    }
    await settled()
    expect(logged('error')).toEqual([])
  })

  test('is acknowledged before the model works, and once however often it comes', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const other = await world.another()
    const open = Promise.withResolvers<void>()
    model.script = async function* () {
      await open.promise
      yield { type: 'text', text: 'Done' }
      yield { type: 'end', stop: 'end', model: 'x', usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 } }
    }
    const said = teams.say({ in: teams.personal.id, text: 'Hi' })
    expect(await said.first).toMatchObject({ status: 202 })
    expect(await teams.redeliver(said)).toMatchObject({ status: 202 })
    expect(await teams.redeliver(said, other.url)).toMatchObject({ status: 202 })
    open.resolve()
    await settled()
    expect(teams.screen(teams.personal.id).answers).toHaveLength(1)
    expect(model.prompts).toHaveLength(1)
  })

  test('on two instances at the same time has one answer', async () => {
    const world = await startWorld()
    const { teams, model, settled } = world
    const other = await world.another()
    teams.connect(world.app.url, other.url)
    const attempts = await teams.deliverToAll(teams.activity(teams.personal.id, { text: 'Both' }))
    expect(attempts.map(({ status }) => status)).toEqual([202, 202])
    await settled()
    expect(teams.screen(teams.personal.id).answers).toHaveLength(1)
    expect(model.prompts).toHaveLength(1)
  })

  test.each(['store_unavailable', 'draining'] as const)(
    'but not stored (%s) is a 503, and comes again',
    async (code) => {
      let broken = true
      const world = await startWorld({
        wrap: (store) => ({
          ...store,
          inbox: new Proxy(store.inbox, {
            get: (inbox, key) =>
              key === 'accept' && broken ? () => Promise.reject(new Fault(code)) : Reflect.get(inbox, key).bind(inbox),
          }),
        }),
      })
      const { teams, settled } = world
      const said = teams.say({ in: teams.personal.id, text: 'Hi' })
      expect(await said.first).toMatchObject({ status: 503, body: '' })
      broken = false
      expect(await teams.redeliver(said)).toMatchObject({ status: 202 })
      await settled()
      expect(teams.screen(teams.personal.id).answers).toHaveLength(1)
    },
  )
})

test('what takes longer to store than Teams waits comes again by itself, and is answered once', async () => {
  const clock = fakeClock()
  const slow = Promise.withResolvers<void>()
  let calls = 0
  const world = await startWorld({
    clock,
    wrap: (store) => ({
      ...store,
      inbox: new Proxy(store.inbox, {
        get(inbox, key) {
          const real = Reflect.get(inbox, key).bind(inbox)
          return key === 'accept' && calls++ === 0 ? (...all: unknown[]) => slow.promise.then(() => real(...all)) : real
        },
      }),
    }),
  })
  const { teams, model, settled } = world
  const said = teams.say({ in: teams.personal.id, text: 'Hi' })
  await until(() => calls > 0)
  // Teams waits for 15 seconds.
  await clock.advance(15_001)
  expect(await said.first).toMatchObject({ failure: 'timeout' })
  await clock.advance(1)
  expect(await said.acked).toBe(true)
  slow.resolve()
  await settled()
  expect(teams.screen(teams.personal.id).answers).toMatchObject([{ text: 'You said: Hi', state: 'final' }])
  expect(model.prompts).toHaveLength(1)
})

describe('people of another organisation', () => {
  test('are told so once, in their own chat', async () => {
    const { teams, settled } = await startWorld()
    const chat = teams.addPersonal(teams.olga, teams.olga.tenantId)
    expect(await teams.say({ in: chat.id, text: 'Hi' }).first).toMatchObject({ status: 403 })
    expect(await teams.say({ in: chat.id, text: 'Hi again' }).first).toMatchObject({ status: 403 })
    await settled()
    const { answers } = teams.screen(chat.id)
    expect(answers).toHaveLength(1)
    expect(answers[0]!.text).toContain('only answers full members')
  })

  test('may where the operator says so', async () => {
    const { teams, settled } = await startWorld({ config: { allowedTenants: ['fabrikam'] } })
    const otto = teams.addPerson({ name: 'Otto', tenantId: 'fabrikam' })
    const chat = teams.addPersonal(otto, 'fabrikam')
    expect(await teams.say({ in: chat.id, text: 'Hi' }).first).toMatchObject({ status: 202 })
    expect(await teams.say({ in: teams.personal.id, text: 'Hi' }).first).toMatchObject({ status: 403 })
    await settled()
    expect(teams.screen(chat.id).answers).toMatchObject([{ text: 'You said: Hi' }])
  })
})

describe('the anonymous mode', () => {
  const anonymous = { appId: undefined, tenantId: undefined, standIn: undefined, anonymous: true, production: false }
  const open = (more: object = {}): Promise<World> =>
    startWorld({ anonymous: true, config: { ...anonymous, ...more } as object })

  test('takes what the Playground sends, without any token', async () => {
    const { teams, settled } = await open()
    expect(await teams.say({ in: teams.personal.id, text: 'Hi' }).first).toMatchObject({ status: 202 })
    await settled()
    expect(teams.screen(teams.personal.id).answers).toMatchObject([{ text: 'You said: Hi' }])
    expect(teams.calls.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  test('answers nowhere but on this machine, and nobody who comes through a browser or a proxy', async () => {
    const { teams, app } = await open()
    const body = JSON.stringify(hello(teams))
    const away = JSON.stringify({ ...hello(teams), serviceUrl: 'https://smba.trafficmanager.net/emea/' })
    expect(await post(app.url, away)).toEqual({ status: 403, body: '' })
    expect(await post(app.url, body, undefined, { origin: 'https://evil.example' })).toEqual({ status: 401, body: '' })
    expect(await post(app.url, body, undefined, { 'x-forwarded-for': '1.2.3.4' })).toEqual({ status: 401, body: '' })
  })

  test.each([
    [{ production: true }, 'not for production'],
    [{ host: '0.0.0.0' }, 'HOST'],
    [{ appId: 'an-app' }, 'exclude each other'],
    [{ anonymous: false }, 'MicrosoftAppId is missing'],
    [{ anonymous: false, appId: 'an-app', appType: 'SingleTenant' }, 'MicrosoftAppTenantId is missing'],
    [{ anonymous: false, appId: 'an-app', tenantId: 't' }, 'MicrosoftAppPassword'],
    [{ anonymous: false, appId: 'an-app', appType: 'MultiTenant', password: 'x' }, 'TEAMS_ALLOWED_TENANTS'],
  ])('refuses to start with %j', async (more, words) => {
    const teams = await startTeams()
    const config = { ...configFor(teams), ...anonymous, ...more } as ReturnType<typeof configFor>
    await teams.close()
    const parts = { chat: {} as PlatformChat, cache: {} as never, counters: {} as never, log: quietLog() }
    await expect(createTeams({ config, ...parts })).rejects.toThrow(words)
  })
})

test('nothing of a message, a name or a token is logged', async () => {
  const lines: { level: string; fields: object; text: string }[] = []
  const world = await startWorld()
  const { teams, settled, app } = world
  teams.fail('post', 'badGateway')
  await teams.say({ in: teams.personal.id, text: 'my secret question' }).first
  await post(app.url, '{"text":"another secret"}', 'Bearer a.b.c')
  await settled()
  const all = JSON.stringify([lines, world.app.instance.log.lines, world.logged('warn'), world.logged('info')])
  for (const secret of ['secret', 'Ana', teams.token, 'a.b.c']) expect(all).not.toContain(secret)
})

function hello(teams: World['teams']): JsonObject {
  return teams.activity(teams.personal.id, { text: 'Hello' })
}

async function post(url: string, body: string, authorization?: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }), ...headers },
  })
  return { status: response.status, body: await response.text() }
}
