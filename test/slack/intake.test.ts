import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { answers, cleanUp, settled, startWorld } from './world.ts'

cleanUp()

describe('a request to /slack/events', () => {
  const now = (): number => Math.floor(Date.now() / 1000)

  test('is taken when Slack signed it, and not otherwise', async () => {
    const { slack } = await startWorld()
    const body = JSON.stringify({ type: 'url_verification', challenge: 'abc' })
    const status = async (how: Parameters<typeof slack.post>[1]) => (await slack.post(body, how)).status
    expect(await (await slack.post(body)).json()).toEqual({ challenge: 'abc' })
    expect(await status({ secret: 'another' })).toBe(401)
    expect(await status({ timestamp: now() - 301 })).toBe(401)
    expect(await status({ timestamp: now() + 302 })).toBe(401)
    expect(await status({ timestamp: now() - 200 })).toBe(200)
    expect(await status({ timestamp: 'soon' })).toBe(401)
    expect(await status({ headers: { 'x-slack-signature': '' } })).toBe(401)
    expect(await status({ headers: { 'x-slack-signature': 'v1=abc' } })).toBe(401)
    expect(await status({ headers: { 'x-slack-signature': 'v0=' } })).toBe(401)
    expect(slack.calls.filter(({ method }) => method.startsWith('chat.'))).toEqual([])
  })

  test('without any of the headers is refused', async () => {
    const { app } = await startWorld()
    const response = await fetch(`${app.url}/slack/events`, { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
  })

  test('is refused past 4 MB, and when it is no JSON', async () => {
    const { slack, app } = await startWorld()
    expect((await slack.post('x'.repeat(4 * 1024 * 1024 + 1))).status).toBe(413)
    expect((await slack.post('{')).status).toBe(400)
    expect((await slack.post('[]')).status).toBe(400)
    expect((await slack.post('"text"')).status).toBe(400)
    const compressed = await fetch(`${app.url}/slack/events`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-encoding': 'gzip' },
    })
    expect(compressed.status).toBe(415)
  })

  test('may be a form to which a proxy added a charset', async () => {
    const { slack } = await startWorld()
    const command = new URLSearchParams({
      command: '/ask',
      text: 'help',
      team_id: slack.team.id,
      channel_id: slack.general.id,
      user_id: slack.ana.id,
      trigger_id: 'x',
      response_url: slack.url,
    }).toString()
    const response = await slack.post(command, { type: 'application/x-www-form-urlencoded; charset=utf-8' })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ response_type: 'ephemeral' })
  })

  test('that checks the connection needs no signature, and is nothing else', async () => {
    const { slack, app } = await startWorld()
    expect((await slack.checkSsl()).status).toBe(200)
    const event = JSON.stringify({ type: 'event_callback', event: { type: 'message', text: 'hi', channel: 'D1' } })
    const smuggled = await fetch(`${app.url}/slack/events`, {
      method: 'POST',
      body: new URLSearchParams({ ssl_check: '1', payload: event }),
    })
    expect(smuggled.status).toBe(200)
    expect(slack.calls.filter(({ method }) => method.startsWith('chat.'))).toEqual([])
  })

  test('with an envelope we do not know is acknowledged', async () => {
    const world = await startWorld()
    const { slack } = world
    expect(await slack.rateLimitApp().acked).toBe(true)
    expect(world.logged('warn')).toEqual([expect.stringContaining('Slack holds events back')])
    for (const body of [
      {},
      { type: 'new_thing' },
      { type: 'event_callback' },
      { type: 'event_callback', event: { type: 'reaction_added' } },
    ])
      expect((await slack.post(JSON.stringify(body))).status).toBe(200)
    expect(
      (
        await slack.post(
          JSON.stringify({
            type: 'block_actions',
            actions: [{ action_id: 'unknown', type: 'button' }],
            user: { id: 'U1' },
            team: { id: 'T1' },
          }),
        )
      ).status,
    ).toBe(200)
  })
})

