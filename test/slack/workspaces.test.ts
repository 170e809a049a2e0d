import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createCipher } from '../../adapters/slack/cipher.ts'
import { createInstallations } from '../../adapters/slack/installations.ts'
import type { Vault } from '../../src/store.ts'
import { answers, cleanUp, settled, startWorld, type World, type WorldOptions } from './world.ts'

cleanUp()

const newKey = (): string => randomBytes(32).toString('base64')

/** The same service, but installed by OAuth. */
async function startMany(options: WorldOptions = {}, keys = [newKey()]): Promise<World> {
  const oauth = { clientId: '', clientSecret: '', stateSecret: 'a secret for states', encryptionKeys: keys }
  return startWorld({
    ...options,
    // The stand-in names its client when it has begun; the object is shared.
    config: { oauth, ...options.config },
    prepare: (slack) => Object.assign(oauth, { clientId: slack.app.clientId, clientSecret: slack.app.clientSecret }),
  })
}

/** What an administrator's browser does. */
async function installInto({ slack, app }: World, who: Parameters<typeof slack.authorize>[1] = {}): Promise<Response> {
  const begun = await fetch(`${app.url}/slack/install`, { redirect: 'manual' })
  const link = begun.headers.get('location') ?? ''
  const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? ''
  return fetch(slack.authorize(link, who), { headers: { cookie } })
}

describe('an installation', () => {
  test('from the first page to the first answer', async () => {
    const world = await startMany()
    const { slack } = world
    const done = await installInto(world)
    expect([done.status, await done.text()]).toEqual([200, expect.stringContaining('Installed')])
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    await settled(world)
    expect(answers(slack, slack.dm.id, said.ts)[0]!.source).toBe('You said: Hello')
  })

  test('is kept encrypted', async () => {
    const world = await startMany()
    await installInto(world)
    const kept = await world.store.vault.get(`slack:${world.slack.team.id}`)
    expect(kept).toMatch(/^v1\./)
    expect(kept).not.toContain('xoxb')
  })

  test('without the browser that began it is refused', async () => {
    const world = await startMany()
    const { slack, app } = world
    const begun = await fetch(`${app.url}/slack/install`, { redirect: 'manual' })
    const callback = await fetch(slack.authorize(begun.headers.get('location')!))
    expect(callback.status).toBe(400)
    expect(await world.store.vault.get(`slack:${slack.team.id}`)).toBeNull()
  })

  test('that a person cancels says so', async () => {
    const world = await startMany()
    const response = await installInto(world, { deny: true })
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('Not installed')])
  })

  test('in a workspace that SLACK_ALLOWED_TEAMS does not name is refused', async () => {
    const world = await startMany({ config: { allowedTeams: ['T0OTHER'] } })
    expect((await installInto(world)).status).toBe(403)
    expect(await world.store.vault.get(`slack:${world.slack.team.id}`)).toBeNull()
  })

  test('of a whole organisation answers in each of its workspaces', async () => {
    const world = await startMany()
    const { slack } = world
    const one = slack.addTeam({ enterprise: 'E0ORG' })
    const two = slack.addTeam({ enterprise: 'E0ORG' })
    expect((await installInto(world, { enterprise: 'E0ORG' })).status).toBe(200)
    const install = slack.state.installs.find(({ enterprise, team }) => enterprise === 'E0ORG' && !team)!
    for (const team of [one, two]) {
      const person = slack.addPerson({ team: team.id, realName: `Person of ${team.id}` })
      const dm = slack.state.dm(person.id, install.botUser)
      const said = slack.say({ user: person.id, channel: dm.id, text: 'Hello' })
      await settled(world)
      expect(answers(slack, dm.id, said.ts)[0]!.source).toBe('You said: Hello')
    }
  })

  test.each(['uninstall', 'revokeTokens'] as const)('is removed after %s', async (how) => {
    const world = await startMany()
    const { slack } = world
    await installInto(world)
    const install = slack.state.installs.findLast(({ team }) => team === slack.team.id)!
    for (const delivery of slack[how](install)) expect(await delivery.acked).toBe(true)
    expect(await world.store.vault.get(`slack:${slack.team.id}`)).toBeNull()
  })

  test('whose token is dead is removed when that is noticed, and said once', async () => {
    const world = await startMany()
    const { slack } = world
    await installInto(world)
    slack.fail('*', { kind: 'error', error: 'account_inactive' }, { times: 1_000 })
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    await settled(world)
    expect(await world.store.vault.get(`slack:${slack.team.id}`)).toBeNull()
    expect(world.logged('warn').filter((line) => line.includes('not installed there any more'))).toHaveLength(1)
  })

  test.each(['invalid_auth', 'org_login_required', 'team_access_not_granted'])(
    'stays when Slack says %s: that may be about our address, or one workspace, or this hour',
    async (error) => {
      const world = await startMany()
      const { slack } = world
      await installInto(world)
      slack.fail('*', { kind: 'error', error }, { times: 1_000 })
      slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
      await slack.until(() => slack.callsTo('users.info').length > 0)
      await slack.until(() => slack.calls.filter(({ method }) => method.startsWith('chat.')).length > 0)
      slack.heal()
      await settled(world)
      const said = slack.say({ user: slack.ben.id, channel: slack.state.dm(slack.ben.id, 'U0AIDE0001').id, text: 'Hi' })
      await settled(world)
      expect(answers(slack, said.channel, said.ts)).toHaveLength(1)
    },
  )
})

