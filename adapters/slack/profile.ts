import type { Profile, Sender } from '../../src/types.ts'
import type { SlackConfig } from './config.ts'
import type { Way, Ways } from './desk.ts'
import { codeOf, SlackError } from './errors.ts'
import type { Clock } from './gates.ts'
import type { Names } from './names.ts'
import type { Workspaces } from './workspaces.ts'

type Rules = Pick<SlackConfig, 'allowedTeams' | 'allowGuests' | 'allowExternal'>

/**
 * While Slack is down it is asked again, with these pauses: whom we never met cannot be answered without it, and nothing
 * could be shown to them meanwhile.
 */
const pausesMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000]

/** What Slack says of a person, and by the operator's rules whether they count as a guest: guests are refused. */
export function createProfile(options: {
  names: Names
  workspaces: Workspaces
  ways: Ways
  rules: Rules
  clock: Clock
}) {
  const { names, workspaces, ways, rules, clock } = options

  return async function profile(sender: Sender): Promise<Profile> {
    for (const way of await waysTo(sender)) {
      if (!(await isAllowedTeam(sender, way))) continue
      try {
        return await told(sender, way)
      } catch (thrown) {
        // Of strangers Slack may tell nothing at all.
        if (!unknown.has(codeOf(thrown))) throw thrown
      }
    }
    return { name: sender.id, guest: true }
  }

  /**
   * The way they came; who signs in without ever having written here (or not to this instance) is known where their workspace is
   * installed, and nowhere else.
   */
  async function waysTo(sender: Sender): Promise<Way[]> {
    const way = ways.of(sender)
    if (way) return [way]
    return (await workspaces.of(sender.workspace)).map(({ install }) => ({ install, external: false }))
  }

  async function told(sender: Sender, way: Way): Promise<Profile> {
    const { external: stranger, guest, ...found } = await patiently(() => names.profile(way.install, sender.id))
    const external = (way.external || stranger) && !(await workspaces.has(sender.workspace))
    const listed = rules.allowedTeams.includes(sender.workspace)
    const refused = (guest && !rules.allowGuests) || (external && !rules.allowExternal && !listed)
    return { ...found, ...(refused && { guest: true }) }
  }

  async function patiently<T>(look: () => Promise<T>): Promise<T> {
    for (const pause of pausesMs) {
      try {
        return await look()
      } catch (thrown) {
        const down = thrown instanceof SlackError && (thrown.outcome === 'unknown' || thrown.code === 'unreachable')
        if (!down) throw thrown
        await clock.sleep(pause)
      }
    }
    return look()
  }

  async function isAllowedTeam(sender: Sender, { install, external, team }: Way): Promise<boolean> {
    if (rules.allowedTeams.length === 0) return true
    const own = external ? null : await workspaces.byKey(install)
    const theirs = [sender.workspace, ...(external ? [] : [team, own?.team, own?.enterprise])]
    return theirs.some((id) => id !== undefined && rules.allowedTeams.includes(id))
  }
}

const unknown = new Set(['user_not_found', 'user_not_visible'])
