import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Router } from 'express'
import { marked, type Token } from 'marked'
import type { Incoming, JsonObject, PlatformChat } from '../../src/types.ts'

/** A chat that takes every message, so that a test can open the reply to it. */
export function listeningChat(): { chat: PlatformChat; addressOf(text: string): JsonObject } {
  const taken: Incoming[] = []
  const accept: PlatformChat['accept'] = async (incoming) => {
    taken.push(incoming)
    return { status: 'accepted', conversation: 'c1', turn: `t${taken.length}` }
  }
  const chat = new Proxy({ accept } as PlatformChat, {
    get: (target, key) =>
      Reflect.get(target, key) ?? (() => Promise.reject(new Error(`nothing is asked of it here: ${String(key)}`))),
  })
  return {
    chat,
    addressOf(text) {
      const found = taken.find((one) => one.text.includes(text))
      if (!found) throw new Error('that was not accepted')
      return found.address
    },
  }
}

/** Routes of a surface on a port of their own. */
export async function serve(routes: Router): Promise<{ url: string; close(): Promise<void> }> {
  const app = express()
  // A connection that is kept may be closed just as the next request is on its way.
  app.use((_request, response, next) => {
    response.set('connection', 'close')
    next()
  })
  const server = createServer(app.use(routes))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Where a text of Markdown leads to, under which words, by the reading of a parser that is not ours. */
export function linksIn(markdown: string): { label: string; target: string }[] {
  const found: { label: string; target: string }[] = []
  marked.walkTokens(marked.lexer(markdown), (token: Token) => {
    if (token.type === 'link' || token.type === 'image') found.push({ label: token.text, target: token.href })
  })
  return found
}
