import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ejs from 'ejs'
import { marked } from 'marked'
import { describe, expect, it } from 'vitest'
import { createMarkdown } from '../../views/assets/markdown.js'

const views = fileURLToPath(new URL('../../views/', import.meta.url))
const assetNames = new Set([
  ...readdirSync(join(views, 'assets')),
  ...Object.keys(JSON.parse(readFileSync(join(views, 'vendor.json'), 'utf8'))).map((name) => `vendor/${name}`),
])

/** As the server has it: an address for a file that exists, an error for any other. */
function assets(name: string): string {
  if (!assetNames.has(name)) throw new Error(`There is no asset ${name}`)
  return `/bot/assets/hash/${name}`
}

const everywhere = { base: '/bot', assets, csrf: 'csrf-token' }
const page = (name: string, locals: object) => ejs.renderFile(join(views, `${name}.ejs`), { ...everywhere, ...locals })

const evil = `</script><script>xss(1)</script><img src=x onerror=xss(1)>"'&lt;`
const item = {
  id: 'conversation-1',
  title: evil,
  titledBy: 'user',
  surface: 'slack',
  direct: true,
  createdAt: 1,
  updatedAt: 2,
  count: 2,
  usage: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
  snippet: evil,
}
const question = {
  seq: 0,
  turn: 't1',
  role: 'user',
  text: evil,
  at: 0,
  surface: 'slack',
  author: { name: evil, self: false },
}
const answer = {
  seq: 1,
  turn: 't1',
  role: 'assistant',
  text: `Some *words*. ${evil}`,
  at: 0,
  surface: 'slack',
  answer: {
    stop: 'broken',
    model: evil,
    usage: { input: 1_000, output: 234, cacheRead: 0, cacheWrite: 0 },
    notice: { code: 'cut_broken', text: evil, retry: true },
  },
  rating: { value: 'up', comment: evil },
}
const chat = {
  user: { id: 'u1', name: evil, roles: ['member'] },
  model: { name: evil, kind: 'bedrock' },
  list: [item],
  listNext: 'next"page',
  q: evil,
  messageId: '3d0c3d8e-8f3c-4a51-9a3b-0f6a68a1b2c3',
  maxLength: 1_000,
  renderMarkdown: createMarkdown({ marked }),
  notice: { code: 'too_long', text: evil, retry: false },
  draft: evil,
  open: {
    conversation: item,
    messages: [question, answer],
    pending: [{ turn: 't2', conversation: item.id, text: evil, at: 0, surface: 'web', self: true, running: true }],
    before: 12,
  },
}

const pages: [string, string, object][] = [
  ['the sign-in', 'login', {}],
  [
    'a refused sign-in',
    'login',
    { error: evil, name: evil, next: evil, demoUsers: [{ name: evil, password: evil, role: evil }] },
  ],
  ['an error', 'error', { status: 500, notice: { code: 'internal', text: evil, retry: true } }],
  ['a new chat', 'chat', { ...chat, open: undefined, notice: undefined, draft: undefined, q: undefined, list: [] }],
  ['a conversation', 'chat', chat],
]

describe.each(pages)('%s', (_name, view, locals) => {
  it('has no script and no style of its own, so that none can be put in', async () => {
    const html = await page(view, locals)
    for (const [script] of html.matchAll(/<script\b[^>]*>/g))
      expect(script).toMatch(/ src="\/bot\/assets\/|type="application\/json"/)
    expect(html).not.toMatch(/<style|<[^>]+\sstyle=|<[^>]+\son\w+=(?!xss)/i)
  })

  it('shows what people wrote and runs none of it', async () => {
    const html = await page(view, locals)
    expect(html).not.toContain('<script>xss')
    expect(html).not.toContain('<img')
  })
})

describe('the chat page', () => {
  it('hands its script the data it begins with', async () => {
    const html = await page('chat', chat)
    const boot = JSON.parse(/id="boot">(.*?)<\/script>/s.exec(html)?.[1] ?? '')
    expect(boot).toMatchObject({ base: '/bot', user: { name: evil }, list: [{ title: evil }], maxLength: 1_000 })
    expect(boot.open).toMatchObject({ conversation: { id: 'conversation-1' }, before: 12, ratings: { t1: evil } })
    expect(boot.open.messages).toBeUndefined()
  })

  it('shows the messages without any script', async () => {
    const html = await page('chat', chat)
    expect(html).toContain('Some <em>words</em>.')
    expect(html).toContain('1,234 tokens')
    expect(html).toContain('href="/bot/c/conversation-1?before=12"')
    expect(html).toContain('action="/bot/c/conversation-1/turns/t1/feedback"')
  })

  it('does not show a question that is being asked anew twice', async () => {
    const open = { ...chat.open, pending: [{ ...chat.open.pending[0], replaces: 't1' }] }
    const html = await page('chat', { ...chat, open })
    expect(html).not.toContain('data-turn="t1"')
    expect(html).toContain('data-turn="t2"')
  })

  it('says which model answered, where it is the demo', async () => {
    const demo = (model: string, kind: string, answered: string) =>
      page('chat', {
        ...chat,
        model: { name: model, kind },
        open: {
          ...chat.open,
          pending: [],
          messages: [question, { ...answer, answer: { ...answer.answer, model: answered } }],
        },
      })
    expect(await demo('demo', 'demo', 'demo')).toMatch(/demo-tag">Demo model/)
    expect((await demo('claude', 'bedrock', 'claude')).split('<template')[0]).not.toMatch(/demo-tag">Demo model/)
    expect(await demo('none', 'none', 'claude')).toContain('No language model is connected')
  })

  it('names every module it needs, so that all come in one round of requests', async () => {
    const html = await page('chat', chat)
    const named = [...html.matchAll(/<link rel="modulepreload" href="\/bot\/assets\/hash\/([^"]+)"/g)].map(
      ([, name]) => name,
    )
    const needed = new Set<string>()
    const visit = (name: string) => {
      if (needed.has(name)) return
      needed.add(name)
      if (name.startsWith('vendor/')) return
      const source = readFileSync(join(views, 'assets', name), 'utf8')
      for (const [, path] of source.matchAll(/^import (?:[^;']*? from )?'\.\/([^']+)'/gm)) visit(path ?? '')
    }
    visit('app.js')
    needed.delete('app.js')
    expect(named.toSorted()).toEqual([...needed].toSorted())
  })

  it('uses no icon that is not on the sheet', async () => {
    const sheet = readFileSync(join(views, 'assets/icons.svg'), 'utf8')
    const icons = new Set([...sheet.matchAll(/<symbol id="([^"]+)"/g)].map(([, id]) => id))
    for (const [, view, locals] of pages)
      for (const [, id] of (await page(view, locals)).matchAll(/icons\.svg#([^"]*)"/g)) expect(icons).toContain(id)
  })
})
