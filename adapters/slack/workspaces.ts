import type { Installation } from '@slack/bolt'
import { LRUCache } from 'lru-cache'
import { messageOf } from '../../src/errors.ts'
import type { Log } from '../../src/types.ts'
import { deadToken, SlackError } from './errors.ts'
import type { Clock } from './gates.ts'
import type { Send } from './http.ts'
import type { Registry } from './index.ts'
import { type Installations, installationKey } from './installations.ts'

/** Where the bot is installed: one workspace, or all of an organisation. */
export interface Workspace {
  /** The key of its installation. */
  install: string
  team?: string
  enterprise?: string
  botUserId?: string
  botId?: string
}

/** Written by our own bot. */
export function isOurs(message: { bot_id?: string; user?: string }, own: Workspace | null): boolean {
  return (
    (own?.botId !== undefined && message.bot_id === own.botId) ||
    (own?.botUserId !== undefined && message.user === own.botUserId)
  )
}

/** Where something came from, as Slack says it. */
export interface Source {
  team?: string
  enterprise?: string
  orgWide: boolean
}

/** The workspaces we are installed in, and their tokens. */
export interface Workspaces {
  /** Null: not installed there (any more). In the way of every acknowledgement, so it costs nothing as a rule. */
  find(source: Source): Promise<Workspace | null>
  byKey(install: string): Promise<Workspace | null>
  /** This workspace or organisation is one of ours. */
  has(id: string): Promise<boolean>
  /** Installations that may know the people of a workspace or organisation. Empty: none does. */
  of(id: string): Promise<Workspace[]>
  /** The bot's token. `fresher`: the last one was too old. */
  token(install: string, fresher?: boolean): Promise<string>
  /** Its token is dead, or the app was removed there. */
  gone(install: string, why: string): Promise<void>
}

const ownKey = 'own'
/** What the configured token is found to be at the start. */
const wrongToken: ReadonlySet<string> = new Set([...deadToken, 'invalid_auth', 'not_authed'])

/** One workspace with the token from the configuration. `start` finds out which one it is, for as long as that takes. */
export function ownWorkspace(options: {
  token: string
  send: Send
  timeoutMs: number
  registry?: Registry | undefined
  log: Log
  clock: Clock
}): Workspaces & { start(): Promise<void> } {
  const { token, send, registry, log, clock } = options
  let own: Workspace | null = { install: ownKey }
  let orgWide = false

  async function introduce(): Promise<boolean> {
    try {
      const me = await send('auth.test', token, {}, options.timeoutMs)
      orgWide = me.is_enterprise_install === true
      own = { install: ownKey }
      if (typeof me.team_id === 'string') own.team = me.team_id
      if (typeof me.enterprise_id === 'string') own.enterprise = me.enterprise_id
      if (typeof me.user_id === 'string') own.botUserId = me.user_id
      if (typeof me.bot_id === 'string') own.botId = me.bot_id
      log.info({ team: own.team }, 'connected to the workspace')
      if (own.team) registry?.own?.(own.team, typeof me.team === 'string' ? me.team : own.team)
      return true
    } catch (thrown) {
      if (thrown instanceof SlackError && wrongToken.has(thrown.code)) await gone(ownKey, thrown.code)
      else log.warn({ reason: messageOf(thrown) }, 'Slack does not answer yet, trying again')
      return own === null
    }
  }

  async function gone(_install: string, why: string): Promise<void> {
    if (own) log.error({ reason: why }, 'Slack does not accept SLACK_BOT_TOKEN any more; messages are not answered')
    own = null
  }

  return {
    async find({ team, enterprise }) {
      if (!own?.team) return own
      return (orgWide ? own.enterprise === enterprise : own.team === team) ? own : null
    },
    byKey: async (install) => (install === ownKey ? own : null),
    has: async (id) => own !== null && (own.team === id || own.enterprise === id),
    // As long as Slack has not said which one it is, Slack is asked about the person.
    of: async (id) => (own && (!own.team || own.team === id || own.enterprise === id) ? [own] : []),
    async token() {
      if (!own) throw new SlackError('token', 'token_revoked')
      return token
    },
    gone,
    async start() {
      for (let pause = 1_000; !(await introduce()); pause = Math.min(pause * 2, 30_000)) await clock.sleep(pause)
    },
  }
}

/** So many workspaces of one organisation are asked about a person. */
const mostWithin = 10

