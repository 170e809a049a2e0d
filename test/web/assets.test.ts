import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAssets } from '../../adapters/web/assets.ts'
import { type Site, startSite } from '../support/web.ts'

let site: Site
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site.close())

const assets = loadAssets('')
const ask = (path: string, headers: Record<string, string> = {}) => request(site.url + path, { headers })

/** All files that a page names itself. */
const linksIn = (html: string): string[] => [
  ...new Set([...html.matchAll(/(?:href|src)="(\/assets\/[^"#]+)/g)].map(([, path]) => path!)),
]

describe('files of the page', () => {
  test('are kept for a year under an address that names their content', async () => {
    const { statusCode, headers, body } = await ask(assets.url('base.css'))
    expect(statusCode).toBe(200)
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(headers['content-type']).toBe('text/css; charset=utf-8')
    expect(await body.text()).toBe(readFileSync('views/assets/base.css', 'utf8'))
  })

  test('are served under an address of another version too, but not to be kept', async () => {
    const { statusCode, headers, body } = await ask('/assets/ofyesterday/base.css')
    expect(statusCode).toBe(200)
    expect(headers['cache-control']).toBe('no-cache')
    await body.dump()
    const again = await ask('/assets/ofyesterday/base.css', { 'if-none-match': String(headers.etag) })
    expect(again.statusCode).toBe(304)
    await again.body.dump()
  })

  test('come compressed to whoever can read that', async () => {
    const { headers, body } = await ask(assets.url('base.css'), { 'accept-encoding': 'gzip' })
    expect(headers['content-encoding']).toBe('gzip')
    expect(headers.vary).toContain('Accept-Encoding')
    expect(gunzipSync(Buffer.from(await body.arrayBuffer())).toString()).toBe(
      readFileSync('views/assets/base.css', 'utf8'),
    )
    const brotli = await ask(assets.url('base.css'), { 'accept-encoding': 'gzip, deflate, br, zstd' })
    expect(brotli.headers['content-encoding']).toBe('br')
    await brotli.body.dump()
  })

  test('include those of packages that are listed, and nothing else of them', async () => {
    const listed = Object.keys(JSON.parse(readFileSync('views/vendor.json', 'utf8')))
    for (const name of listed) {
      const { statusCode, headers, body } = await ask(assets.url(`vendor/${name}`))
      expect([name, statusCode, headers['content-type']]).toEqual([name, 200, 'text/javascript; charset=utf-8'])
      await body.dump()
    }
    for (const name of [
      'vendor/marked/package.json',
      'vendor/express/index.js',
      'chat.ejs',
      '../login.ejs',
      'nothing.js',
    ])
      expect((await ask(`/assets/x/${encodeURIComponent(name)}`)).statusCode).toBe(404)
    for (const path of ['/assets/x/../../package.json', '/assets/x/%2e%2e/%2e%2e/package.json', '/assets/x/vendor'])
      expect((await ask(path)).statusCode).toBe(404)
  })

  test('need no session and ask for none', async () => {
    const { headers, body } = await ask(assets.url('base.css'), { cookie: 'chat_session=s%3Anonsense.x' })
    expect(headers).not.toHaveProperty('set-cookie')
    await body.dump()
  })

  test('that do not exist are a defect of the page that names them', () => {
    expect(() => assets.url('nothing.css')).toThrow('no asset')
  })
})

describe('the chat', () => {
  test('is below 120 kB, all it loads included, in one round', async () => {
    const ada = await site.person()
    const headers = { 'accept-encoding': 'br', cookie: `chat_session=${ada.cookies.get('chat_session')?.value}` }
    const size = async (path: string) => (await (await ask(path, headers)).body.arrayBuffer()).byteLength
    const html = await ada.page('/')
    const links = linksIn(html)
    expect(links.length).toBeGreaterThan(5)
    const sizes = await Promise.all(['/', ...links].map(size))
    expect(sizes.reduce((sum, one) => sum + one, 0)).toBeLessThan(120_000)
  })

  test('names nothing from elsewhere and has no script or style of its own', async () => {
    const ada = await site.person()
    const { conversation, turn } = await ada.send('Question')
    site.chat.finish(turn, { text: 'Answer' })
    for (const html of [
      await ada.page('/'),
      await ada.page(`/c/${conversation}`),
      await site.visitor().page('/login'),
    ]) {
      expect(html).not.toMatch(/<style|\sstyle=|\son\w+="/)
      expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
      for (const [, attributes] of html.matchAll(/<script([^>]*)>/g))
        expect(attributes).toMatch(/src=|application\/json/)
    }
  })
})
