import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { messageOf } from '../../../src/errors.ts'
import { systemClock } from './clock.ts'
import { type SlackOptions, type SlackStandIn, startSlack } from './index.ts'

/**
 * The stand-in as a process of its own: `node test/support/slack/main.ts --app http://127.0.0.1:3000/slack/events`.
 * Its first line of output is JSON: the addresses, the variables for the app, who and what there is. Then it obeys POSTs
 * of `{"do": "<name>", "with": [...]}` to its control address, which answers with JSON.
 */

/** What can be asked of it: the stand-in's own methods, and a look at what it knows. */
const commands = [
  ...['say', 'edit', 'unfurl', 'remove', 'join', 'kick', 'archive', 'stop', 'openApp', 'look'],
  ...['click', 'clickHome', 'clickModal', 'submit', 'closeModal', 'messageShortcut', 'globalShortcut', 'command'],
  ...['addTeam', 'addPerson', 'addChannel', 'addBot', 'addFile', 'installIn', 'authorize', 'uninstall', 'revokeTokens'],
  ...['rateLimitApp', 'connect', 'fail', 'heal', 'callsTo', 'screen'],
] as const satisfies (keyof SlackStandIn)[]

async function obey(slack: SlackStandIn, request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const order = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { do: string; with?: unknown[] }
  if (order.do === 'deliveries') return slack.deliveries
  if (order.do === 'calls') return slack.calls
  const name = commands.find((command) => command === order.do)
  if (!name) throw new Error(`there is no ${order.do}; there are: ${commands.join(', ')}, deliveries, calls`)
  const method = slack[name] as (...args: unknown[]) => unknown
  return method(...(order.with ?? []))
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      app: { type: 'string' },
      echo: { type: 'string', default: 'all' },
      speed: { type: 'string', default: '1' },
      'socket-mode': { type: 'boolean', default: false },
      'no-limits': { type: 'boolean', default: false },
      'no-retries': { type: 'boolean', default: false },
    },
  })
  const slack = await startSlack({
    port: Number(values.port),
    clock: systemClock(Number(values.speed)),
    echo: values.echo as NonNullable<SlackOptions['echo']>,
    socketMode: values['socket-mode'],
    limits: !values['no-limits'],
    retries: !values['no-retries'],
    ...(values.app && { appUrl: values.app }),
  })
  const control = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    obey(slack, request).then(
      (result) =>
        response.end(JSON.stringify(result ?? null, (_, value) => (value instanceof Set ? [...value] : value))),
      (thrown) => response.writeHead(400).end(JSON.stringify({ error: messageOf(thrown) })),
    )
  })
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
  const facts = {
    url: slack.url,
    control: `http://127.0.0.1:${(control.address() as AddressInfo).port}/`,
    variables: { ...slack.variables, SLACK_APP_TOKEN: slack.appToken },
    client: { id: slack.app.clientId, secret: slack.app.clientSecret },
    team: slack.team.id,
    bot: slack.install.botUser,
    people: { ana: slack.ana.id, ben: slack.ben.id },
    channels: { general: slack.general.id, random: slack.random.id, dm: slack.dm.id },
  }
  process.stdout.write(`${JSON.stringify(facts)}\n`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      control.close()
      slack.close().then(() => process.exit(0))
    })
}

run().catch((thrown) => {
  process.stderr.write(`${messageOf(thrown)}\n`)
  process.exitCode = 1
})
