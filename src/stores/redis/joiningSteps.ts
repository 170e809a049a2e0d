import { homeOfConversation } from '../../ids.ts'
import type { Sessions } from '../../store.ts'
import type { User } from '../../types.ts'
import { mergedUser, withoutIdentity } from '../people.ts'
import type { Engine } from './engine.ts'
import type { Identities } from './identities.ts'
import { fieldsOf, formerFields, formerOf, type UserRecords } from './userRecords.ts'

/** What is done at users, as it is written down before it is begun. Ids are those of users as they are then. */
export type Joining =
  | { step: 'merge'; from: string; into: string }
  | { step: 'attach'; id: string; identity: string }
  | { step: 'detach'; id: string; identity: string; fresh?: User }
  | { step: 'remove'; id: string }

/** Called before each step: rejects if someone else has taken over. */
type Keep = () => Promise<void>

/** Conversations that are moved at once. */
const pageSize = 100
/** How often the list of someone who is merged is gone through anew because it grew meanwhile. */
const passes = 3

/** Does what was written down, from wherever an earlier try ended. */
export function stepsOf(
  { connection, keys, given }: Engine,
  records: UserRecords,
  { give, ownerOf }: Identities,
  sessions: Pick<Sessions, 'endAll'>,
): { take(joining: Joining, keep: Keep): Promise<void> } {
  // --- merge -----------------------------------------------------------------------------------------------------

  /**
   * At every moment both of them see all of their conversations. First `into` takes part wherever `from` does; then `from`'s id
   * leads to `into`, and nothing is added to what is `from`'s any more; then that becomes `into`'s and is cleared away.
   */
  async function merge(from: string, into: string, keep: Keep): Promise<void> {
    const source = await records.raw(from)
    if (source.alias === undefined) {
      // Not even for a moment may someone in who is locked out.
      if (source.state === '"disabled"') await records.change(into, (user) => ({ ...user, state: 'disabled' }))
      for (let pass = 1; ; pass++) {
        const listed = await connection.run((redis) => redis.zcard(keys.conversations(from)))
        await lend(from, into, keep)
        if (await lead(from, into, pass < passes ? listed : undefined)) break
      }
    }
    await keep()
    await absorb(from, into)
    await handOver(from, into, keep)
  }

  /** Let a user's id lead to another. False: their list is not as long as it should be. */
  async function lead(from: string, into: string, listed?: number): Promise<boolean> {
    const at = [keys.user(from), keys.users(from), keys.conversations(from)]
    return (await connection.script('user_alias', at, given({ id: from, into, listed }))) === 1
  }

  /** Everything in `from`'s list is on `into`'s as well. */
  async function lend(from: string, into: string, keep: Keep): Promise<void> {
    let after: { id: string; score: number } | undefined
    do {
      await keep()
      const at = [keys.conversations(from), keys.user(from)]
      const found = (await connection.script('page', at, given({ ...after, limit: pageSize }))) as string[] | string
      // Their id leads elsewhere already.
      if (typeof found === 'string') return
      const page = listOf(found)
      await move(page, from, into, false)
      after = page.length === pageSize ? page.at(-1) : undefined
    } while (after)
  }

  async function move(page: Listed[], from: string, into: string, leave: boolean): Promise<void> {
    const there = await Promise.all(
      page.map(({ id }) => {
        const conversation = keys.conversation(homeOfConversation(id), id)
        return connection.script('move', [conversation], given({ from, into, ...(leave && { leave }) }))
      }),
    )
    const listed = page.filter((_one, i) => there[i] === 1).flatMap(({ id, score }) => [score, id])
    if (listed.length === 0) return
    await connection.run((redis) => redis.zadd(keys.conversations(into), 'GT', ...listed))
  }

  /** What was known of `from` is known of `into`. */
  async function absorb(from: string, into: string): Promise<void> {
    const source = await records.raw(from)
    const former = formerOf(source)
    if (!former) return
    await records.change(into, (user) => (user.formerly?.includes(from) ? user : mergedUser(former, user)))
    for (const identity of former.identities) await give(identity, from, into)
    for (const id of former.formerly ?? []) await lead(id, into)
    await connection.run((redis) => redis.hdel(keys.user(from), ...formerFields(source)))
  }

  /** What came onto `from`'s list until their id led elsewhere; and `into` takes part instead of them. */
  async function handOver(from: string, into: string, keep: Keep): Promise<void> {
    const list = keys.conversations(from)
    for (;;) {
      await keep()
      const page = listOf(await connection.run((redis) => redis.zrange(list, 0, String(pageSize - 1), 'WITHSCORES')))
      if (page.length === 0) return
      await move(page, from, into, true)
      await connection.run((redis) => redis.zrem(list, ...page.map(({ id }) => id)))
    }
  }

  // --- identities ------------------------------------------------------------------------------------------------

  async function attach(id: string, identity: string): Promise<void> {
    const owner = await ownerOf(identity)
    // Of someone who is gone, or was never finished; else it is someone else's.
    if (owner !== null && owner !== id && (await records.load(owner)) !== null) return
    if ((await give(identity, owner ?? '', id)) !== id) return
    await records.change(id, (user) => ({ ...user, identities: [...new Set([...user.identities, identity])] }))
  }

  async function detach(id: string, identity: string, fresh?: User): Promise<void> {
    if (fresh) {
      const at = [keys.user(fresh.id), keys.users(fresh.id)] as const
      await connection.script('user_begin', [at[0]], given({ ms: 60_000 }), ...Object.entries(fieldsOf(fresh)).flat())
      await connection.script('user_keep', [...at], given({ id: fresh.id }))
    }
    await give(identity, id, fresh?.id ?? '')
    await records.change(id, (user) => withoutIdentity(user, identity))
  }

  // --- remove ----------------------------------------------------------------------------------------------------

  async function remove(id: string, keep: Keep): Promise<void> {
    const user = await records.known(id)
    if (!user) return
    await sessions.endAll(id)
    for (const identity of user.identities) {
      await keep()
      await connection.run((redis) => redis.del(keys.absences(identity)))
      await give(identity, id, '')
    }
    // Their own record last: as long as it is there, what is left to do is known.
    for (const one of [...(user.formerly ?? []), id]) {
      const at = [keys.user(one), keys.users(one), keys.conversations(one), keys.sessions(one)]
      await connection.script('user_remove', at, given({ id: one }))
    }
  }

  return {
    async take(joining, keep) {
      await keep()
      switch (joining.step) {
        case 'merge':
          return merge(joining.from, joining.into, keep)
        case 'attach':
          return attach(joining.id, joining.identity)
        case 'detach':
          return detach(joining.id, joining.identity, joining.fresh)
        case 'remove':
          return remove(joining.id, keep)
      }
    },
  }
}

/** An entry of a user's list. */
interface Listed {
  id: string
  score: number
}

function listOf(flat: string[]): Listed[] {
  return flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : []))
}
