import { join } from 'node:path'
import { Fault } from '../../src/errors.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Adapter, Chat, ModelEvent } from '../../src/types.ts'
import type { AnswerWorld } from '../contracts/reply/answers.ts'
import type { Shown, Stage, Story, Traits } from '../contracts/reply/stage.ts'
import type { MemoryChat } from '../support/chat.ts'
import { tempDirectories } from '../support/sqlite.ts'
import { type Browser, type Site, startSite } from '../support/web.ts'
import { failing, hanging, type Script, ScriptedModel, startInstance } from '../support/world.ts'

const directory = tempDirectories()

export const webTraits: Traits = {
  // All of it in one.
  fill: { grown: 1_000_000, whole: 1_000_000 },
  edges: [1_000],
  traps: [
    '</div></article></main><script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '[x](https://ok.example" onclick="alert(1))',
  ],
  refusals: [],
}

interface Opened {
  messages: { role: string; text: string }[]
  pending: unknown[]
}

/** The web page over the real chat service and store, as the one who asked reads it: by its API, its stream and its HTML. */
export async function openWebReplies(): Promise<AnswerWorld & { close(): Promise<void> }> {
  const store = await openSqlite({ file: join(await directory(), 'chat.db') })
  const model = new ScriptedModel()
  const held: { site?: Site } = {}
  // The chat service needs the surface, and the surface the chat service.
  const adapter: Adapter = {
    ...{ surface: 'web', delivery: 'pull' },
    openReply: (...about) => held.site!.web.adapter.openReply(...about),
    profile: (sender) => held.site!.web.adapter.profile(sender),
  }
  const instance = await startInstance({ store, adapters: [adapter], model, leaseMs: 60_000 })
  const site = await startSite({ chat: instance.chat as Chat as MemoryChat, ports: store })
  held.site = site
  const ada = await site.person()

  async function ask(): Promise<Stage> {
    const listeners = new Set<() => void>()
    let conversation = ''
    let live = ''
    const read = (): Promise<Opened> => ada.json<Opened>(`/conversations/${conversation}`)
    return {
      async tell(story) {
        model.script = scriptOf(story)
        const sent = await ada.send('Question')
        conversation = sent.conversation
        for await (const text of textsOf(ada, sent)) {
          live = text
          for (const listener of listeners) listener()
          if (story.end.type === 'stopped' && text === story.end.answer.text) await stop(conversation)
        }
        live = ''
      },
      async screen() {
        if (live !== '') return [{ body: live, text: live, state: 'growing', pings: [], links: [] }]
        const [{ messages }, html] = await Promise.all([read(), ada.page(`/c/${conversation}`)])
        const shown = answersIn(html)
        return messages
          .filter(({ role }) => role === 'assistant')
          .map(({ text }, index): Shown => ({ body: text, state: 'final', pings: [], ...shown[index]! }))
      },
      busy: async () => (await read()).pending.length > 0,
      watch(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
  }

  async function stop(conversation: string): Promise<void> {
    const { status } = await ada.api('POST', `/conversations/${conversation}/stop`)
    if (status >= 300) throw new Error(`not stopped: ${status}`)
  }

  return {
    ask,
    async close() {
      await instance.end()
      await site.close()
      await store.close()
    },
  }
}

/** What a model says to be answered so. */
function scriptOf({ pieces, end }: Story): Script {
  if (end.type === 'failed') return failing(new Fault('model_busy'))
  if (end.type === 'stopped') return hanging(...pieces)
  const { text, stop } = end.answer
  return async function* (): AsyncIterable<ModelEvent> {
    for (const piece of pieces.length > 0 ? pieces : [text]) if (piece) yield { type: 'text', text: piece }
    if (stop === 'broken') throw new Error('the line is dead')
    const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 }
    yield { type: 'end', stop: stop === 'stopped' || stop === 'failed' ? 'end' : stop, model: 'test', usage }
  }
}

/** The text of a turn after each event of its stream. */
async function* textsOf(browser: Browser, sent: { conversation: string; turn: string }): AsyncGenerator<string> {
  let whole = ''
  for await (const { event, data } of browser.stream(sent.conversation, sent.turn)) {
    const { text = '', offset = 0 } = data as { text?: string; offset?: number }
    if (event === 'text') whole = whole.slice(0, offset) + text
    else if (event === 'reset') whole = text
    yield whole
  }
}

/** What can be read of each answer on the page, and followed. */
function answersIn(html: string): Pick<Shown, 'text' | 'links'>[] {
  return [...html.matchAll(/<article class="answer"[^>]*>([\s\S]*?)<\/article>/g)].map(([, inner = '']) => {
    const seen = inner.replace(/<(noscript|script)>[\s\S]*?<\/\1>/g, '')
    const links = [...seen.matchAll(/<a\b[^>]*\bhref="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g)]
    return {
      text: readable(seen),
      links: links.map(([, target = '', label = '']) => ({ label: readable(label), target: readable(target) })),
    }
  })
}

const references: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&' }

function readable(html: string): string {
  return html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, point: string) => String.fromCodePoint(Number(point)))
    .replace(/&(lt|gt|quot|amp);/g, (_, name: string) => references[name]!)
    .trim()
}
