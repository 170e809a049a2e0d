import { LRUCache } from 'lru-cache'
import { audienceOf, homeOf, homeOfConversation, isId } from '../../ids.ts'
import type { Claim, Delivery, Inbox, Lease, WindowSize } from '../../store.ts'
import { followUpMs, ownIdMs, pointerMs, seenMs } from '../../store.ts'
import type { Accepted, Incoming, PendingTurn } from '../../types.ts'
import { claimOf, entryOf, jsonOf, type Run } from './claims.ts'
import type { Engine } from './engine.ts'
import type { UserRecords } from './userRecords.ts'
import { type Window, windowOf } from './windows.ts'

/** What the accept script replies; from `acceptedAt` on only for a claim. */
type Stored = [
  status: 'accepted' | 'duplicate' | 'full' | 'denied' | 'ignored' | 'gone' | 'elsewhere',
  conversation: string,
  turn: string,
  /** Of a claim; for `elsewhere`: 1 if the message was not seen before. */
  acceptedAt?: number,
  ...run: [...Run, found?: Window] | [],
]

/** How a message comes to its conversation: where the place points, by name, or (second of two steps) as pointed. */
interface Route {
  home: string
  conversation: string
  turn: string
  into?: 'named' | 'pointed'
  /** The place points at this conversation, which is gone. */
  stale?: string
}

/** The wish to work on the message at once, and on what it wants to know of its conversation then. */
type Wish = Lease & { window?: WindowSize }

/** For so many places it is remembered which of their own conversations they last continued. */
const knownPlaces = 20_000

