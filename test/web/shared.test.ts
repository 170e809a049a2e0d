import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, type Site, startSite } from '../support/web.ts'

let site: Site
let ada: Browser
let id: string
let bob: string
beforeEach(async () => {
  site = await startSite()
  ada = await site.person('ada')
  const { user: me } = await ada.json<{ user: { id: string } }>('/me')
  const before = (await site.addUser('ada before')).id
  bob = (await site.addUser('bob')).id
  // The one who is signed in was two users once.
  await site.ports.users.merge(before, me.id)
  id = await asked('What shall we do?', before)
  await asked('Me too', bob)
  const { conversation } = await site.chat.conversations.open(before, id, { limit: 1 })
  conversation.participants = [me.id, bob]
})
afterEach(() => site.close())

let serial = 0
/** A question in a channel, answered. */
async function asked(text: string, user: string): Promise<string> {
  const accepted = await site.chat.accept({
    ids: [`slack:${++serial}`],
    sender: { surface: 'slack', workspace: 'T1', id: user },
    place: { surface: 'slack', workspace: 'T1', channel: 'C1', direct: false },
    text,
    sentAt: 1,
    address: {},
    user,
  })
  if (!('turn' in accepted)) throw new Error(accepted.status)
  site.chat.finish(accepted.turn, { text: `About: ${text}` })
  return accepted.conversation
}

const path = (rest = ''): string => `/conversations/${id}${rest}`
const failure = async (response: Response) => ({ status: response.status, ...((await response.json()) as object) })

describe('a conversation of several', () => {
  test('is read with everyone’s name, one’s own from before a merge included', async () => {
    const open = await ada.json<{
      conversation: { direct: boolean }
      messages: { author?: { self: boolean } }[]
    }>(path())
    expect(open.conversation.direct).toBe(false)
    const authors = open.messages.flatMap(({ author }) => (author ? [author.self] : []))
    expect(authors).toEqual([true, false])
    const html = await ada.page(`/c/${id}`)
    expect(html).toContain('data-shared')
    expect(html).toContain('Continue in private')
    expect(html).toContain('Take off my list')
  })

  test('takes no message and no new title from the page, and says why', async () => {
    const message = { id: crypto.randomUUID(), text: 'hello', conversation: id }
    expect(await failure(await ada.api('POST', '/messages', message))).toMatchObject({
      status: 409,
      error: { code: 'shared', text: expect.stringContaining('Continue it in private') },
    })
    expect(await failure(await ada.api('PATCH', path(), { title: 'Mine' }))).toMatchObject({ status: 409 })
    expect((await ada.form('/chat', { message: 'hello', conversation: id })).status).toBe(409)
    expect(site.chat.accepted.filter(({ place }) => place.surface === 'web')).toEqual([])
  })

  test('leaves the list of the one who takes it off, and nobody else’s', async () => {
    expect((await ada.api('DELETE', path())).status).toBe(204)
    expect((await ada.api('GET', path())).status).toBe(404)
    expect((await site.chat.conversations.open(bob, id, { limit: 10 })).messages).toHaveLength(4)
  })

  test('is gone on with as a copy of one’s own', async () => {
    const response = await ada.form(`/c/${id}/copy`, {})
    expect(response.status).toBe(303)
    const location = response.headers.get('location') ?? ''
    expect(location).toMatch(/^\/c\/[\w-]{28}$/)
    expect(location).not.toContain(id)
    const html = await ada.page(location)
    expect(html).not.toContain('data-shared')
    expect(html).toContain('About: What shall we do?')
    const copied = await ada.api('POST', path('/copy'))
    expect(copied.status).toBe(201)
    const { conversation } = (await copied.json()) as { conversation: string }
    const message = { id: crypto.randomUUID(), text: 'between us', conversation }
    expect((await ada.api('POST', '/messages', message)).status).toBe(202)
  })

  test('is nothing to those who took no part', async () => {
    const eve = await site.person('eve')
    expect((await eve.api('GET', path())).status).toBe(404)
    expect((await eve.api('POST', path('/copy'))).status).toBe(404)
    await eve.page('/')
    expect((await eve.form(`/c/${id}/copy`, {})).status).toBe(404)
  })
})
