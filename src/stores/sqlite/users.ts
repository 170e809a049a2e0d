import type { Users } from '../../store.ts'
import type { User } from '../../types.ts'
import { fold } from '../matching.ts'
import { isFound, mergedUser, withoutIdentity } from '../people.ts'
import type { Database } from './database.ts'
import { whoIs } from './people.ts'

interface Row {
  body: string
}

/** The most users that one search looks at; parsing them holds the event loop for a few milliseconds. */
const searchedUsers = 1_000

export function createUsers(db: Database): Users {
  return {
    get: (id) => db.read(() => byId(id)),
    find: (identity) => db.read(() => byIdentity(identity)),
    create(user) {
      return db.write(() => {
        for (const identity of user.identities) {
          const owner = byIdentity(identity)
          if (owner) return owner
        }
        begin(user)
        return user
      })
    },
    update(id, patch) {
      return db.write(() => {
        const user = byId(id)
        if (!user) return null
        const { identities, formerly } = user
        keep({ ...user, ...patch, id: user.id, identities, ...(formerly && { formerly }) })
        return byId(user.id)
      })
    },
    attach(id, identity) {
      return db.write(() => {
        const user = byId(id)
        const owner = user && byIdentity(identity)
        if (!user || owner) return owner
        db.run('INSERT INTO identities (identity, user) VALUES (?, ?)', identity, user.id)
        return keep({ ...user, identities: [...user.identities, identity] })
      })
    },
    detach: (id, identity, fresh) => db.write(() => detach(id, identity, fresh)),
    merge(from, into) {
      return db.write(() => {
        const [source, target] = [byId(from), byId(into)]
        return source && target && source.id !== target.id ? merge(source, target) : null
      })
    },
    // One transaction each: nothing is ever left undone.
    resume: async () => 0,
    remove(id) {
      return db.write(() => {
        const user = byId(id)
        if (user) drop(user)
        return user !== null
      })
    },
    list: ({ after = '', limit }) => db.read(() => page(after, limit)),
    search(text, { after = '', limit }) {
      return db.read(() => {
        const wanted = fold(text).trim()
        const looked = page(after, searchedUsers)
        const items = looked.filter((user) => isFound(user, wanted)).slice(0, limit)
        const last = items.length === limit ? items.at(-1) : looked[searchedUsers - 1]
        return last ? { items, next: last.id } : { items }
      })
    },
  }

  function byId(id: string): User | null {
    return userOf(db.one<Row>('SELECT body FROM users WHERE id = ?', whoIs(db, id)))
  }

  function byIdentity(identity: string): User | null {
    return userOf(
      db.one<Row>('SELECT u.body FROM identities i JOIN users u ON u.id = i.user WHERE i.identity = ?', identity),
    )
  }

  function page(after: string, limit: number): User[] {
    const rows = db.all<Row>('SELECT body FROM users WHERE id > ? ORDER BY id LIMIT ?', after, limit)
    return rows.map((row) => JSON.parse(row.body) as User)
  }

  function begin(user: User): void {
    db.run('INSERT INTO users (id, body) VALUES (?, ?)', user.id, JSON.stringify(user))
    for (const identity of user.identities) {
      db.run('INSERT INTO identities (identity, user) VALUES (?, ?)', identity, user.id)
    }
  }

  function keep(user: User): User {
    db.run('UPDATE users SET body = ? WHERE id = ?', JSON.stringify(user), user.id)
    return user
  }

  function detach(id: string, identity: string, fresh?: User): { left: User; fresh?: User } | null {
    const user = byId(id)
    const owner = byIdentity(identity)
    if (!user || !owner) return null
    // A repeated call, whose first reply was lost.
    if (fresh && owner.id === fresh.id) return { left: user, fresh: owner }
    const left = owner.id === user.id ? withoutIdentity(user, identity) : null
    if (!left) return null
    db.run('DELETE FROM identities WHERE identity = ?', identity)
    keep(left)
    if (!fresh) return { left }
    const own = { ...fresh, identities: [identity] }
    begin(own)
    return { left, fresh: own }
  }

  function merge(from: User, into: User): User {
    db.run('UPDATE identities SET user = ? WHERE user = ?', into.id, from.id)
    db.run('UPDATE aliases SET user = ? WHERE user = ?', into.id, from.id)
    db.run('INSERT INTO aliases (id, user) VALUES (?, ?)', from.id, into.id)
    takeMemberships(from.id, into.id)
    db.run('DELETE FROM users WHERE id = ?', from.id)
    return keep(mergedUser(from, into))
  }

  /** Where both took part, what is kept is the place of the one who came first, and the later update. */
  function takeMemberships(from: string, into: string): void {
    const ofBoth = '(SELECT conversation FROM members WHERE user IN (?1, ?2) GROUP BY conversation HAVING count(*) > 1)'
    const other = 'FROM members AS o WHERE o.conversation = members.conversation AND o.user IN (?1, ?2)'
    db.run(
      `UPDATE members SET at = (SELECT max(at) ${other}) WHERE user IN (?1, ?2) AND conversation IN ${ofBoth}`,
      from,
      into,
    )
    db.run(
      `DELETE FROM members WHERE user IN (?1, ?2) AND EXISTS (SELECT 1 ${other} AND o.rowid < members.rowid)`,
      from,
      into,
    )
    db.run('UPDATE members SET user = ? WHERE user = ?', into, from)
  }

  function drop(user: User): void {
    db.run('DELETE FROM sessions WHERE user = ?1 OR user IN (SELECT id FROM aliases WHERE user = ?1)', user.id)
    db.run('DELETE FROM absences WHERE identity IN (SELECT identity FROM identities WHERE user = ?)', user.id)
    db.run('DELETE FROM members WHERE user = ?', user.id)
    // Their identities and former ids go with them.
    db.run('DELETE FROM users WHERE id = ?', user.id)
  }
}

function userOf(row: Row | undefined): User | null {
  return row ? (JSON.parse(row.body) as User) : null
}