export function openInbox(engine: Engine, records: Pick<UserRecords, 'whoIs'>): Inbox {
  const { connection, keys, given, maxWaiting, shards } = engine
  // One server is asked for all shards at once: each instance asks every second. On a Cluster they may be anywhere.
  // A guess and no more: a script may only read keys that it was given.
  const continued = new LRUCache<string, string>({ max: knownPlaces })
  const askedTogether = connection.cluster ? shards.map((shard) => [shard]) : [shards]

  /** The one step of the common message, or the second of two. */
  async function store(delivery: Delivery, route: Route, lease?: Wish): Promise<{ accepted: Stored; claim?: Claim }> {
    const { incoming } = delivery
    const { home, conversation } = route
    const here = home === homeOf(incoming.place)
    // Where the place has seen it already, the turn it became there is what makes it the same message.
    const ids = here ? incoming.ids : [route.turn]
    const likely = (route.into ? undefined : continued.get(home)) ?? conversation
    const reply = (await connection.script(
      'accept',
      [
        keys.home(home),
        keys.inbox(home),
        keys.due(home),
        keys.conversation(home, conversation),
        keys.updated(home),
        keys.conversation(home, likely),
        keys.messages(home, likely),
        keys.turns(home, likely),
        ...ids.map((id) => keys.seen(home, id)),
      ],
      given({
        ...route,
        mine: delivery.turn,
        user: incoming.user,
        surface: incoming.place.surface,
        direct: incoming.place.direct ? 1 : 0,
        ...(!incoming.place.direct && { audience: audienceOf(incoming.place) }),
        maxWaiting,
        seenMs,
        ...(here && { ownIdMs }),
        ...(incoming.followUp && { followUpMs }),
        pointerMs,
        ...lease,
        ...(lease?.window && { likely }),
      }),
      jsonOf(incoming),
    )) as Stored
    const [, into, turn, acceptedAt = 0, ...run] = reply
    if (run.length === 0 || !lease) return { accepted: reply }
    if (!route.into) continued.set(home, into)
    const [attempt, draft, answer, stopped, found] = run
    const entry = { turn, conversation: into, acceptedAt, incoming }
    const claim = claimOf(entry, home, lease.token, [attempt, draft, answer, stopped])
    return { accepted: reply, claim: found ? { ...claim, found: windowOf(found) } : claim }
  }

  /** The second step, at the home where the conversation was born. */
  async function forward(
    delivery: Delivery,
    into: 'named' | 'pointed',
    first: { conversation: string; turn: string; fresh: boolean },
    lease?: Wish,
  ) {
    const home = homeOfConversation(first.conversation)
    const result = await store(delivery, { home, conversation: first.conversation, turn: first.turn, into }, lease)
    const [status] = result.accepted
    // It may come again, unless an earlier delivery of it was stored.
    if (first.fresh && (status === 'full' || status === 'denied' || (status === 'gone' && into === 'named'))) {
      await unmark(delivery.incoming, first)
    }
    return result
  }

  async function unmark(incoming: Incoming, { conversation, turn }: { conversation: string; turn: string }) {
    await connection.script('unmark', seenAt(incoming), given({ conversation, turn }))
  }

  const seenAt = (incoming: Incoming) => incoming.ids.map((id) => keys.seen(homeOf(incoming.place), id))

  /** For the conversation a message names. */
  async function acceptNamed(delivery: Delivery, named: string, lease?: Wish) {
    const { incoming, turn } = delivery
    // Comes from outside, and would be a part of keys.
    if (!isId(named)) return { accepted: ['denied', '', ''] as Stored }
    const home = homeOfConversation(named)
    if (home === homeOf(incoming.place)) {
      return store(delivery, { home, conversation: named, turn, into: 'named' }, lease)
    }
    const [conversation, became, fresh] = (await connection.script(
      'mark',
      seenAt(incoming),
      given({ conversation: named, turn, seenMs, ownIdMs }),
    )) as [string, string, number]
    return forward(delivery, 'named', { conversation, turn: became, fresh: fresh === 1 }, lease)
  }

  /** A refused person may be another's former self, who takes part. */
  async function acceptAsWhoever(delivery: Delivery, named: string, lease?: Wish) {
    const first = await acceptNamed(delivery, named, lease)
    const { user } = delivery.incoming
    if (first.accepted[0] !== 'denied' || user === undefined) return first
    const now = await records.whoIs(user)
    if (now === user) return first
    return acceptNamed({ ...delivery, incoming: { ...delivery.incoming, user: now } }, named, lease)
  }

  /** For the conversation the place points at. */
  async function acceptHere(delivery: Delivery, lease?: Wish) {
    const here = { home: homeOf(delivery.incoming.place), conversation: delivery.conversation, turn: delivery.turn }
    const first = await store(delivery, here, lease)
    const [status, conversation, turn, fresh] = first.accepted
    if (status !== 'elsewhere') return first
    const second = await forward(delivery, 'pointed', { conversation, turn, fresh: fresh === 1 }, lease)
    if (second.accepted[0] !== 'gone') return second
    if (delivery.incoming.followUp) {
      await unmark(delivery.incoming, { conversation, turn })
      return { accepted: ['ignored', '', ''] as Stored }
    }
    return store(delivery, { ...here, stale: conversation }, lease)
  }

  async function dueHomes(limit: number): Promise<string[]> {
    const found = await whatWorked(
      askedTogether.map(
        (some) => connection.script('due', some.map(keys.dueIn), given({ limit })) as Promise<string[]>,
      ),
    )
    const homes: { home: string; at: number }[] = []
    for (const flat of found) {
      for (let i = 0; i < flat.length; i += 2) homes.push({ home: flat[i]!, at: Number(flat[i + 1]) })
    }
    return homes.sort((a, b) => a.at - b.at).map(({ home }) => home)
  }

  async function claimHome(home: string, lease: Lease): Promise<Claim | null> {
    const run = (await connection.script(
      'claim',
      [keys.home(home), keys.inbox(home), keys.due(home)],
      given({ home, ...lease }),
    )) as [string, ...Run] | null
    return run && claimOf(entryOf(run[0]), home, lease.token, run.slice(1) as Run)
  }

  return {
    async accept(delivery, offered, window) {
      const lease = offered && { ...offered, ...(window && { window }) }
      const named = delivery.incoming.conversation
      const { accepted, claim } = await (named === undefined
        ? acceptHere(delivery, lease)
        : acceptAsWhoever(delivery, named, lease))
      return claim ? { accepted: acceptedOf(accepted), claim } : { accepted: acceptedOf(accepted) }
    },

    async sweep(leases) {
      if (leases.length === 0) return []
      // Others may sweep at the same moment: those that are taken are made up for by the next in line.
      const homes = await dueHomes(leases.length * 2)
      const free = [...leases]
      const claims: Claim[] = []
      while (free.length > 0 && homes.length > 0) {
        const tried = homes.splice(0, free.length)
        const batch = free.splice(0, tried.length)
        const got = await whatWorked(tried.map((home, i) => claimHome(home, batch[i]!)))
        const taken = new Set(got.map((claim) => claim?.token))
        claims.push(...got.filter((claim) => claim !== null))
        free.push(...batch.filter(({ token }) => !taken.has(token)))
      }
      return claims
    },

    async pending(conversation) {
      const home = homeOfConversation(conversation)
      const [running, leased, answered, entries] = (await connection.script(
        'pending',
        [keys.home(home), keys.inbox(home)],
        given({}),
      )) as [string, number, number, string[]]
      const turns: PendingTurn[] = []
      for (const entry of entries) {
        const { incoming, acceptedAt, ...ids } = entryOf(entry)
        const head = ids.turn === running
        if (ids.conversation !== conversation || (head && answered === 1)) continue
        turns.push({
          ...ids,
          text: incoming.text,
          at: acceptedAt,
          surface: incoming.place.surface,
          ...(incoming.user !== undefined && { user: incoming.user }),
          running: head && leased === 1,
          ...(incoming.replaces !== undefined && { replaces: incoming.replaces }),
        })
      }
      return turns
    },

    async stop(conversation, turn) {
      const home = homeOfConversation(conversation)
      const marked = await connection.script('stop', [keys.home(home), keys.inbox(home)], given({ conversation, turn }))
      return marked as string[]
    },

    async depth() {
      const count = (shard: number) => connection.run((redis) => redis.zcard(keys.dueIn(shard)))
      return (await Promise.all(shards.map(count))).reduce((sum, homes) => sum + homes, 0)
    },
  }
}

/** With a part of a Cluster away the work of the others goes on; only when nothing works it is a failure. */
async function whatWorked<T>(calls: Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(calls)
  const worked = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  if (worked.length === 0) await Promise.all(calls)
  return worked
}

function acceptedOf([status, conversation, turn]: Stored): Accepted {
  switch (status) {
    case 'accepted':
    case 'duplicate':
      return { status, conversation, turn }
    case 'full':
    case 'ignored':
      return { status }
    default:
      return { status: 'denied' }
  }
}
