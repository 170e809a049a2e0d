import { LRUCache } from 'lru-cache'
import type { Log, Profile } from '../../src/types.ts'
import type { Api } from './api.ts'
import { codeOf } from './errors.ts'

/** Names of people and channels, by their ids. */
export interface Names {
  /** What Slack says of a person. */
  profile(install: string, user: string): Promise<Profile & { external: boolean }>
  person(install: string, user: string): Promise<string | undefined>
  channel(install: string, channel: string): Promise<string | undefined>
  /** Shared with other organisations (Slack Connect), as far as Slack tells. */
  isShared(install: string, channel: string): Promise<boolean>
  /** The same without asking Slack. */
  known: {
    person(install: string, user: string): string | undefined
    channel(install: string, channel: string): string | undefined
  }
}

/** What we read of `users.info`. */
interface SlackUser {
  name?: string
  real_name?: string
  deleted?: boolean
  is_bot?: boolean
  is_restricted?: boolean
  is_ultra_restricted?: boolean
  is_stranger?: boolean
  is_email_confirmed?: boolean
  tz?: string
  locale?: string
  profile?: { display_name?: string; real_name?: string; email?: string }
}

const cached = { max: 20_000, ttl: 60 * 60_000 }

export function createNames(options: { api: Api; log: Log }): Names {
  const { api, log } = options
  const people = new LRUCache<string, string>(cached)
  const channels = new LRUCache<string, { name?: string; shared: boolean }>(cached)
  const keyOf = (install: string, id: string): string => `${install} ${id}`

  async function profile(install: string, user: string): Promise<Profile & { external: boolean }> {
    const result = await api.call(install, 'users.info', { user, include_locale: true }, { about: user })
    const info = (result.user ?? {}) as SlackUser
    const name = oneLine(info.real_name || info.profile?.real_name || info.profile?.display_name || info.name || user)
    people.set(keyOf(install, user), name)
    const email = info.profile?.email
    return {
      name,
      external: info.is_stranger === true,
      ...(email && { email, emailVerified: info.is_email_confirmed === true && !info.is_stranger }),
      ...((info.is_restricted || info.is_ultra_restricted) && { guest: true }),
      ...((info.deleted || info.is_bot) && { inactive: true }),
      ...(info.locale && { locale: info.locale }),
      ...(info.tz && { timeZone: info.tz }),
    }
  }

  /** It is nice to have: without a name the id stays. */
  async function orNothing<T>(what: Promise<T>): Promise<T | undefined> {
    try {
      return await what
    } catch (thrown) {
      log.debug({ code: codeOf(thrown) }, 'a name could not be found out')
      return undefined
    }
  }

  async function channelInfo(install: string, channel: string): Promise<{ name?: string; shared: boolean }> {
    const known = channels.get(keyOf(install, channel))
    if (known) return known
    const result = await api.call(install, 'conversations.info', { channel }, { about: channel })
    const { name, is_ext_shared } = (result.channel ?? {}) as { name?: string; is_ext_shared?: boolean }
    const info = { shared: is_ext_shared === true, ...(name && { name }) }
    channels.set(keyOf(install, channel), info)
    return info
  }

  return {
    profile,
    person: (install, user) =>
      orNothing((async () => people.get(keyOf(install, user)) ?? (await profile(install, user)).name)()),
    channel: (install, channel) => orNothing(channelInfo(install, channel).then(({ name }) => name)),
    isShared: async (install, channel) =>
      (await orNothing(channelInfo(install, channel).then(({ shared }) => shared))) === true,
    known: {
      person: (install, user) => people.get(keyOf(install, user)),
      channel: (install, channel) => channels.get(keyOf(install, channel))?.name,
    },
  }
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
}
