import type { Access } from './access.ts'
import { Fault } from './errors.ts'
import { audienceOf, homeOf, newConversationId } from './ids.ts'
import type { Conversations, Places } from './store.ts'
import type { Continued, Conversation, Place } from './types.ts'

/** How much of a conversation comes along into a copy. The model reads far less; people look back further. */
const copied = 1_000

/**
 * Going on with a conversation in another place. What is private stays private: where the readers are the same, it is
 * the very same conversation; where they are not, it is a copy that those who read along there see from its beginning.
 */
export interface Continuing {
  /** Throws `not_found` for what is not this user's. `confirmed`: the person knows who will see it. */
  continue(user: string, id: string, place: Place, confirmed?: boolean): Promise<Continued>
}

export function createContinuing(options: {
  access: Access
  conversations: Pick<Conversations, 'copy'>
  places: Pick<Places, 'point'>
}): Continuing {
  const { access, conversations, places } = options

  return {
    async continue(user, id, place, confirmed = false) {
      const { conversation } = await access.own(user, id)
      if (sameReaders(conversation, user, place)) {
        await places.point(place, id)
        return { status: 'continued', conversation: id }
      }
      if (!place.direct && !confirmed)
        return { status: 'confirm', title: conversation.title, messages: conversation.count }
      const copy = newConversationId(homeOf(place))
      const done = await conversations.copy(id, {
        id: copy,
        user,
        surface: place.surface,
        direct: place.direct,
        ...(!place.direct && { audience: audienceOf(place) }),
        messages: copied,
      })
      if (!done) throw new Fault('not_found')
      await places.point(place, copy)
      return { status: 'copied', conversation: copy }
    },
  }
}

function sameReaders({ direct, audience, participants }: Conversation, user: string, place: Place): boolean {
  if (direct !== place.direct) return false
  return direct ? participants.every((id) => id === user) : audience === audienceOf(place)
}
