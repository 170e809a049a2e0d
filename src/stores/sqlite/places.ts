import { homeOf, homeOfConversation } from '../../ids.ts'
import type { Amendment, Places } from '../../store.ts'
import type { Amended, Incoming } from '../../types.ts'
import type { Database } from './database.ts'
import type { Entry, Homes } from './homes.ts'
import type { Became, Marks } from './marks.ts'
import type { Shelf } from './shelf.ts'

/** What a place continues, and what its messages became. */
export function createPlaces(db: Database, marks: Marks, homes: Homes, shelf: Shelf): Places {
  return {
    read: (place) => db.read(() => marks.pointer(homeOf(place)) ?? null),
    point(place, conversation) {
      return db.write(() => {
        if (conversation === null) marks.unpoint(homeOf(place))
        else marks.point(homeOf(place), conversation)
      })
    },
    mute: (place) => db.write(() => marks.mute(homeOf(place))),
    amend(place, id, amendment) {
      return db.write(() => {
        const became = marks.seen(homeOf(place), [id])
        return became ? amend(became, amendment) : { when: 'unknown', stopped: [] }
      })
    },
  }

  function amend(became: Became, amendment: Amendment): Amended & { stopped: string[] } {
    const { conversation } = became
    let turn = shelf.latest(conversation, became.turn)
    let when: Amended['when'] = shelf.amend(conversation, turn, amendment) ? 'answered' : 'unknown'
    const mine = new Set([turn])
    const stopped: string[] = []
    for (const entry of homes.entries(homeOfConversation(conversation))) {
      const incoming = JSON.parse(entry.incoming) as Incoming
      if (!mine.has(entry.turn) && !mine.has(incoming.replaces ?? '')) continue
      turn = entry.turn
      mine.add(turn)
      const came = amendEntry(entry, incoming, amendment)
      if (came === 'running' && amendment.text === null) stopped.push(turn)
      if (came !== 'answered') when = came
    }
    return when === 'unknown' ? { when, stopped } : { when, conversation, turn, stopped }
  }

  function amendEntry(entry: Entry, incoming: Incoming, { text, title }: Amendment): Amended['when'] {
    const deleted = text === null
    if (deleted && entry.begun === 0) {
      db.run('DELETE FROM entries WHERE n = ?', entry.n)
      homes.tidy(entry.home)
      shelf.dropEmpty(entry.conversation)
      return 'waiting'
    }
    db.run(
      'UPDATE entries SET incoming = ?, amended = ?, stopped = max(stopped, ?) WHERE n = ?',
      JSON.stringify({ ...incoming, text: text ?? '' }),
      entry.begun === 0 ? null : title,
      deleted && entry.answer === null ? 1 : 0,
      entry.n,
    )
    if (entry.begun === 0) return 'waiting'
    return entry.answer === null ? 'running' : 'answered'
  }
}