describe('the registry', () => {
  function noted() {
    const told: string[] = []
    const registry = {
      put: async (id: string, name: string) => void told.push(`put ${id} ${name}`),
      drop: async (id: string) => void told.push(`drop ${id}`),
      own: (id: string, name: string) => void told.push(`own ${id} ${name}`),
    }
    return { told, registry }
  }

  test('is told of what is installed, by whom it can be known, and of what is removed; a fresher token is neither', async () => {
    const { told, registry } = noted()
    const world = await startMany({ rotation: true, registry })
    const { slack } = world
    await installInto(world)
    await age(world, 11 * 3_600)
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hello' })
    await settled(world)
    expect(slack.callsTo('oauth.v2.access').some(({ args }) => args.grant_type === 'refresh_token')).toBe(true)
    expect(told).toEqual([`put ${slack.team.id} ${slack.team.name}`])
    await installInto(world)
    expect(told).toHaveLength(2)
    const install = slack.state.installs.findLast(({ team }) => team === slack.team.id)!
    for (const delivery of slack.uninstall(install)) await delivery.acked
    await slack.until(() => told.length > 2)
    expect(told.slice(2)).toEqual(expect.arrayContaining([`drop ${slack.team.id}`]))
  })

  test('is told of the one workspace that a configured token is for', async () => {
    const { told, registry } = noted()
    const { slack } = await startWorld({ registry })
    await slack.until(() => told.length > 0)
    expect(told).toEqual([`own ${slack.team.id} ${slack.team.name}`])
  })
})

/** As the sign-in asks: they never wrote to us, so nothing but their workspace says through whom to ask. */
const signsIn = ({ app }: World, workspace: string, id: string) =>
  app.instance.chat.who({ surface: 'slack', workspace, id })

