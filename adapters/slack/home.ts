import { asFault } from '../../src/errors.ts'
import type { Conversation, Sender, User } from '../../src/types.ts'
import { type Block, section, webLink } from './blocks.ts'
import type { Desk } from './desk.ts'
import { prompts } from './prompts.ts'
import { escapeText } from './readable.ts'
import { helpText } from './words.ts'

const recent = 10

/** The greeting of the agent's chat. */
export async function suggestPrompts(desk: Desk, install: string, channel: string): Promise<void> {
  const args = { channel_id: channel, title: 'Hi! How can I help?', prompts }
  await desk.api.call(install, 'assistant.threads.setSuggestedPrompts', args, { about: channel })
}

/** Who the person is here, what they talked about last, and how it works. */
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
  const { items } = await desk.chat.conversations.list(user.id, { limit: recent })
  return [
    { type: 'header', text: { type: 'plain_text', text: `Hello ${user.name}`.slice(0, 150) } },
    ...(desk.links.publicUrl
      ? [section(`<${desk.links.publicUrl}/|Open the web page> to read and continue all of this.`)]
      : []),
    { type: 'divider' },
    section('*Your last conversations*'),
    section(
      items.length > 0
        ? items
            .map((one) => line(desk, one))
            .join('\n')
            .slice(0, 3_000)
        : 'None yet. Write to me in the Messages tab.',
    ),
    { type: 'divider' },
    section(helpText({ command: true })),
  ]
}

/** Slack writes the time in each person's own zone. */
function line(desk: Desk, { id, title, updatedAt }: Conversation): string {
  const name = escapeText(title.replace(/[|\n]/g, ' ').slice(0, 80)) || 'Untitled'
  const link = webLink(desk.links, id)
  const at = Math.floor(updatedAt / 1000)
  return `• ${link ? `<${link}|${name}>` : name}, <!date^${at}^{date_short_pretty} {time}|${new Date(updatedAt).toISOString()}>`
}
