import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { notice } from '../../src/errors.ts'
import { ids, plain } from './blocks.ts'
import type { Desk } from './desk.ts'
import { placeOf } from './incoming.ts'
import { actorOf, fieldOf, type Submission } from './interactions.ts'
import type { Interaction, MessageEvent, ThreadAddress } from './payload.ts'

/** “Ask about this”, from the menu of a message. */
export interface MessageAction extends Interaction {
  callback_id?: string
  trigger_id?: string
  channel?: { id?: string }
  message?: MessageEvent & { username?: string }
  message_ts?: string
}

/** What the dialog carries: 3,000 characters. */
const carried = z.object({
  channel: z.string(),
  ts: z.string(),
  thread: z.string(),
  author: z.string(),
  text: z.string(),
  /** In a channel that is shared with another organisation. */
  shared: z.boolean(),
})
const quoteChars = 1_500
/** How long a dialog waits for what Slack says of its channel. */
const lookMs = 1_000

export async function openQuestion(desk: Desk, body: MessageAction): Promise<void> {
  const actor = await actorOf(desk, body, false)
  const { trigger_id, channel, message } = body
  const ts = message?.ts ?? body.message_ts
  if (!actor || !trigger_id || !channel?.id || !ts) return
  const { install } = actor.own
  const about = {
    channel: channel.id,
    ts,
    thread: message?.thread_ts ?? ts,
    author: message?.user ?? message?.username ?? '',
    text: (message?.text ?? '').slice(0, quoteChars).toWellFormed(),
  }
  desk.background('opening a dialog', async () => {
    // A shortcut does not say it, and the thread's place depends on it. The click opens a dialog for three seconds only.
    const shared = await Promise.race([desk.names.isShared(install, channel.id!), sleep(lookMs, false, { ref: false })])
    const view = questionView(JSON.stringify({ ...about, shared }))
    await desk.api.call(install, 'views.open', { trigger_id, view })
  })
}

function questionView(metadata: string) {
  return {
    type: 'modal',
    callback_id: ids.question,
    title: plain('Ask about this'),
    submit: plain('Ask'),
    close: plain('Cancel'),
    private_metadata: metadata,
    blocks: [
      {
        type: 'input',
        block_id: ids.question,
        label: plain('What do you want to know about this message?'),
        element: { type: 'plain_text_input', action_id: ids.question, multiline: true, max_length: 3_000 },
        hint: plain('The answer comes as a thread below the message, for all to see who see the message.'),
      },
    ],
  }
}

/** The question itself; resolves with what is wrong with it, if something is. */
export async function askAbout(desk: Desk, body: Submission): Promise<string | undefined> {
  const about = carried.parse(JSON.parse(body.view?.private_metadata ?? ''))
  const { channel, thread, ts, shared } = about
  const actor = await actorOf(desk, body, shared)
  const text = fieldOf(body, ids.question).trim()
  if (!actor || !body.view?.id) return notice('not_found').text
  if (text === '') return notice('empty_message').text
  const address: ThreadAddress = {
    kind: 'thread',
    install: actor.own.install,
    channel,
    thread,
    ts,
    user: actor.sender.id,
    home: actor.sender.workspace,
    userTeam: actor.userTeam,
    // It may be a direct message of two other people: then the answer must find another way.
    direct: false,
    ...(shared && { shared }),
    ...(actor.way.external && { external: true }),
    quote: { author: about.author, text: about.text },
    asked: text,
  }
  const { status } = await desk.chat.accept({
    ids: [`dialog:${body.view.id}`],
    sender: actor.sender,
    place: placeOf({ tenant: actor.tenant, channel, thread, direct: false, shared }),
    text,
    sentAt: desk.now(),
    address,
  })
  return status === 'full' ? notice('inbox_full').text : undefined
}
