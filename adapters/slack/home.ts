import { asFault } from '../../src/errors.ts'
import type { Sender, User } from '../../src/types.ts'
import { type Block, section } from './blocks.ts'
import { outcomeText, recent, row } from './continuing.ts'
import type { Desk } from './desk.ts'
import { wordsFor } from './dialogues.ts'
import type { Held } from './held.ts'
import { placeOf } from './incoming.ts'
import type { Actor, Click } from './interactions.ts'
import { prompts } from './prompts.ts'
import { escapeText } from './readable.ts'
import { accountsText, titleOf } from './shown.ts'
import { helpText } from './words.ts'

/** The greeting of the agent's chat. */
export async function suggestPrompts(desk: Desk, install: string, channel: string): Promise<void> {
  const args = { channel_id: channel, title: 'Hi! How can I help?', prompts }
  await desk.api.call(install, 'assistant.threads.setSuggestedPrompts', args, { about: channel })
}

/** Who the person is here, what they have left, what they talked about last, and how it works. */
export async function publishHome(desk: Desk, install: string, sender: Sender): Promise<void> {
  const blocks = await homeBlocks(desk, install, sender)
  await desk.api.call(
    install,
    'views.publish',
    { user_id: sender.id, view: { type: 'home', blocks } },
    { about: sender.id },
  )
}

async function homeBlocks(desk: Desk, install: string, sender: Sender): Promise<Block[]> {
  let user: User
  try {
    user = await desk.who(sender, { install, external: false })
  } catch (thrown) {
    return [section(escapeText(asFault(thrown).notice.text))]
  }
  const [{ items }, left] = await Promise.all([
    desk.chat.conversations.list(user.id, { limit: recent }),
    desk.chat.left(user),
  ])
  const { publicUrl } = desk.links
  const spot = { u: sender.id, w: 'h' } as const
  return [
    { type: 'header', text: { type: 'plain_text', text: `Hello ${user.name}`.slice(0, 150).toWellFormed() } },
    section(
      [
        `I know you from ${accountsText(user.identities, sender.workspace)}. To add an account of yours, write \`link\` to me.`,
        ...left.map(({ text }) => escapeText(text)),
        ...(publicUrl ? [`<${publicUrl}/|Open the web page> to read and continue all of this.`] : []),
      ].join('\n'),
    ),
    { type: 'divider' },
    section('*Your last conversations*'),
    ...(items.length > 0
      ? items.map((one) => row(desk, one, spot))
      : [section('None yet. Write to me in the Messages tab.')]),
    { type: 'divider' },
    section(helpText({ command: true })),
  ]
}

/**
 * A conversation of the list goes on in the person's direct messages: in a thread of its own, as everything does there. Each
 * press of a Home tab that is shown anew begins one; a second press of the same does not.
 */
export async function openFromHome(desk: Desk, body: Click, actor: Actor, held: Held): Promise<void> {
  const { own, sender, way, tenant } = actor
  const { install } = own
  await desk.once(`press:${body.view?.id}:${body.view?.hash}:${held.c}`, async () => {
    const opened = await desk.api.call(install, 'conversations.open', { users: sender.id }, { about: sender.id })
    const channel = (opened.channel as { id?: string } | undefined)?.id ?? ''
    const post = async (text: string, thread?: string): Promise<string> => {
      const args = { channel, text, ...(thread && { thread_ts: thread }), unfurl_links: false }
      return String((await desk.api.call(install, 'chat.postMessage', args, { about: channel })).ts)
    }
    let thread: string | undefined
    try {
      const user = await desk.who(sender, way)
      const { conversation } = await desk.chat.conversations.open(user.id, held.c ?? '', { limit: 1 })
      thread = await post(`*${titleOf(conversation)}*`)
      const place = placeOf({ tenant, channel, thread, direct: true, shared: false })
      const done = await desk.chat.continue(user.id, conversation.id, place)
      await post(outcomeText(done, conversation, place, { ...held, w: 't' }), thread)
    } catch (thrown) {
      await post(wordsFor(desk, thrown).text, thread)
    }
  })
  await publishHome(desk, install, sender)
}
