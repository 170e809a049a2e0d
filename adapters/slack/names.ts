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
  const channels = new LRUCache<string, string>(cached)
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

  /** A name is nice to have: without it the id stays. */
  async function orNothing(what: Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await what
    } catch (thrown) {
      log.debug({ code: codeOf(thrown) }, 'a name could not be found out')
      return undefined
    }
  }

  async function channelName(install: string, channel: string): Promise<string | undefined> {
    const result = await api.call(install, 'conversations.info', { channel }, { about: channel })
    const name = (result.channel as { name?: string } | undefined)?.name
    if (name) channels.set(keyOf(install, channel), name)
    return name
  }

  return {
    profile,
    person: (install, user) =>
      orNothing((async () => people.get(keyOf(install, user)) ?? (await profile(install, user)).name)()),
    channel: (install, channel) =>
      orNothing((async () => channels.get(keyOf(install, channel)) ?? channelName(install, channel))()),
    known: {
      person: (install, user) => people.get(keyOf(install, user)),
      channel: (install, channel) => channels.get(keyOf(install, channel)),
    },
  }
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
}
