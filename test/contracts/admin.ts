import { beforeEach, describe, expect, test } from 'vitest'
import { type Admin, createAdmin } from '../../src/admin.ts'
import { createAudit } from '../../src/audit.ts'
import { createIdentities } from '../../src/identities.ts'
import { newId } from '../../src/ids.ts'
import { readRules } from '../../src/limits/rules.ts'
import { createPeople } from '../../src/people.ts'
import { createPersonal } from '../../src/personal.ts'
import { createSetting } from '../../src/settings.ts'
import type { Store } from '../../src/store.ts'
import type { JsonObject, User } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'
import { bedFor, newUser, type Open } from './store/kit.ts'

/** What admins may do, over a real store: refused to everybody else, and written down. */
export function adminContract(open: Open): void {
  const bed = bedFor(open)
  let admin: Admin
  let boss: User
  let ann: User
  /** What the configuration says of everyone. */
  let configured = {}

  function over(store: Store) {
    const { now } = bed.clock
    const log = quietLog()
    // No two entries at the same moment, so that they have an order.
    const later = () => {
      bed.clock.advance(1)
      return now()
    }
    const audit = createAudit({ records: store.records, log, now: later })
    const profile = async () => ({ name: 'someone' })
    const people = createPeople({ users: store.users, bus: store.bus, profile, audit, log, now })
    const rules = createSetting({
      name: 'limits',
      initial: readRules({}, configured),
      read: (stored) => readRules(stored, configured),
      ...store,
      log,
    })
    const made = createAdmin({
      store,
      people,
      identities: createIdentities({ ...store, people, audit, now }),
      personal: createPersonal({ store, stop: async () => {}, people, audit, now }),
      limits: { left: async () => [] },
      rules,
      workspaces: async () => [{ id: 'web:local', how: 'built in' }],
      audit,
      now,
    })
    return { admin: made, people, rules }
  }

  const stored = (name: string, more: Partial<User> = {}): Promise<User> =>
    bed.store.users.create(newUser({ name, identities: [`web:local:${name}`, `slack:T1:${name}`], ...more }))

  beforeEach(async () => {
    configured = {}
    boss = await stored('boss', { roles: ['admin'] })
    ann = await stored('ann', { roles: ['member'], password: 'a hash', emails: [] })
    admin = over(bed.store).admin
  })

  const is = async (id: string): Promise<User | null> => bed.store.users.get(id)
  /** The audit log, the oldest first. */
  async function audited(): Promise<JsonObject[]> {
    const entries = await bed.store.records.list('audit', { limit: 1_000 })
    return entries.toReversed().map(({ user, data }) => ({ ...(user !== undefined && { user }), ...data }))
  }
  async function whole(pieces: AsyncIterable<string>): Promise<string> {
    let text = ''
    for await (const piece of pieces) text += piece
    return text
  }

  describe('to those who are no admins', () => {
    const calls: Record<string, (actor: User) => Promise<unknown>> = {
      demand: (actor) => admin.demand(actor),
      users: (actor) => admin.users(actor, { limit: 5 }),
      account: (actor) => admin.account(actor, boss.id),
      names: (actor) => admin.names(actor, [boss.id]),
      setRole: (actor) => admin.setRole(actor, actor.id, 'admin'),
      setState: (actor) => admin.setState(actor, boss.id, 'disabled'),
      setHold: (actor) => admin.setHold(actor, boss.id, true),
      endSessions: (actor) => admin.endSessions(actor, boss.id),
      unlink: (actor) => admin.unlink(actor, boss.id, 'slack:T1:boss'),
      forget: (actor) => admin.forget(actor, boss.id),
      rules: (actor) => admin.rules(actor),
      setRule: (actor) => admin.setRule(actor, { of: 'everyone' }, { tokensPerDay: 1 }),
      workspaces: (actor) => admin.workspaces(actor),
      usage: (actor) => admin.usage(actor, { from: '2100-01-01', to: '2100-01-02' }),
      log: (actor) => admin.log(actor, 'audit', { limit: 5 }),
      usageCsv: (actor) => whole(admin.usageCsv(actor, { from: '2100-01-01', to: '2100-01-02' })),
      logCsv: (actor) => whole(admin.logCsv(actor, 'audit', {})),
    }

    test('there is nothing, and nothing changes', async () => {
      expect(Object.keys(calls).toSorted()).toEqual(Object.keys(admin).toSorted())
      const off = await stored('off', { roles: ['admin'], state: 'disabled' })
      const nobody = newUser({ name: 'never stored', roles: ['admin'] })
      for (const [name, call] of Object.entries(calls))
        for (const actor of [ann, off, nobody])
          await expect(call(actor), name).rejects.toMatchObject({ code: 'not_found' })
      expect(await is(boss.id)).toEqual(boss)
      expect(await is(ann.id)).toEqual(ann)
      expect(await bed.store.vault.get('setting:limits')).toBeNull()
    })

    test('a refusal is written down once an hour, however often they knock', async () => {
      for (let i = 0; i < 20; i++) await admin.demand(ann).catch(() => {})
      const refusal = { user: ann.id, action: 'access_refused', actor: ann.id, details: { to: 'admin' } }
      expect(await audited()).toEqual([refusal])
      bed.clock.advance(3_600_001)
      await admin.demand(ann).catch(() => {})
      expect(await audited()).toEqual([refusal, refusal])
    })

    test('also to those who were one a moment ago', async () => {
      await admin.demand(boss)
      await bed.store.users.update(boss.id, { roles: ['member'] })
      await expect(admin.users(boss, { limit: 5 })).rejects.toMatchObject({ code: 'not_found' })
    })
  })

  describe('users', () => {
    test('are listed a page at a time and found by their name, never with their password', async () => {
      for (let i = 0; i < 5; i++) await stored(`zoe${i}`)
      const seen: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await admin.users(boss, { limit: 3, ...(after !== undefined && { after }) })
        seen.push(...page.items.map(({ name }) => name))
        if (page.next === undefined) break
        after = page.next
      }
      expect(seen.toSorted()).toEqual(['ann', 'boss', 'zoe0', 'zoe1', 'zoe2', 'zoe3', 'zoe4'])
      const { items } = await admin.users(boss, { text: 'ANN', limit: 3 })
      expect(items).toMatchObject([{ id: ann.id, hasPassword: true }])
      expect(JSON.stringify(items)).not.toContain('a hash')
    })

    test('have an account with what they used and what holds for them', async () => {
      const day = new Date(bed.clock.now()).toISOString().slice(0, 10)
      const row = { day, user: ann.id, surface: 'web', workspace: 'local', model: 'm', turns: 1, cost: 5 } as const
      await bed.store.usage.add({ ...row, input: 1, output: 2, cacheRead: 0, cacheWrite: 0 })
      await admin.setRule(boss, { of: 'user', user: ann.id }, { tokensPerDay: 7 })
      const account = await admin.account(boss, ann.id)
      expect(account).toMatchObject({ user: { id: ann.id }, usage: [{ turns: 1, cost: 5 }], rule: { tokensPerDay: 7 } })
      expect(JSON.stringify(account)).not.toContain('a hash')
      await expect(admin.account(boss, 'nobody')).rejects.toMatchObject({ code: 'not_found' })
    })

    test('are switched off with all their sessions, on every instance at once, and on again', async () => {
      const other = over(await bed.again())
      await other.people.start()
      await bed.store.sessions.set('s', { a: 1 }, { user: ann.id, expiresAt: bed.clock.now() + 60_000 })
      await admin.setState(boss, ann.id, 'disabled')
      expect((await is(ann.id))?.state).toBe('disabled')
      expect(await bed.store.sessions.get('s')).toBeNull()
      await expect(
        other.people.resolve({ surface: 'web', workspace: 'local', id: 'ann' }, ann.id),
      ).rejects.toMatchObject({ code: 'refused_disabled' })
      other.people.close()
      await admin.setState(boss, ann.id, 'active')
      expect((await is(ann.id))?.state).toBe('active')
      expect((await audited()).map(({ action, actor, user }) => [action, actor, user])).toEqual([
        ['disable', boss.id, ann.id],
        ['enable', boss.id, ann.id],
      ])
    })

    test('never switch off or delete themselves here', async () => {
      await expect(admin.setState(boss, boss.id, 'disabled')).rejects.toMatchObject({ code: 'not_oneself' })
      await expect(admin.forget(boss, boss.id)).rejects.toMatchObject({ code: 'not_oneself' })
      expect(await is(boss.id)).toEqual(boss)
      expect(await audited()).toEqual([])
    })

    test('are held, and not deleted while they are', async () => {
      await admin.setHold(boss, ann.id, true)
      await expect(admin.forget(boss, ann.id)).rejects.toMatchObject({ code: 'on_hold' })
      await admin.setHold(boss, ann.id, false)
      expect((await is(ann.id))?.hold).toBeUndefined()
      await admin.setRule(boss, { of: 'user', user: ann.id }, { tokensPerDay: 7 })
      await admin.forget(boss, ann.id)
      expect(await is(ann.id)).toBeNull()
      expect((await admin.rules(boss)).users).toEqual({})
      expect((await audited()).map(({ action }) => action)).toEqual(['hold', 'hold', 'limit', 'delete'])
    })

    test('lose their sessions, or an identity, and it is said who did it', async () => {
      await bed.store.sessions.set('s', { a: 1 }, { user: ann.id, expiresAt: bed.clock.now() + 60_000 })
      await admin.endSessions(boss, ann.id)
      expect(await bed.store.sessions.get('s')).toBeNull()
      await admin.unlink(boss, ann.id, 'slack:T1:ann')
      expect((await is(ann.id))?.identities).toEqual(['web:local:ann'])
      await expect(admin.unlink(boss, ann.id, 'web:local:ann')).rejects.toMatchObject({ code: 'last_identity' })
      expect((await audited()).map(({ action, actor }) => [action, actor])).toEqual([
        ['sessions_ended', boss.id],
        ['unlink', boss.id],
      ])
    })
  })

  describe('the role of an admin', () => {
    test('is given and taken, and each is written down with what it was', async () => {
      await admin.setRole(boss, ann.id, 'admin')
      await admin.setRole(ann, boss.id, 'member')
      expect([(await is(ann.id))?.roles, (await is(boss.id))?.roles]).toEqual([['admin'], ['member']])
      expect(await audited()).toEqual([
        { user: ann.id, action: 'role', actor: boss.id, details: { from: 'member', to: 'admin' } },
        { user: boss.id, action: 'role', actor: ann.id, details: { from: 'admin', to: 'member' } },
      ])
    })

    test('is not given up by the last one, whoever else is switched off', async () => {
      await stored('off', { roles: ['admin'], state: 'disabled' })
      await expect(admin.setRole(boss, boss.id, 'member')).rejects.toMatchObject({ code: 'last_admin' })
      expect((await is(boss.id))?.roles).toEqual(['admin'])
    })

    test('stays with somebody, even if all admins take it from each other at once, on several instances', async () => {
      const others = await Promise.all([1, 2, 3].map((i) => stored(`admin${i}`, { roles: ['admin'] })))
      const all = [boss, ...others]
      const second = over(await bed.again()).admin
      const outcomes = await Promise.allSettled(
        all.flatMap((actor, i) => [
          (i % 2 ? admin : second).setRole(actor, all[(i + 1) % all.length]!.id, 'member'),
          (i % 2 ? second : admin).setState(actor, all[(i + 2) % all.length]!.id, 'disabled'),
          admin.setRole(actor, actor.id, 'member'),
        ]),
      )
      const left = await Promise.all(all.map(({ id }) => is(id)))
      expect(left.filter((user) => user?.state === 'active' && user.roles.includes('admin'))).toHaveLength(1)
      const codes = outcomes.flatMap((one) =>
        one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
      )
      expect(codes.every((code) => code === 'not_found' || code === 'last_admin')).toBe(true)
    })
  })

  describe('limits', () => {
    test('are set for everyone, a role, a workspace and a user, and taken away by an empty rule', async () => {
      await admin.setRule(boss, { of: 'everyone' }, { messagesPerMinute: 9 })
      await admin.setRule(boss, { of: 'role', role: 'admin' }, { tokensPerDay: -1 })
      await admin.setRule(boss, { of: 'workspace', workspace: 'slack:T1' }, { costPerDay: 0.5 })
      await admin.setRule(boss, { of: 'user', user: ann.id }, { tokensPerMonth: 0 })
      expect(await admin.rules(boss)).toEqual({
        everyone: { messagesPerMinute: 9 },
        roles: { admin: { tokensPerDay: -1 } },
        workspaces: { 'slack:T1': { costPerDay: 0.5 } },
        users: { [ann.id]: { tokensPerMonth: 0 } },
      })
      await admin.setRule(boss, { of: 'user', user: ann.id }, {})
      expect((await admin.rules(boss)).users).toEqual({})
      expect((await audited()).at(-1)).toEqual({
        user: ann.id,
        action: 'limit',
        actor: boss.id,
        details: { for: 'user', before: { tokensPerMonth: 0 }, after: {} },
      })
    })

    test.each([
      { tokensPerDay: -2 },
      { tokensPerDay: 1.5 },
      { costPerDay: -0.5 },
      { costPerDay: Number.NaN },
      { messagesPerMinute: Number.POSITIVE_INFINITY },
      { tokensPerMonth: 1e15 },
    ])('of %j are refused, and nothing changes', async (rule) => {
      await expect(admin.setRule(boss, { of: 'everyone' }, rule)).rejects.toMatchObject({ code: 'bad_limit' })
      expect(await admin.rules(boss)).toEqual({ everyone: {}, roles: {}, users: {}, workspaces: {} })
      expect(await audited()).toEqual([])
    })

    test('that were not changed here go on following the configuration', async () => {
      configured = { tokensPerDay: 100, costPerDay: 5 }
      admin = over(bed.store).admin
      await admin.setRule(boss, { of: 'everyone' }, { tokensPerDay: 100, costPerDay: 7 })
      await admin.setRule(boss, { of: 'role', role: 'member' }, { tokensPerDay: 50 })
      configured = { tokensPerDay: 200, costPerDay: 6 }
      const later = over(bed.store)
      await later.rules.start()
      expect((await later.admin.rules(boss)).everyone).toEqual({ tokensPerDay: 200, costPerDay: 7 })
      await later.admin.setRule(boss, { of: 'everyone' }, { tokensPerDay: 200 })
      expect((await later.admin.rules(boss)).everyone).toEqual({ tokensPerDay: 200, costPerDay: 6 })
      later.rules.close()
    })

    test('of a user who was two once leave no older ones behind', async () => {
      const before = await stored('before', { roles: ['member'] })
      await admin.setRule(boss, { of: 'user', user: before.id }, { tokensPerDay: 3 })
      await bed.store.users.merge(before.id, ann.id)
      expect((await admin.account(boss, ann.id)).rule).toEqual({ tokensPerDay: 3 })
      await admin.setRule(boss, { of: 'user', user: ann.id }, { tokensPerDay: 4 })
      expect((await admin.rules(boss)).users).toEqual({ [ann.id]: { tokensPerDay: 4 } })
    })

    test('changed by several at once on several instances are all kept', async () => {
      const second = over(await bed.again())
      const names = Array.from({ length: 12 }, (_, i) => `slack:T${i}`)
      await Promise.all(
        names.map((workspace, i) =>
          (i % 2 ? admin : second.admin).setRule(boss, { of: 'workspace', workspace }, { tokensPerDay: i }),
        ),
      )
      await second.rules.start()
      expect(Object.keys((await second.admin.rules(boss)).workspaces).toSorted()).toEqual(names.toSorted())
      second.rules.close()
    })
  })

  describe('the logs', () => {
    async function many(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        bed.clock.advance(1_000)
        const at = bed.clock.now()
        const data = { action: i % 10 === 0 ? 'join' : 'sign_in', actor: ann.id }
        await bed.store.records.put('audit', { id: newId(at), at, user: i % 2 ? ann.id : 'gone', data })
      }
    }
    async function paged(query: object): Promise<string[]> {
      const actions: string[] = []
      for (let before: string | undefined; ; ) {
        const page = await admin.log(boss, 'audit', { limit: 7, ...query, ...(before !== undefined && { before }) })
        expect(page.items.length).toBeLessThanOrEqual(7)
        actions.push(...page.items.map(({ data }) => String(data.action)))
        if (page.next === undefined) return actions
        before = page.next
      }
    }

    test('are paged through whole, of all, of one action and of one user', async () => {
      await many(60)
      expect(await paged({})).toHaveLength(60)
      expect(await paged({ action: 'join' })).toEqual(Array(6).fill('join'))
      expect(await paged({ user: ann.id })).toHaveLength(30)
      expect(await paged({ user: 'Ann' })).toHaveLength(30)
      expect(await paged({ user: 'slack:T1:ann' })).toHaveLength(30)
      expect(await paged({ user: 'gone' })).toHaveLength(30)
      expect(await paged({ user: ann.id, action: 'join' })).toEqual([])
    })

    test('come as CSV with names, and the export is in the log itself', async () => {
      await many(3)
      const lines = (await whole(admin.logCsv(boss, 'audit', {}))).trimEnd().split('\r\n')
      expect(lines[0]).toBe('\ufefftime,action,user,user_name,actor,actor_name,details')
      expect(lines).toHaveLength(5)
      expect(lines[1]).toContain(`,export,,,${boss.id},boss,"{""what"":""audit""}"`)
      expect(lines[3]).toContain(`,sign_in,${ann.id},ann,${ann.id},ann,`)
    })

    test('of feedback have what was said of an answer, and no formula for a spreadsheet', async () => {
      const data = { value: 'down', surface: 'slack', comment: '=HYPERLINK("http://evil.example";"x")\nsecond' }
      await bed.store.records.put('feedback', { id: 'a'.repeat(20), at: 0, user: ann.id, data })
      expect(await whole(admin.logCsv(boss, 'feedback', {}))).toBe(
        '\ufefftime,user,user_name,surface,rating,comment\r\n' +
          `1970-01-01T00:00:00.000Z,${ann.id},ann,slack,down,` +
          '"\'=HYPERLINK(""http://evil.example"";""x"")\nsecond"\r\n',
      )
    })

    test('of usage have every row, by day', async () => {
      const row = { user: ann.id, surface: 'web', workspace: 'local', model: 'm', turns: 1 } as const
      for (const day of ['2100-01-02', '2100-01-01', '2099-12-31'])
        await bed.store.usage.add({ ...row, day, input: 1, output: 2, cacheRead: 3, cacheWrite: 4, cost: 1_500_000 })
      const text = await whole(admin.usageCsv(boss, { from: '2100-01-01', to: '2100-01-02' }))
      expect(text.trimEnd().split('\r\n').slice(1)).toEqual([
        `2100-01-01,${ann.id},ann,web,local,m,1,1,2,3,4,1.5`,
        `2100-01-02,${ann.id},ann,web,local,m,1,1,2,3,4,1.5`,
      ])
    })
  })
}
