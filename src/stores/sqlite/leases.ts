import { type Claim, type Lease, type Leases, type Outcome, type Step, seenMs } from '../../store.ts'
import type { Incoming } from '../../types.ts'
import type { Database } from './database.ts'
import type { Entry, Homes } from './homes.ts'
import type { Shelf } from './shelf.ts'

/** Work under a lease, from the first draft to the end of a turn. */
export function createLeases(db: Database, homes: Homes, shelf: Shelf, now: () => number): Leases {
  return {
    renew(claim, ms) {
      // Nobody holds a lease after a power cut.
      return db.writeLazily(() => {
        const mine = homes.owns(claim)
        if (mine) homes.extend(claim, ms)
        return mine
      })
    },
    save(claim, draft) {
      return db.write(() => {
        const mine = homes.owns(claim)
        if (mine) db.run('UPDATE entries SET draft = ? WHERE turn = ?', JSON.stringify(draft), claim.turn)
        return mine
      })
    },
    commit(claim, outcome, next) {
      return db.write(() => {
        const entry = entryOf(claim)
        if (!entry) return withoutEntry(claim, next)
        if (entry.answer === null) append(entry, claim, outcome)
        if (!outcome.delivered) return okOf(entry.amended !== null)
        return end({ ...entry, discard: outcome.discard ? 1 : entry.discard }, claim, next)
      })
    },
    settle(claim, next) {
      return db.write(() => {
        const entry = entryOf(claim)
        return entry ? end(entry, claim, next) : withoutEntry(claim, next)
      })
    },
    release(claim) {
      return db.write(() => {
        if (!homes.owns(claim)) return
        db.run('UPDATE entries SET attempt = attempt - 1 WHERE turn = ?', claim.turn)
        homes.idle(claim.home)
      })
    },
  }

  function entryOf(claim: Claim): Entry | undefined {
    return homes.owns(claim) ? db.one<Entry>('SELECT * FROM entries WHERE turn = ?', claim.turn) : undefined
  }

  function append(entry: Entry, claim: Claim, outcome: Outcome): void {
    shelf.append(entry.conversation, claim.turn, withAmendment(entry, outcome), claim.incoming.replaces)
    db.run(
      'UPDATE entries SET answer = ?, discard = ? WHERE n = ?',
      JSON.stringify(outcome.answer),
      outcome.discard ? 1 : 0,
      entry.n,
    )
  }

  /** The turn is over. */
  function end(entry: Entry, claim: Claim, next?: Lease): Step {
    db.run('DELETE FROM entries WHERE n = ?', entry.n)
    db.run(
      'INSERT INTO finished (turn, token, amended, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      claim.turn,
      claim.token,
      entry.amended === null ? 0 : 1,
      now() + seenMs,
    )
    if (entry.discard) shelf.dropEmpty(entry.conversation)
    homes.tidy(entry.home)
    return following(okOf(entry.amended !== null), claim.home, next)
  }

  /** A call whose turn this claim does not hold: repeated after its end, or overtaken. */
  function withoutEntry(claim: Claim, next?: Lease): Step {
    const finished = db.one<{ token: string; amended: number }>(
      'SELECT token, amended FROM finished WHERE turn = ?',
      claim.turn,
    )
    if (finished?.token === claim.token) return following(okOf(finished.amended === 1), claim.home, next)
    if (shelf.has(claim.conversation)) return { status: 'lost' }
    return following({ status: 'gone' }, claim.home, next)
  }

  /** With the next message of the home: the one this lease got at the first call, or else the one that is due. */
  function following(step: Step, home: string, lease?: Lease): Step {
    const next = lease && (homes.held(home, lease.token) ?? homes.take(home, lease))
    return next ? { ...step, next } : { ...step }
  }
}

const okOf = (amended: boolean): Step => (amended ? { status: 'ok', amended: true } : { status: 'ok' })

/** The question as it was amended while it was being answered. */
function withAmendment({ amended, incoming }: Entry, outcome: Outcome): Outcome {
  if (amended === null) return outcome
  const { text } = JSON.parse(incoming) as Incoming
  const messages = outcome.messages.map((message) => (message.role === 'user' ? { ...message, text } : message))
  return { ...outcome, messages, title: amended }
}
