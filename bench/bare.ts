import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, request } from 'undici'

/**
 * The least that anyone could write: a question in, one request to the model, its words out as server-sent events. No
 * store, no sign-in, no retries, no checks; it only shows what the machine and Node cost. Prints its port.
 */
const [modelUrl = ''] = process.argv.slice(2)
const dispatcher = new Agent({ connections: 1024 })

const server = createServer((incoming, outgoing) => {
  let text = ''
  incoming.on('data', (chunk) => {
    text += chunk
  })
  incoming.on('end', async () => {
    const body = JSON.stringify({ messages: [{ role: 'user', content: [{ text: JSON.parse(text).text }] }] })
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
    const answer = await request(`${modelUrl}/model/m/converse-stream`, { method: 'POST', body, dispatcher })
    let rest = Buffer.alloc(0)
    let offset = 0
    for await (const chunk of answer.body) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      while (rest.length >= 12 && rest.length >= rest.readUInt32BE(0)) {
        const length = rest.readUInt32BE(0)
        const payload = JSON.parse(rest.toString('utf8', 12 + rest.readUInt32BE(4), length - 4))
        rest = rest.subarray(length)
        const piece = payload.delta?.text
        if (piece === undefined) continue
        outgoing.write(`event: text\ndata: ${JSON.stringify({ offset, text: piece })}\n\n`)
        offset += piece.length
      }
    }
    outgoing.end('event: end\ndata: {}\n\n')
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('disconnect', () => process.exit())