/** Slack renews tokens for 12 hours; two before the end is when its own client does it. */
const renewBeforeMs = 2 * 3_600_000
const lockMs = 15_000

/** Any number of workspaces, installed through OAuth. */
export function installedWorkspaces(options: {
  installations: Installations
  oauth: { clientId: string; clientSecret: string }
  send: Send
  timeoutMs: number
  log: Log
  clock: Clock
}): Workspaces & { forget(install: string): void } {
  const { installations, send, log, clock } = options
  const known = new LRUCache<string, { installation: Installation | null }>({ max: 5_000, ttl: 60_000 })
  const renewing = new Map<string, Promise<Installation>>()

  async function read(install: string): Promise<Installation | null> {
    const cached = known.get(install)
    if (cached) return cached.installation
    const installation = await installations.read(install)
    known.set(install, { installation }, installation ? {} : { ttl: 10_000 })
    return installation
  }

  async function byKey(install: string): Promise<Workspace | null> {
    const installation = await read(install)
    if (!installation?.bot) return null
    const { team, enterprise, bot } = installation
    return {
      install,
      botUserId: bot.userId,
      botId: bot.id,
      ...(team && { team: team.id }),
      ...(enterprise && { enterprise: enterprise.id }),
    }
  }

  async function of(id: string): Promise<Workspace[]> {
    const own = await byKey(id)
    if (own) return [own]
    const found = await Promise.all((await installations.within(id)).map(byKey))
    return found.filter((one) => one !== null).slice(0, mostWithin)
  }

  /** Slack takes a refresh token once: only one instance may use it, and the others take what it got. */
  async function renew(install: string, old: string): Promise<Installation> {
    for (let waited = 0; ; waited += 250) {
      const unlock = await installations.lock(install, lockMs)
      try {
        const current = await installations.read(install)
        if (!current?.bot) throw new SlackError('token', 'token_revoked')
        if (current.bot.token !== old || !current.bot.refreshToken) return current
        if (unlock) return await exchange(install, current, current.bot.refreshToken)
        if (waited >= lockMs) throw new SlackError('token', 'token_expired')
      } finally {
        await unlock?.()
      }
      await clock.sleep(250)
    }
  }

  async function exchange(install: string, current: Installation, refresh: string): Promise<Installation> {
    const { clientId, clientSecret } = options.oauth
    const fresh = await send(
      'oauth.v2.access',
      '',
      { client_id: clientId, client_secret: clientSecret, grant_type: 'refresh_token', refresh_token: refresh },
      options.timeoutMs,
    )
    const bot = {
      ...current.bot!,
      token: String(fresh.access_token),
      refreshToken: String(fresh.refresh_token),
      expiresAt: Math.floor(clock.now() / 1000) + Number(fresh.expires_in),
    }
    const renewed: Installation = { ...current, bot }
    await installations.write(install, renewed)
    return renewed
  }

  function renewOnce(install: string, old: string): Promise<Installation> {
    let running = renewing.get(install)
    if (!running) {
      running = renew(install, old).finally(() => renewing.delete(install))
      renewing.set(install, running)
    }
    return running
  }

  return {
    async find(source) {
      const install = installationKey(source)
      return install ? byKey(install) : null
    },
    byKey,
    has: async (id) => (await of(id)).length > 0,
    of,
    async token(install, fresher = false) {
      const installation = await read(install)
      const bot = installation?.bot
      if (!bot) throw new SlackError('token', 'token_revoked')
      const endsIn = bot.expiresAt === undefined ? Number.POSITIVE_INFINITY : bot.expiresAt * 1000 - clock.now()
      if (!bot.refreshToken || (!fresher && endsIn > renewBeforeMs)) return bot.token
      try {
        const renewed = await renewOnce(install, bot.token)
        known.set(install, { installation: renewed })
        return renewed.bot!.token
      } catch (thrown) {
        if (fresher || endsIn <= 0) throw thrown
        log.warn({ team: install, reason: messageOf(thrown) }, 'a token could not be renewed; the old one still holds')
        return bot.token
      }
    },
    async gone(install, why) {
      // Said once: whoever finds it deleted already keeps quiet.
      const there = await installations.read(install)
      known.set(install, { installation: null })
      if (!there) return
      await installations.remove(install)
      log.warn({ team: install, reason: why }, 'the app is not installed there any more; its installation was removed')
    },
    forget: (install) => void known.delete(install),
  }
}
