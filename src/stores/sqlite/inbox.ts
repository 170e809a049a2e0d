import { audienceOf, homeOf, homeOfConversation } from '../../ids.ts'
import { type Delivery, followUpMs, type Inbox, type Pointer } from '../../store.ts'
import type { Accepted, Incoming, PendingTurn, Place } from '../../types.ts'
import type { Database } from './database.ts'
import type { Entry, Homes } from './homes.ts'
import type { Marks } from './marks.ts'
import { whoIs } from './people.ts'
import type { Shelf } from './shelf.ts'

/** Messages waiting for their answer. `homes` keeps their order and leases; here is which conversation they go to. */
export function createInbox(
  db: Database,
  { marks, homes, shelf }: { marks: Marks; homes: Homes; shelf: Shelf },
  now: () => number,
  maxWaiting: number,
): Inbox {
  return {
    accept(delivery, lease) {
      return db.write(() => {
        const accepted = store(delivery)
        if (accepted.status !== 'accepted' || !lease) return { accepted }
        const home = homeOfConversation(accepted.conversation)
        const claim = homes.held(home, lease.token) ?? homes.take(home, lease, delivery.turn)
        return claim ? { accepted, claim } : { accepted }
      })
    },
    sweep(leases) {
      return db.write(() =>
        homes.due(leases.length).flatMap((home, n) => {
          const claim = homes.take(home, leases[n]!)
          return claim ? [claim] : []
        }),
      )
    },
    pending: (conversation) => db.read(() => pendingTurns(db, conversation, now())),
    stop(conversation, turn) {
      return db.write(() => {
        const open = db.all<{ n: number; turn: string }>(
          'SELECT n, turn FROM entries WHERE conversation = ? AND answer IS NULL ORDER BY n',
          conversation,
        )
        const marked = turn === undefined ? open : open.filter((entry) => entry.turn === turn)
        for (const entry of marked) db.run('UPDATE entries SET stopped = 1 WHERE n = ?', entry.n)
        return marked.map((entry) => entry.turn)
      })
    },
    depth: () => db.read(() => db.one<{ depth: number }>('SELECT count(*) AS depth FROM queues')!.depth),
  }

  function store({ incoming, turn, conversation: fresh }: Delivery): Accepted {
    const place = homeOf(incoming.place)
    const seen = marks.seen(place, incoming.ids)
    if (seen) {
      marks.remember(place, incoming.ids, seen)
      return { status: seen.turn === turn ? 'accepted' : 'duplicate', ...seen }
    }
    const named = incoming.conversation
    if (named && !(takesPart(named, incoming.user) && isLike(named, incoming.place))) return { status: 'denied' }
    const pointer = named ? undefined : marks.pointer(place)
    // What is said in private does not get into a shared conversation, nor the other way: the place begins a fresh one.
    const pointed = pointer && isLike(pointer.conversation, incoming.place) ? pointer : undefined
    if (incoming.followUp && !named && !takesFollowUps(pointed)) return { status: 'ignored' }
    const known = named ?? pointed?.conversation
    const conversation = known ?? fresh
    const home = homeOfConversation(conversation)
    if (homes.size(home) >= maxWaiting) return { status: 'full' }
    if (!known) begin(fresh, incoming)
    if (!named) marks.point(place, conversation)
    homes.enter({ home, conversation, turn, incoming })
    marks.remember(place, incoming.ids, { turn, conversation })
    return { status: 'accepted', conversation, turn }
  }

  function takesFollowUps(pointer: Pointer | undefined): boolean {
    return pointer !== undefined && !pointer.muted && now() - pointer.usedAt < followUpMs
  }

  function takesPart(conversation: string, user: string | undefined): boolean {
    if (user === undefined) return false
    const text = 'SELECT 1 FROM members WHERE user = ? AND conversation = ?'
    return db.one(text, whoIs(db, user), conversation) !== undefined
  }

  /** Whether a conversation is as private as the place: both of one person, or both shared. */
  function isLike(conversation: string, { direct }: Place): boolean {
    return db.one('SELECT 1 FROM conversations WHERE id = ? AND direct = ?', conversation, direct ? 1 : 0) !== undefined
  }

  function begin(conversation: string, { place, user }: Incoming): void {
    const { surface, direct } = place
    shelf.begin(conversation, { surface, direct, ...(!direct && { audience: audienceOf(place) }) })
    if (user !== undefined) shelf.join(conversation, user)
  }
}

function pendingTurns(db: Database, conversation: string, now: number): PendingTurn[] {
  return db
    .all<Entry & { running: number }>(
      `SELECT e.*, coalesce(q.turn = e.turn AND q.lease_until > ?, 0) AS running
        FROM entries e LEFT JOIN queues q ON q.home = e.home
        WHERE e.conversation = ? AND e.answer IS NULL ORDER BY e.n`,
      now,
      conversation,
    )
    .map((entry) => {
      const { text, place, user, replaces } = JSON.parse(entry.incoming) as Incoming
      return {
        turn: entry.turn,
        conversation,
        text,
        at: entry.accepted_at,
        surface: place.surface,
        running: entry.running === 1,
        ...(user === undefined ? {} : { user }),
        ...(replaces === undefined ? {} : { replaces }),
      }
    })
}
