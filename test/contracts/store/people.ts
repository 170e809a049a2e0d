import { describe, expect, it } from 'vitest'
import { bedFor, newUser, type Open } from './kit.ts'

/** Users and their identities. */
export function usersContract(open: Open): void {
  describe('users', () => {
    const bed = bedFor(open)

    it('keeps a user with all that is known of them, under id and every identity', async () => {
      const user = newUser({
        name: 'Ann “the one” Ünal 👩',
        emails: [{ address: 'ann@example.com', verifiedBy: 'slack' }],
        roles: ['admin', 'member'],
        identities: ['slack:T1:U1', 'teams:tenant:object', 'web:local:ann'],
        locale: 'de-DE',
        timeZone: 'Europe/Berlin',
        password: '$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA',
      })
      expect(await bed.store.users.create(user)).toEqual(user)
      expect(await bed.store.users.get(user.id)).toEqual(user)
      for (const identity of user.identities) expect(await bed.store.users.find(identity)).toEqual(user)
    })

    it('knows nobody who was not stored', async () => {
      expect(await bed.store.users.get('nobody')).toBeNull()
      expect(await bed.store.users.find('slack:T1:nobody')).toBeNull()
      expect(await bed.store.users.update('nobody', { name: 'x' })).toBeNull()
      expect(await bed.store.users.list({ limit: 10 })).toEqual([])
    })

    it('returns the user an identity belongs to already, and changes nothing', async () => {
      const first = newUser({ identities: ['slack:T1:U1', 'web:local:ann'] })
      await bed.store.users.create(first)
      const second = newUser({ name: 'Other', identities: ['web:local:other', 'slack:T1:U1'] })
      expect(await bed.store.users.create(second)).toEqual(first)
      expect(await bed.store.users.get(second.id)).toBeNull()
      expect(await bed.store.users.find('web:local:other')).toBeNull()
      expect(await bed.store.users.list({ limit: 10 })).toEqual([first])
    })

    it('creates one user when two instances meet the same person at once', async () => {
      const other = await bed.again()
      const created = await Promise.all(
        [bed.store, other, bed.store].map((store) => store.users.create(newUser({ identities: ['slack:T1:U1'] }))),
      )
      expect(new Set(created.map((user) => user.id)).size).toBe(1)
      expect(await bed.store.users.list({ limit: 10 })).toHaveLength(1)
    })

    it('gives the same result when a creation is repeated', async () => {
      const user = newUser()
      await bed.store.users.create(user)
      expect(await bed.store.users.create(user)).toEqual(user)
    })

    it('changes some fields and leaves the others and the identities', async () => {
      const user = newUser({ locale: 'de', identities: ['web:local:ann'] })
      await bed.store.users.create(user)
      const changed = await bed.store.users.update(user.id, { name: 'Anna', state: 'disabled', seenAt: 99 })
      expect(changed).toEqual({ ...user, name: 'Anna', state: 'disabled', seenAt: 99 })
      expect(await bed.store.users.find('web:local:ann')).toEqual(changed)
    })

    it('takes away what a change says is undefined', async () => {
      const user = newUser({ id: 'ann', locale: 'de', password: 'x', hold: true })
      await bed.store.users.create(user)
      const { locale: _locale, hold: _hold, ...left } = user
      expect(await bed.store.users.update('ann', { locale: undefined, hold: undefined })).toEqual(left)
      expect(await bed.store.users.get('ann')).toEqual(left)
    })

    it('loses no change when two are made at once', async () => {
      const other = await bed.again()
      const user = newUser()
      await bed.store.users.create(user)
      await Promise.all([
        bed.store.users.update(user.id, { name: 'Anna' }),
        other.users.update(user.id, { seenAt: 99 }),
        bed.store.users.update(user.id, { timeZone: 'UTC' }),
      ])
      expect(await bed.store.users.get(user.id)).toMatchObject({ name: 'Anna', seenAt: 99, timeZone: 'UTC' })
    })

    it('lists users by id, a page at a time', async () => {
      const made = ['u5', 'u1', 'u4', 'u2', 'u3']
      for (const id of made) await bed.store.users.create(newUser({ id }))
      const seen: string[][] = []
      let after: string | undefined
      for (;;) {
        const page = await bed.store.users.list({ limit: 2, ...(after ? { after } : {}) })
        if (page.length === 0) break
        seen.push(page.map((user) => user.id))
        after = page.at(-1)?.id
      }
      expect(seen).toEqual([['u1', 'u2'], ['u3', 'u4'], ['u5']])
    })
  })
}