test('a store that is down is answered with 503, and Slack’s next delivery is answered', async () => {
  const world = await startWorld()
  const { slack, store } = world
  const accept = store.inbox.accept
  let failures = 1
  store.inbox.accept = async (...args) => {
    if (failures-- > 0) throw new Fault('store_unavailable')
    return accept(...args)
  }
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  expect((await said.deliveries[0]!.first).status).toBe(503)
  expect(await said.acked()).toBe(true)
  await settled(world)
  expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
})

test('the acknowledgement waits for the store, and for nothing else', async () => {
  const world = await startWorld()
  const { slack, store } = world
  const accept = store.inbox.accept
  const stored = Promise.withResolvers<void>()
  let asked = false
  store.inbox.accept = async (...args) => {
    asked = true
    await stored.promise
    return accept(...args)
  }
  const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
  await slack.until(() => asked)
  expect(said.deliveries[0]!.attempts[0]!.status).toBeUndefined()
  expect(slack.calls.filter(({ method }) => method !== 'auth.test')).toEqual([])
  stored.resolve()
  expect(await said.acked()).toBe(true)
  await settled(world)
})

describe('one answer', () => {
  test('however often it is delivered, also after it was answered', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    const [delivery] = said.deliveries
    await Promise.all([delivery!.first, slack.redeliver(delivery!), slack.redeliver(delivery!)])
    await settled(world)
    expect((await slack.redeliver(delivery!)).status).toBe(200)
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts)).toHaveLength(1)
    expect(model.prompts).toHaveLength(1)
  })

  test.each(['event', 'message'] as const)('to a gesture that Slack tells as two (%ss)', async (double) => {
    const world = await startWorld()
    const { slack, model } = world
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello', double })
    expect(await said.acked()).toBe(true)
    await settled(world)
    expect(model.prompts).toHaveLength(1)
  })

  test('to a message in a channel that two workspaces share, both with the app', async () => {
    const world = await startWorld()
    const { slack, model } = world
    const other = slack.addTeam({ name: 'Other' })
    const shared = slack.addChannel({ members: [slack.ana.id, slack.install.botUser], sharedWith: [other.id] })
    const said = slack.say({ user: slack.ana.id, channel: shared.id, text: `<@${slack.install.botUser}> hi` })
    await settled(world)
    expect(answers(slack, shared.id, said.ts)).toHaveLength(1)
    expect(model.prompts).toHaveLength(1)
  })
})

