import { homeOf, homeOfConversation } from '../../ids.ts'
import { type Delivery, followUpMs, type Inbox, type Pointer } from '../../store.ts'
import type { Accepted, Incoming, PendingTurn } from '../../types.ts'
import type { Database } from './database.ts'
import type { Entry, Homes } from './homes.ts'
import type { Marks } from './marks.ts'

/** Messages waiting for their answer. `homes` keeps their order and leases; here is which conversation they go to. */
export function createInbox(db: Database, marks: Marks, homes: Homes, now: () => number, maxWaiting: number): Inbox {
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
    if (incoming.conversation && !takesPart(incoming.conversation, incoming.user)) return { status: 'denied' }
    const pointer = incoming.conversation ? undefined : marks.pointer(place)
    if (incoming.followUp && !incoming.conversation && !takesFollowUps(pointer)) return { status: 'ignored' }
    const known = incoming.conversation ?? pointer?.conversation
    const conversation = known ?? fresh
    const home = homeOfConversation(conversation)
    if (homes.size(home) >= maxWaiting) return { status: 'full' }
    if (!known) begin(fresh, incoming)
    if (!incoming.conversation) marks.point(place, conversation)
    homes.enter({ home, conversation, turn, incoming })
    marks.remember(place, incoming.ids, { turn, conversation })
    return { status: 'accepted', conversation, turn }
  }

  function takesFollowUps(pointer: Pointer | undefined): boolean {
    return pointer !== undefined && !pointer.muted && now() - pointer.usedAt < followUpMs
  }

  function takesPart(conversation: string, user: string | undefined): boolean {
    if (user === undefined) return false
    return db.one('SELECT 1 FROM members WHERE user = ? AND conversation = ?', user, conversation) !== undefined
  }

  function begin(conversation: string, { place, user }: Incoming): void {
    db.run(
      'INSERT INTO conversations (id, created_at, updated_at, surface, direct) VALUES (?, ?, ?, ?, ?)',
      conversation,
      now(),
      now(),
      place.surface,
      place.direct ? 1 : 0,
    )
    if (user === undefined) return
    db.run('INSERT INTO members (user, conversation, at) VALUES (?, ?, ?)', user, conversation, now())
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
