import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../../../src/errors.ts'
import type { Delivery, Interaction, SlackStandIn } from '../slack/index.ts'
import type { Offers } from './offers.ts'
import { type Looking, typed, viewFor } from './view.ts'

/** A page in which a person plays people in Slack. */
export interface Playground {
  readonly url: string
  close(): Promise<void>
}

const assets: Record<string, [file: string, type: string]> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/message.js': ['message.js', 'text/javascript; charset=utf-8'],
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

/** At most so often does the page get a new picture. */
const paceMs = 60

export async function startPage(options: { slack: SlackStandIn; offers: Offers; port: number }): Promise<Playground> {
  const { slack, offers } = options
  const server = createServer((request, response) => {
    answer(request, response).catch((thrown) => {
      if (response.headersSent) response.end()
      else
        response
          .writeHead(400, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: messageOf(thrown) }))
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://playground')
    response.setHeader('content-security-policy', policy)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('cache-control', 'no-store')
    // Only this machine's own page may play: not another site, also not one that points its name here.
    if (!/^(127\.0\.0\.1|localhost|\[::1\]):\d+$/.test(request.headers.host ?? ''))
      return void response.writeHead(403).end()
    if (request.method === 'POST' && url.pathname === '/do') return act(request, response)
    if (url.pathname === '/live') return live(request, response, url.searchParams)
    const [file, type] = assets[url.pathname] ?? []
    if (!file) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': type }).end(readFileSync(new URL(`page/${file}`, import.meta.url)))
  }

  /** The picture of one place, again whenever it changes. */
  function live(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    const looking: Looking = {
      as: query.get('as') || slack.ana.id,
      ...(query.get('channel') && { channel: query.get('channel')! }),
      ...(query.get('thread') && { thread: query.get('thread')! }),
      ...(query.get('home') && { home: true }),
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let last = ''
    let timer: NodeJS.Timeout | undefined
    const draw = (): void => {
      timer = undefined
      const picture = JSON.stringify(viewFor(slack, offers, looking))
      if (picture !== last) response.write(`data: ${picture}\n\n`)
      last = picture
    }
    const soon = (): void => {
      timer ??= setTimeout(draw, paceMs)
    }
    const off = slack.state.onChange(soon)
    // Some things change by time alone: a status ends, a stream dies, a request is answered.
    const tick = setInterval(soon, 500)
    request.on('close', () => {
      off()
      clearInterval(tick)
      clearTimeout(timer)
    })
    draw()
  }

  async function act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = request.headers.origin
    if (origin !== undefined && new URL(origin).host !== request.headers.host) return void response.writeHead(403).end()
    if (request.headers['content-type'] !== 'application/json') return void response.writeHead(415).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const order = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Order
    const result = await perform(slack, order)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result ?? {}))
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What the person does, as the page sends it. */
interface Order {
  do: string
  as: string
  channel?: string
  thread?: string
  ts?: string
  text?: string
  button?: string
  callback?: string
  tab?: 'home' | 'messages'
  beside?: string
  values?: Record<string, string>
}

async function perform(slack: SlackStandIn, order: Order): Promise<object | undefined> {
  const { as: user, channel = '', ts = '', text = '', button = '' } = order
  switch (order.do) {
    case 'say': {
      if (text.trim() === '') throw new Error('The message is empty.')
      const said = slack.say({ user, channel, text: typed(slack, text), ...(order.thread && { thread: order.thread }) })
      return { ts: said.ts }
    }
    case 'command': {
      const [command = '', ...rest] = text.trim().split(/\s+/)
      return settled(slack.command({ user, channel, command, text: typed(slack, rest.join(' ')) }))
    }
    case 'edit':
      return nothing(slack.edit({ channel, ts, text: typed(slack, text) }))
    case 'remove':
      return nothing(slack.remove({ channel, ts }))
    case 'stop':
      return nothing(slack.stop({ user, channel, thread: order.thread ?? '' }))
    case 'click':
      return settled(slack.click({ user, channel, ts, button }))
    case 'clickHome':
      return settled(slack.clickHome(user, button))
    case 'shortcut':
      return settled(slack.messageShortcut({ user, channel, ts, callback: order.callback ?? '' }))
    case 'open': {
      const entities = order.beside
        ? [{ type: 'slack#/types/channel_id', value: order.beside, team_id: slack.team.id }]
        : []
      if (order.tab === 'messages') slack.look(user, entities)
      return nothing(slack.openApp(user, order.tab ?? 'messages'))
    }
    case 'submit': {
      const { errors } = await slack.submit(user, order.values ?? {})
      return { errors }
    }
    case 'closeModal':
      slack.closeModal(user)
      return undefined
    default:
      throw new Error(`There is no ${order.do} here.`)
  }
}

const nothing = (_: Delivery[]): undefined => undefined

async function settled(interaction: Interaction): Promise<undefined> {
  const attempt = await interaction.answer
  if (attempt.failure)
    throw new Error(`The app did not take it (${attempt.failure}${attempt.status ? ` ${attempt.status}` : ''}).`)
  return undefined
}
