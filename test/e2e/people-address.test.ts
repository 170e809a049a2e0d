import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store.ts'
import { service } from '../support/service.ts'
import { beside } from '../support/stored.ts'
import { type Surfaces, startSurfaces } from '../support/surfaces.ts'
import { until } from '../support/world.ts'

describe('LINK_EMAIL_DOMAINS', () => {
  const own = service({ shared: true })
  let at: Surfaces
  let store: Store
  beforeAll(async () => {
    at = await startSurfaces()
    const { slack, teams } = at
    // One address each, which both platforms know.
    const [ana, ben] = [slack.state.people.get(slack.ana.id)!, slack.state.people.get(slack.ben.id)!]
    ana.email = 'Ana@example.com'
    ben.email = 'ben@elsewhere.example'
    Object.assign(teams.ana, { email: 'ana@example.com', userPrincipalName: 'ana@example.com' })
    Object.assign(teams.ben, { email: ben.email, userPrincipalName: ben.email })
    // A guest who has a member's address.
    teams.gus.email = 'ana@example.com'
    at.connect(await own.run({ ...at.env, LINK_EMAIL_DOMAINS: 'example.com' }))
    store = await beside(own)
  })
  afterAll(async () => {
    await store.close()
    await at.close()
  })

  const users = () => store.users.list({ limit: 20 })
  const withIdentity = async (part: string) => (await users()).filter((user) => JSON.stringify(user).includes(part))

  it('tells that somebody in Slack and in Teams is one person, by an address that both vouch for', async () => {
    await at.slackSays('You said: “Hello”', at.inSlack('Hello'))
    await at.inTeams('Hello')
    await at.teamsSays('You said: “Hello”')
    const [ana, ...others] = await withIdentity(at.slack.ana.id)
    expect(others).toEqual([])
    expect(ana?.identities).toEqual([
      `slack:${at.slack.team.id}:${at.slack.ana.id}`,
      'email:ana@example.com',
      `teams:${at.teams.tenantId}:${at.teams.ana.aadObjectId}`,
    ])
    const joins = await store.records.list('audit', { limit: 9, user: ana!.id })
    expect(joins.map(({ data }) => [data.action, (data.details as { by: string }).by])).toEqual([['join', 'email']])
  })

  it('tells nothing of an address of another domain, nor of a guest’s', async () => {
    const { slack, teams } = at
    const dm = slack.state.dm(slack.ben.id, slack.install.botUser)
    slack.say({ user: slack.ben.id, channel: dm.id, text: 'Hello' })
    await until(async () => (await withIdentity(slack.ben.id)).length > 0)
    await teams.say({ in: teams.bensPersonal.id, text: 'Hello' }).first
    await until(() => teams.screen(teams.bensPersonal.id).answers.find(({ text }) => text.includes('You said')))
    expect((await withIdentity(teams.ben.aadObjectId!))[0]?.id).not.toBe((await withIdentity(slack.ben.id))[0]?.id)

    const chat = teams.addPersonal(teams.gus)
    await teams.say({ in: chat.id, text: 'Let me in' }).first
    await until(() => teams.screen(chat.id).answers.find(({ text }) => text.includes('only answers full members')))
    expect(await withIdentity(teams.gus.aadObjectId!)).toEqual([])
    expect(own.bedrock.requests.some(({ body }) => JSON.stringify(body).includes('Let me in'))).toBe(false)
  })
})
