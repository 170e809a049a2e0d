import type { Conversation, Side, Surface } from '../../src/types.ts'
import { type Block, type Links, plain, section, webLink } from './blocks.ts'
import { escapeText } from './readable.ts'

/** What a person is shown. The text stands alone in notifications, and where there are no blocks. */
export interface Shown {
  text: string
  blocks?: Block[]
}

export function shown(text: string, ...more: Block[]): Shown {
  return { text, ...(more.length > 0 && { blocks: [section(text), ...more] }) }
}

export const actions = (...elements: object[]): Block => ({ type: 'actions', elements })
export const context = (text: string): Block => ({ type: 'context', elements: [{ type: 'mrkdwn', text }] })

export function button(
  action: string,
  label: string,
  value: string,
  more: { style?: 'primary' | 'danger'; about?: string } = {},
) {
  const { style, about } = more
  return {
    type: 'button',
    action_id: action,
    text: plain(label),
    value,
    ...(style && { style }),
    // Read out in place of the label, where many buttons have the same.
    ...(about && { accessibility_label: `${label}: ${about}`.slice(0, 75).toWellFormed() }),
  }
}

export const surfaceNames: Record<Surface, string> = { slack: 'Slack', teams: 'Microsoft Teams', web: 'the web' }

/** A title as one line of Slack's text that neither links nor pings. */
export function titleOf({ title }: Pick<Conversation, 'title'>): string {
  return (
    escapeText(
      title
        .replace(/[|\s]+/g, ' ')
        .slice(0, 80)
        .toWellFormed(),
    ).trim() || 'Untitled'
  )
}

/** A conversation in a list: its title, where it is from, and when it was gone on with. */
export function listed(links: Links, conversation: Conversation): string {
  const { id, surface, direct, count, updatedAt } = conversation
  const link = webLink(links, id)
  const title = titleOf(conversation)
  const from = direct ? `from ${surfaceNames[surface]}` : `with others on ${surfaceNames[surface]}`
  const facts = [from, counted(count, 'message'), whenText(updatedAt, '{date_short_pretty} {time}')]
  return `*${link ? `<${link}|${title}>` : title}*\n${facts.join(' · ')}`
}

/** Slack writes a time in each person's own zone. */
export function whenText(at: number, format: string): string {
  return `<!date^${Math.floor(at / 1000)}^${format}|${new Date(at).toISOString()}>`
}

export function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}

/** Sides of a link are counted up to here, see `Side`. */
const countedUpTo = 100

/** One of two users who may become one. `here`: the workspace or organisation in whose Slack it is shown. */
export function sideText({ name, identities, conversations }: Side, here: string): string {
  const known =
    conversations >= countedUpTo ? `${countedUpTo} conversations or more` : counted(conversations, 'conversation')
  return `*${escapeText(name)}* (${accountsText(identities, here)}), ${known}`
}

/** Someone's accounts in friendly words. */
export function accountsText(identities: readonly string[], here: string): string {
  const names = identities.filter((one) => !one.startsWith('email:')).map((one) => accountText(one, here))
  return [...new Set(names)].join(', ')
}

function accountText(identity: string, here: string): string {
  const [kind, workspace = '', ...id] = identity.split(':')
  if (kind === 'slack') return workspace === here ? 'Slack' : 'another Slack workspace'
  if (kind === 'teams') return surfaceNames.teams
  if (kind === 'web') return `the web as “${escapeText(id.join(':'))}”`
  return 'single sign-on'
}
