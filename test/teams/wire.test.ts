import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { TeamsConfig } from '../../adapters/teams/config.ts'
import { messageActivity } from '../../adapters/teams/message.ts'
import { openTransport } from '../../adapters/teams/transport.ts'
import { startTeams } from '../support/teams/index.ts'
import { cleanUp, configFor, startWorld } from './world.ts'

cleanUp()

const anonymous: TeamsConfig = {
  appType: 'SingleTenant',
  anonymous: true,
  production: false,
  host: '127.0.0.1',
  allowedTenants: [],
  allowGuests: false,
}

test('an entity goes out whole: botbuilder as it is strips all but its type', async () => {
  const teams = await startTeams({ limits: false })
  const { send } = await openTransport(configFor(teams))
  const entities = [{ type: 'streaminfo', streamType: 'informative', streamSequence: 1 }]
  const spot = { serviceUrl: teams.serviceUrl, conversation: teams.personal.id }
  await send(spot, { type: 'typing', text: 'Hi', entities }, 5_000).catch(() => {})
  expect(teams.callsTo('post')[0]!.body!.entities).toEqual(entities)
  await teams.close()
})

test('streams and labels come to Teams as they are meant', async () => {
  const { teams, settled } = await startWorld()
  await teams.say({ in: teams.personal.id, text: 'Hi' }).first
  await settled()
  const bodies = teams.callsTo('post').map(({ body }) => body!.entities)
  expect(bodies[0]).toEqual([{ type: 'streaminfo', streamType: 'informative', streamSequence: 1 }])
  expect(bodies.at(-1)).toEqual([
    { type: 'streaminfo', streamType: 'final', streamId: expect.any(String) },
    {
      type: 'https://schema.org/Message',
      '@type': 'Message',
      '@context': 'https://schema.org',
      '@id': '',
      additionalType: ['AIGeneratedContent'],
    },
  ])
})

test('sources that an answer names come to Teams within its limits', async () => {
  const teams = await startTeams({ limits: false })
  const { send } = await openTransport(configFor(teams))
  const spot = { serviceUrl: teams.serviceUrl, conversation: teams.personal.id }
  const source = { name: `${'n'.repeat(78)}👍👍`, url: 'https://wiki.example/a', abstract: 'a'.repeat(500) }
  const message = messageActivity({
    text: 'So it is [1].',
    ai: true,
    citations: [source, ...Array(30).fill({ name: ' ' })],
  })
  await send(spot, message, 5_000)
  // Cut within a character of two halves, which goes as a whole.
  const { citations, aiLabel } = teams.screen(teams.personal.id).answers[0]!
  expect(aiLabel).toBe(true)
  expect(citations).toHaveLength(20)
  expect(citations[0]).toEqual({ position: 1, name: `${'n'.repeat(78)}…` })
  expect(citations[1]).toEqual({ position: 2, name: 'Source' })
  expect(teams.callsTo('post')[0]!.body!.entities).toHaveLength(1)
  await teams.close()
})

test('a call is made once, whatever it comes to, and follows nobody elsewhere', async () => {
  const teams = await startTeams({ limits: false })
  const transport = await openTransport(configFor(teams))
  const spot = { serviceUrl: teams.serviceUrl, conversation: teams.personal.id }
  const send = () => transport.send(spot, { type: 'message', text: 'Hi' }, 5_000)
  const cases = [
    [
      { kind: 'status', status: 500 },
      { status: 500, outcome: 'unknown' },
    ],
    [
      { kind: 'status', status: 502, done: true },
      { status: 502, outcome: 'unknown' },
    ],
    [
      { kind: 'status', status: 503 },
      { status: 503, outcome: 'refused' },
    ],
    [
      { kind: 'status', status: 429, retryAfter: 2 },
      { status: 429, outcome: 'refused', retryAfterMs: 2_000 },
    ],
    [
      { kind: 'status', status: 302 },
      { status: 302, outcome: 'refused' },
    ],
    [{ kind: 'cut' }, { status: 0, outcome: 'unknown' }],
  ] as const
  for (const [fault, expected] of cases) {
    const before = teams.callsTo('post').length
    teams.fail('post', fault)
    await expect(send()).rejects.toMatchObject({ name: 'TeamsError', ...expected })
    expect(teams.callsTo('post').length - before).toBe(1)
  }
  teams.fail('post', { kind: 'garbage', done: true })
  expect(await send()).toEqual({})
  const silent = Promise.withResolvers<void>()
  teams.fail('post', { kind: 'slow', wait: silent.promise })
  await expect(transport.send(spot, { type: 'message', text: 'Hi' }, 50)).rejects.toMatchObject({ outcome: 'unknown' })
  silent.resolve()
  await teams.close()
  await expect(send()).rejects.toMatchObject({ status: 0, code: 'ECONNREFUSED', outcome: 'refused' })
})

test.each([
  ['in an error', (code: string) => ({ error: { code, message: 'Late.' } })],
  ['by itself', (code: string) => ({ code, message: 'Late.' })],
])('what was taken and thrown away is told, with its code %s', async (_, body) => {
  const connector = createServer((_request, response) => {
    response.writeHead(202, { 'content-type': 'application/json; charset=utf-8' })
    response.end(JSON.stringify(body('ContentStreamSequenceOrderPreConditionFailed')))
  })
  await new Promise<void>((resolve) => connector.listen(0, '127.0.0.1', resolve))
  const serviceUrl = `http://127.0.0.1:${(connector.address() as AddressInfo).port}/`
  const { send } = await openTransport(anonymous)
  expect(await send({ serviceUrl, conversation: 'a:1' }, { type: 'typing', text: 'Hi' }, 5_000)).toEqual({
    dropped: true,
  })
  connector.closeAllConnections()
  await new Promise((resolve) => connector.close(resolve))
})

test('our token goes to Teams alone', async () => {
  const teams = await startTeams({ limits: false })
  const transport = await openTransport(configFor(teams))
  for (const serviceUrl of [
    'https://evil.example/',
    'http://smba.trafficmanager.net/emea/',
    'https://smba.trafficmanager.net.evil.example/',
    'https://user@smba.trafficmanager.net/',
    'no url',
  ])
    await expect(
      transport.send({ serviceUrl, conversation: 'a:1' }, { type: 'message', text: 'Hi' }, 1_000),
    ).rejects.toMatchObject({ code: 'UntrustedServiceUrl', outcome: 'refused' })
  await teams.close()
})
