import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { eventFrame } from '../test/support/bedrock/frames.ts'
import { now } from './clock.ts'

/**
 * A model for benchmarks, in a process of its own: every piece of text carries the moment it was sent, and the first one
 * how long the question (which carries its own moment as `sent=...`) took to get here. A question may ask for another
 * number of pieces (`deltas=5`) or another time between them (`pace=20`, in milliseconds); the last question of a
 * conversation counts. A model named `titles` says five pieces, whatever the question. Prints its port.
 */
const { values } = parseArgs({
  options: { pace: { type: 'string', default: '100' }, deltas: { type: 'string', default: '100' } },
})
const pace = Number(values.pace)
const deltas = Number(values.deltas)

const delta = (text: string) => eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })
const head = eventFrame('messageStart', { role: 'assistant' })
const tail = Buffer.concat([
  eventFrame('contentBlockStop', { contentBlockIndex: 0 }),
  eventFrame('messageStop', { stopReason: 'end_turn' }),
  eventFrame('metadata', { usage: { inputTokens: 100, outputTokens: deltas, totalTokens: 100 + deltas }, metrics: {} }),
])

const server = createServer((request, response) => {
  const arrived = now()
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString()
    const sent = Number(/sent=([\d.]+)(?!.*sent=)/s.exec(body)?.[1])
    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' })
    response.write(head)
    const asked = Number(/deltas=(\d+)(?!.*deltas=)/s.exec(body)?.[1] ?? deltas)
    const count = request.url?.startsWith('/model/titles/') ? 5 : asked
    let left = count
    const timer = setInterval(
      () => {
        const first = left === count && sent ? `took=${(arrived - sent).toFixed(3)} ` : ''
        if (left-- > 0) response.write(delta(`${first}@${now().toFixed(3)} and a few words more `))
        else {
          clearInterval(timer)
          response.end(tail)
        }
      },
      Number(/pace=(\d+)(?!.*pace=)/s.exec(body)?.[1] ?? pace),
    )
    response.on('close', () => clearInterval(timer))
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit())
