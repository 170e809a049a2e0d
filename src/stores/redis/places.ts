import { homeOf, homeOfConversation } from '../../ids.ts'
import { type Places, pointerMs } from '../../store.ts'
import type { Amended } from '../../types.ts'
import type { Engine } from './engine.ts'

export function openPlaces(engine: Engine): Places {
  const { connection, keys, given } = engine
  const conversationAt = (id: string) => keys.conversation(homeOfConversation(id), id)

  /** What a message from a place became there. */
  async function seen(home: string, id: string): Promise<{ conversation: string; turn: string } | null> {
    const mark = await connection.run((redis) => redis.get(keys.seen(home, id)))
    if (mark === null) return null
    const [conversation = '', turn = '', until] = mark.split(' ')
    return engine.expired(Number(until)) ? null : { conversation, turn }
  }

  return {
    async read(place) {
      const found = await connection.script('place', [keys.home(homeOf(place))], given({ pointerMs }))
      if (found === null) return null
      const [conversation, usedAt, muted] = found as [string, number, number]
      // A place elsewhere is not told when a conversation is deleted.
      const there = await connection.run((redis) => redis.exists(conversationAt(conversation)))
      return there === 1 ? { conversation, usedAt, muted: muted === 1 } : null
    },

    async point(place, conversation) {
      const home = homeOf(place)
      const born = conversation !== null && homeOfConversation(conversation) === home
      await connection.script(
        'point',
        born ? [keys.home(home), conversationAt(conversation)] : [keys.home(home)],
        given({ conversation: conversation ?? undefined, pointerMs }),
      )
    },

    async mute(place) {
      await connection.script('mute', [keys.home(homeOf(place))], given({}))
    },

    async amend(place, id, { text, title }) {
      const became = await seen(homeOf(place), id)
      if (!became) return { when: 'unknown', stopped: [] }
      const { conversation } = became
      const home = homeOfConversation(conversation)
      const [when, turn, stopped] = (await connection.script(
        'amend',
        [
          keys.home(home),
          keys.inbox(home),
          keys.due(home),
          keys.conversation(home, conversation),
          keys.messages(home, conversation),
          keys.turns(home, conversation),
          keys.updated(home),
        ],
        given({ home, conversation, turn: became.turn, title, deleted: text === null }),
        JSON.stringify(text ?? ''),
      )) as [Amended['when'], string, string[]]
      return when === 'unknown' ? { when, stopped } : { when, conversation, turn, stopped }
    },
  }
}
