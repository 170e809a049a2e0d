import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { messageOf } from '../../../src/errors.ts'
import { systemClock } from './clock.ts'
import { startTeams, type TeamsStandIn } from './index.ts'

/**
 * The stand-in as a process of its own: `node test/support/teams/main.ts --bot http://127.0.0.1:3000/api/messages`.
 * Its first line of output is JSON: the addresses, who and what there is. Then it obeys POSTs of
 * `{"do": "<name>", "with": [...]}` to its control address, which answers with JSON. What is given back as a promise
 * (`redeliver`, `knock`, `postActivity`) is waited for.
 */

/** What can be asked of it: the stand-in's own methods, and a look at what it knows. */
const commands = [
  ...['say', 'edit', 'remove', 'undelete', 'react', 'install', 'uninstall', 'join', 'leave', 'stop', 'invoke'],
  ...['rate', 'press', 'connect', 'fail', 'heal', 'callsTo', 'screen', 'mint', 'knock', 'postActivity', 'activity'],
  ...['addPerson', 'addGroup', 'addChannel', 'addFile', 'redeliver', 'deliverToAll', 'idle'],
] as const satisfies (keyof TeamsStandIn)[]

async function obey(teams: TeamsStandIn, request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const order = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { do: string; with?: unknown[] }
  if (order.do === 'deliveries') return teams.deliveries
  if (order.do === 'calls') return teams.calls
  const name = commands.find((command) => command === order.do)
  if (!name) throw new Error(`there is no ${order.do}; there are: ${commands.join(', ')}, deliveries, calls`)
  const method = teams[name] as (...args: unknown[]) => unknown
  return method(...(order.with ?? []))
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      bot: { type: 'string', multiple: true, default: [] },
      'app-id': { type: 'string' },
      'tenant-id': { type: 'string' },
      speed: { type: 'string', default: '1' },
      anonymous: { type: 'boolean', default: false },
      'no-limits': { type: 'boolean', default: false },
      'no-redelivery': { type: 'boolean', default: false },
    },
  })
  const teams = await startTeams({
    port: Number(values.port),
    clock: systemClock(Number(values.speed)),
    botUrls: values.bot,
    anonymous: values.anonymous,
    limits: !values['no-limits'],
    redeliver: !values['no-redelivery'],
    ...(values['app-id'] && { appId: values['app-id'] }),
    ...(values['tenant-id'] && { tenantId: values['tenant-id'] }),
  })
  const control = createServer((request, response) => {
    const answer = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? null))
    obey(teams, request).then(
      (result) => answer(200, result),
      (thrown) => answer(400, { error: messageOf(thrown) }),
    )
  })
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
  const facts = {
    url: teams.url,
    control: `http://127.0.0.1:${(control.address() as AddressInfo).port}/`,
    serviceUrl: teams.serviceUrl,
    appId: teams.appId,
    tenantId: teams.tenantId,
    token: teams.token,
    openIdMetadataUrl: teams.openIdMetadataUrl,
    people: { ana: teams.ana.id, ben: teams.ben.id, gus: teams.gus.id, olga: teams.olga.id },
    chats: {
      personal: teams.personal.id,
      bensPersonal: teams.bensPersonal.id,
      group: teams.group.id,
      general: teams.general.id,
      projects: teams.projects.id,
    },
  }
  process.stdout.write(`${JSON.stringify(facts)}\n`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      control.close()
      teams.close().then(() => process.exit(0))
    })
}

run().catch((thrown) => {
  process.stderr.write(`${messageOf(thrown)}\n`)
  process.exitCode = 1
})
