import { z } from 'zod'
import { asFault, Fault, messageOf } from '../../src/errors.ts'
import type { Activity } from './activity.ts'
import type { Desk } from './desk.ts'
import { whereabouts } from './incoming.ts'

const feedbackSchema = z.object({
  actionName: z.literal('feedback'),
  actionValue: z.object({
    reaction: z.enum(['like', 'dislike']),
    feedback: z.unknown().optional(),
  }),
})

const commentChars = 2_000

/** 👍 or 👎 below an answer, with what the person wrote about it. False: it is something else. */
export async function takeFeedback(desk: Desk, activity: Activity): Promise<boolean> {
  if (activity.name !== 'message/submitAction') return false
  const feedback = feedbackSchema.safeParse(activity.value)
  if (!feedback.success) return false
  const about = whereabouts(activity, activity.recipient?.id ?? '', desk.clock.now())
  if (!about || !activity.replyToId) return true
  desk.people.met(about.address)
  const answer = await desk.answers.of(about.address, activity.replyToId)
  if (!answer) {
    desk.log.info({}, 'feedback on a message that is not known (any more)')
    return true
  }
  const { reaction, feedback: said } = feedback.data.actionValue
  const comment = commentOf(said)
  try {
    const user = await desk.chat.who(about.sender)
    await desk.chat.conversations.rate(user.id, answer.conversation, answer.turn, {
      value: reaction === 'like' ? 'up' : 'down',
      ...(comment && { comment }),
    })
  } catch (thrown) {
    // In a group everybody sees the thumbs; who did not take part in the conversation has no say in it.
    if (!(thrown instanceof Fault) || asFault(thrown).code === 'store_unavailable') throw thrown
    desk.log.info({ reason: messageOf(thrown) }, 'feedback was not taken')
  }
  return true
}

/** Teams sends the form's content as JSON in a string; other clients as an object. */
function commentOf(said: unknown): string {
  let form = said
  if (typeof said === 'string') {
    try {
      form = JSON.parse(said)
    } catch {
      return said.trim().slice(0, commentChars)
    }
  }
  const text = (form as { feedbackText?: unknown } | null)?.feedbackText
  return typeof text === 'string' ? text.trim().slice(0, commentChars).toWellFormed() : ''
}