describe('who may', () => {
  test('guests are told no, unless they are let in', async () => {
    const world = await startWorld()
    const { slack } = world
    const guest = slack.addPerson({ realName: 'Gus Tone', guest: 'multi' })
    slack.general.members.add(guest.id)
    const said = slack.say({ user: guest.id, channel: slack.general.id, text: `<@${slack.install.botUser}> hi` })
    await settled(world)
    expect(answers(slack, slack.general.id, said.ts)[0]!.text).toContain('only answers full members')
    expect(world.model.prompts).toEqual([])
  })

  test('guests are answered with SLACK_ALLOW_GUESTS', async () => {
    const world = await startWorld({ config: { allowGuests: true } })
    const { slack } = world
    const guest = slack.addPerson({ realName: 'Gus Tone', guest: 'single' })
    slack.general.members.add(guest.id)
    const said = slack.say({ user: guest.id, channel: slack.general.id, text: `<@${slack.install.botUser}> hi` })
    await settled(world)
    expect(answers(slack, slack.general.id, said.ts)[0]!.text).toContain('You said')
  })

  test.each([
    [false, 'only answers full members'],
    [true, 'You said'],
  ])('people of other organisations, where SLACK_ALLOW_EXTERNAL is %s', async (allowExternal, words) => {
    const world = await startWorld({ config: { allowExternal } })
    const { slack } = world
    const other = slack.addTeam({ name: 'Other' })
    const stranger = slack.addPerson({ team: other.id, realName: 'Xena Ray' })
    const shared = slack.addChannel({
      members: [slack.ana.id, stranger.id, slack.install.botUser],
      sharedWith: [other.id],
    })
    const said = slack.say({ user: stranger.id, channel: shared.id, text: `<@${slack.install.botUser}> hi` })
    await settled(world)
    expect(answers(slack, shared.id, said.ts)[0]!.text).toContain(words)
  })

  test('only the workspaces of SLACK_ALLOWED_TEAMS', async () => {
    const world = await startWorld({ config: { allowedTeams: ['T0OTHER'] } })
    const { slack } = world
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'hi' })
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts)[0]!.text).toContain('only answers full members')
    expect(slack.callsTo('users.info')).toEqual([])
  })

  test('a deactivated account is told that it is one', async () => {
    const world = await startWorld()
    const { slack } = world
    const gone = slack.addPerson({ realName: 'Dee Parted', deleted: true })
    slack.general.members.add(gone.id)
    const said = slack.say({ user: gone.id, channel: slack.general.id, text: `<@${slack.install.botUser}> hi` })
    await settled(world)
    expect(answers(slack, slack.general.id, said.ts)[0]!.text).toMatch(/deactivated|not active|inactive/)
    expect(world.model.prompts).toEqual([])
  })

  test.each([
    ['allowGuests', { allowGuests: true }, { allowGuests: false }],
    ['allowExternal', { allowExternal: true }, { allowExternal: false }],
    ['allowedTeams', {}, { allowedTeams: ['T0OTHER'] }],
  ])('holds for those who were answered before, once %s is changed', async (what, before, after) => {
    const world = await startWorld({ config: before })
    const { slack } = world
    const other = slack.addTeam({ name: 'Other' })
    const asker =
      what === 'allowGuests'
        ? slack.addPerson({ realName: 'Gus Tone', guest: 'multi' })
        : what === 'allowExternal'
          ? slack.addPerson({ team: other.id, realName: 'Xena Ray' })
          : slack.ana
    const channel = slack.addChannel({
      members: [asker.id, slack.install.botUser],
      ...(what === 'allowExternal' && { sharedWith: [other.id] }),
    })
    const ask = async (): Promise<string> => {
      const said = slack.say({ user: asker.id, channel: channel.id, text: `<@${slack.install.botUser}> hi` })
      await settled(world)
      return answers(slack, channel.id, said.ts)[0]!.text
    }
    expect(await ask()).toContain('You said')
    const next = await world.another(after)
    slack.connect(`${next.url}/slack/events`)
    expect(await ask()).toContain('only answers full members')
  })

  test('someone who is known is answered although Slack cannot say who they are', async () => {
    const world = await startWorld()
    const { slack } = world
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'one' })
    await settled(world)
    const next = await world.another()
    slack.connect(`${next.url}/slack/events`)
    slack.fail('users.info', { kind: 'error', error: 'internal_error' }, { times: 100 })
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'two' })
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts)[0]!.text).toContain('You said: two')
  })

  test('an event of a workspace that is not ours is acknowledged and dropped', async () => {
    const world = await startWorld()
    const { slack } = world
    await slack.until(() => slack.callsTo('auth.test')[0]?.done)
    const event = {
      type: 'message',
      channel: 'D9',
      channel_type: 'im',
      user: 'U9',
      text: 'hi',
      ts: '1700000000.000100',
    }
    const body = {
      type: 'event_callback',
      team_id: 'T0FOREIGN',
      event_id: 'Ev9',
      event,
      authorizations: [{ team_id: 'T0FOREIGN', enterprise_id: null, user_id: 'UB', is_enterprise_install: false }],
    }
    expect((await slack.post(JSON.stringify(body))).status).toBe(200)
    await settled(world)
    expect(world.model.prompts).toEqual([])
  })
})

test('a signature is compared over the body as it came', async () => {
  const { slack, app } = await startWorld()
  const body = '{"type":"url_verification",  "challenge":"ü"}'
  const timestamp = Math.floor(Date.now() / 1000)
  const signature = `v0=${createHmac('sha256', slack.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')}`
  const headers = {
    'x-slack-signature': signature,
    'x-slack-request-timestamp': String(timestamp),
    'content-type': 'application/json',
  }
  const url = `${app.url}/slack/events`
  expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(200)
  expect((await fetch(url, { method: 'POST', body: body.replace('  ', ' '), headers })).status).toBe(401)
})