/** Sessions of the web page. */
export function sessionsContract(open: Open): void {
  describe('sessions', () => {
    const bed = bedFor(open)
    const later = (ms = 60_000) => bed.clock.now() + ms

    it('keeps the data of a session until it is set anew or destroyed', async () => {
      expect(await bed.store.sessions.get('s1')).toBeNull()
      const data = { user: 'ann', csrf: 'x"y', cookie: { path: '/', httpOnly: true, expires: null }, list: [1, 2] }
      await bed.store.sessions.set('s1', data, { expiresAt: later() })
      expect(await bed.store.sessions.get('s1')).toEqual(data)
      await bed.store.sessions.set('s1', { user: 'bob' }, { user: 'bob', expiresAt: later() })
      expect(await bed.store.sessions.get('s1')).toEqual({ user: 'bob' })
      await bed.store.sessions.destroy('s1')
      await bed.store.sessions.destroy('s1')
      expect(await bed.store.sessions.get('s1')).toBeNull()
    })

    it('forgets a session when it expires, and not before', async () => {
      await bed.store.sessions.set('s1', { n: 1 }, { user: 'ann', expiresAt: later(1_000) })
      bed.clock.advance(999)
      expect(await bed.store.sessions.get('s1')).toEqual({ n: 1 })
      await bed.store.sessions.set('s1', { n: 2 }, { user: 'ann', expiresAt: later(1_000) })
      bed.clock.advance(999)
      expect(await bed.store.sessions.get('s1')).toEqual({ n: 2 })
      bed.clock.advance(1)
      expect(await bed.store.sessions.get('s1')).toBeNull()
    })

    it('prolongs a session that is there, and brings back none that has ended', async () => {
      const { sessions } = bed.store
      const ann = (expiresAt = later(1_000)) => ({ user: 'ann', expiresAt })
      expect(await sessions.touch('s1', { n: 1 }, ann())).toBe(false)
      expect(await sessions.get('s1')).toBeNull()
      await sessions.set('s1', { n: 1 }, ann())
      bed.clock.advance(600)
      expect(await sessions.touch('s1', { n: 2 }, ann())).toBe(true)
      bed.clock.advance(600)
      expect(await sessions.get('s1')).toEqual({ n: 2 })
      bed.clock.advance(400)
      expect(await sessions.touch('s1', { n: 3 }, ann())).toBe(false)

      await sessions.set('s2', {}, ann())
      await sessions.set('s3', {}, ann())
      await sessions.destroy('s2')
      await sessions.endAll('ann')
      for (const id of ['s2', 's3']) {
        expect(await sessions.touch(id, {}, ann())).toBe(false)
        expect(await sessions.get(id)).toBeNull()
      }
    })

    it('leaves none of a user’s sessions, whenever they are prolonged while all are ended', async () => {
      const { sessions } = bed.store
      const ids = Array.from({ length: 20 }, (_, n) => `s${n}`)
      for (const id of ids) await sessions.set(id, {}, { user: 'ann', expiresAt: later() })
      await Promise.all([
        ...ids.slice(0, 10).map((id) => sessions.touch(id, {}, { user: 'ann', expiresAt: later(90_000) })),
        sessions.endAll('ann'),
        ...ids.slice(10).map((id) => sessions.touch(id, {}, { user: 'ann', expiresAt: later(90_000) })),
      ])
      expect(await Promise.all(ids.map((id) => sessions.get(id)))).toEqual(ids.map(() => null))
    })

    it('ends every session of a user, and nobody else’s', async () => {
      for (const id of ['s1', 's2']) await bed.store.sessions.set(id, { id }, { user: 'ann', expiresAt: later() })
      await bed.store.sessions.set('s3', { id: 's3' }, { user: 'bob', expiresAt: later() })
      await bed.store.sessions.set('s4', { id: 's4' }, { expiresAt: later() })
      await bed.store.sessions.endAll('ann')
      await bed.store.sessions.endAll('nobody')
      const left = await Promise.all(['s1', 's2', 's3', 's4'].map((id) => bed.store.sessions.get(id)))
      expect(left).toEqual([null, null, { id: 's3' }, { id: 's4' }])
    })

    it('ends every session of a user but one', async () => {
      for (const id of ['s1', 's2', 's3']) await bed.store.sessions.set(id, { id }, { user: 'ann', expiresAt: later() })
      await bed.store.sessions.endAll('ann', 's2')
      expect(await bed.store.sessions.get('s1')).toBeNull()
      expect(await bed.store.sessions.get('s2')).toEqual({ id: 's2' })
      await bed.store.sessions.endAll('ann')
      expect(await bed.store.sessions.get('s2')).toBeNull()
    })

    it('ends a session with the user it belongs to now', async () => {
      await bed.store.sessions.set('s1', {}, { user: 'ann', expiresAt: later() })
      await bed.store.sessions.set('s1', {}, { user: 'bob', expiresAt: later() })
      await bed.store.sessions.endAll('ann')
      expect(await bed.store.sessions.get('s1')).toEqual({})
      await bed.store.sessions.endAll('bob')
      expect(await bed.store.sessions.get('s1')).toBeNull()
    })
  })
}

/** Who left a channel or a team. */
export function absencesContract(open: Open): void {
  describe('absences', () => {
    const bed = bedFor(open)

    it('knows who left until they are back, whichever of their identities it was', async () => {
      const { absences } = bed.store
      const [ann, both] = ['slack:T1:U1', ['slack:T1:U1', 'slack:T1:U2']]
      const channels = ['slack:T1:C1', 'slack:T1:C2', 'slack:T1:C3']
      expect(await absences.among(channels, both)).toEqual([])
      await absences.left('slack:T1:C1', ann)
      await absences.left('slack:T1:C1', ann)
      await absences.left('slack:T1:C3', 'slack:T1:U2')
      expect((await absences.among(channels, both)).toSorted()).toEqual(['slack:T1:C1', 'slack:T1:C3'])
      expect(await absences.among(channels, [ann])).toEqual(['slack:T1:C1'])
      expect(await absences.among(['slack:T1:C2'], both)).toEqual([])
      await absences.back('slack:T1:C1', ann)
      await absences.back('slack:T1:C1', ann)
      expect(await absences.among(channels, [ann])).toEqual([])
      expect(await absences.among([], both)).toEqual([])
      expect(await absences.among(channels, [])).toEqual([])
    })
  })
}