describe('someone who signs in without ever having written', () => {
  test.each(['own token', 'installed'] as const)('(%s) is let in as a member, and refused as a guest', async (how) => {
    const world = how === 'installed' ? await startMany() : await startWorld()
    const { slack } = world
    if (how === 'installed') await installInto(world)
    const guest = slack.addPerson({ realName: 'Gus Tone', guest: 'single' })
    expect(await signsIn(world, slack.team.id, slack.ana.id)).toMatchObject({ name: 'Ana Lima' })
    await expect(signsIn(world, slack.team.id, guest.id)).rejects.toMatchObject({ code: 'refused_guest' })
    await expect(signsIn(world, slack.team.id, 'U0NOBODY')).rejects.toMatchObject({ code: 'refused_guest' })
  })

  test('in a workspace where it is not installed is refused', async () => {
    const world = await startMany()
    const { slack } = world
    await installInto(world)
    const other = slack.addTeam()
    const xena = slack.addPerson({ team: other.id, realName: 'Xena Ray' })
    await expect(signsIn(world, other.id, xena.id)).rejects.toMatchObject({ code: 'refused_guest' })
  })

  test('in an organisation is known in those of its workspaces where it is installed', async () => {
    const world = await startMany()
    const { slack } = world
    const teams = [slack.addTeam({ enterprise: 'E0ORG' }), slack.addTeam({ enterprise: 'E0ORG' })]
    for (const { id: team } of teams) expect((await installInto(world, { team })).status).toBe(200)
    const [first, second] = teams.map(({ id: team }) => slack.addPerson({ team, realName: `Person of ${team}` }))
    const guest = slack.addPerson({ team: teams[1]!.id, realName: 'Gus Tone', guest: 'multi' })
    for (const person of [first!, second!])
      expect(await signsIn(world, 'E0ORG', person.id)).toMatchObject({ name: person.realName })
    await expect(signsIn(world, 'E0ORG', guest.id)).rejects.toMatchObject({ code: 'refused_guest' })
    await expect(signsIn(world, 'E0OTHER', first!.id)).rejects.toMatchObject({ code: 'refused_guest' })
  })
})

describe('a token that ends', () => {
  test('is renewed once, however many instances and messages need it', async () => {
    const world = await startMany({ rotation: true })
    const { slack, store } = world
    await installInto(world)
    // The stand-in gives it twelve hours; it is renewed from ten on.
    await age(world, 11 * 3_600)
    const other = await world.another()
    const first = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'one' })
    slack.connect(`${other.url}/slack/events`)
    const second = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'two' })
    await settled(world)
    const renewals = slack.callsTo('oauth.v2.access').filter(({ args }) => args.grant_type === 'refresh_token')
    expect(renewals.map(({ status }) => status)).toEqual([200])
    for (const { ts } of [first, second]) expect(answers(slack, slack.dm.id, ts)).toHaveLength(1)
    expect(await store.vault.get(`slack:${slack.team.id}`)).toMatch(/^v1\./)
  })
})

/** As if it had been installed so many seconds ago. */
async function age({ slack, store, keys }: World, seconds: number): Promise<void> {
  const cipher = createCipher(keys)
  const installations = createInstallations(store.vault, cipher)
  const installation = (await installations.read(slack.team.id))!
  installation.bot!.expiresAt! -= seconds
  await installations.write(slack.team.id, installation)
}

describe('the keys', () => {
  test('an older one still opens what it closed, and is not needed after that', async () => {
    const [older, newer] = [newKey(), newKey()]
    const vault = memoryVault()
    const installation = { bot: { token: 'xoxb-1' }, team: { id: 'T1' } } as never
    await createInstallations(vault, createCipher([older])).write('T1', installation)
    expect(await createInstallations(vault, createCipher([newer, older])).read('T1')).toEqual(installation)
    expect(await createInstallations(vault, createCipher([newer])).read('T1')).toEqual(installation)
    await expect(createInstallations(vault, createCipher([older])).read('T1')).rejects.toThrow('not in the list')
  })

  test('text that was changed, or moved to another place, does not open', () => {
    const cipher = createCipher([newKey()])
    const encrypted = cipher.encrypt('secret', 'T1')
    expect(cipher.decrypt(encrypted, 'T1')).toBe('secret')
    expect(() => cipher.decrypt(encrypted, 'T2')).toThrow()
    const [version, name, data = ''] = encrypted.split('.')
    const other = data[20] === 'A' ? 'B' : 'A'
    const changed = `${version}.${name}.${data.slice(0, 20)}${other}${data.slice(21)}`
    expect(() => cipher.decrypt(changed, 'T1')).toThrow()
    expect(cipher.encrypt('secret', 'T1')).not.toBe(encrypted)
  })

  test('must be 32 bytes', () => {
    expect(() => createCipher(['short'])).toThrow('32 bytes')
    expect(() => createCipher([])).toThrow()
    expect(() => createCipher([randomBytes(32).toString('hex')])).not.toThrow()
  })
})

function memoryVault(): Vault {
  const values = new Map<string, string>()
  return {
    get: async (key) => values.get(key) ?? null,
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
    lock: async () => async () => {},
  }
}
