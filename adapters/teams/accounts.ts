import type { JsonObject, Side, Surface } from '../../src/types.ts'
import { show } from './asking.ts'
import { line } from './choices.ts'
import type { Desk } from './desk.ts'
import type { About } from './incoming.ts'

export const surfaceNames: Record<Surface, string> = { slack: 'Slack', teams: 'Microsoft Teams', web: 'the web' }

/** Sides are counted up to here, see `Side`. */
const countedUpTo = 100

/** Who somebody is here, and what is left of their limits. */
export async function tellWho(desk: Desk, about: About): Promise<void> {
  const user = await desk.chat.who(about.sender)
  const left = await desk.chat.left(user)
  const { publicUrl } = desk.config
  show(desk, about, {
    text: 'This is how I know you. Only you see it.',
    body: [
      line({ strong: user.name }),
      line({ strong: 'Connected accounts: ', text: accountsText(user.identities, about.sender.workspace) }),
      ...left.map(({ text }) => line({ strong: 'Your limit: ', text })),
    ],
    ...(publicUrl && {
      actions: [{ type: 'Action.OpenUrl', title: 'Your account on the web', url: `${publicUrl}/account` }],
    }),
  })
}

/** One of two users who may become one. `here`: the organisation in whose Teams it is shown. */
export function sideLine(what: string, { name, identities, conversations }: Side, here: string): JsonObject {
  const many =
    conversations >= countedUpTo ? `${countedUpTo} conversations or more` : counted(conversations, 'conversation')
  return line({ strong: `${what}: `, text: `${name} (${accountsText(identities, here)}), ${many}` })
}

/** Someone's accounts in friendly words. */
export function accountsText(identities: readonly string[], here: string): string {
  const shown = identities.filter((one) => !one.startsWith('email:'))
  return [...new Set(shown.map((one) => accountText(one, here)))].join(', ')
}

function accountText(identity: string, here: string): string {
  const [kind, workspace = '', ...id] = identity.split(':')
  if (kind === 'teams') return workspace === here ? 'Microsoft Teams' : 'Microsoft Teams of another organisation'
  if (kind === 'slack') return 'Slack'
  if (kind === 'web') return `the web as “${id.join(':')}”`
  return 'single sign-on'
}

export function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}
