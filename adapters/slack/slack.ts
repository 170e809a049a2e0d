import express, { type Router } from 'express'
import type { Adapter } from '../../src/types.ts'
import { createApi, systemClock } from './api.ts'
import { createBolt } from './bolt.ts'
import { createCipher } from './cipher.ts'
import { createCommandReply } from './commandReply.ts'
import { defaults } from './config.ts'
import { createPrepare } from './context.ts'
import { createDesk, createWays } from './desk.ts'
import { createHttp } from './http.ts'
import type { Slack, SlackOptions } from './index.ts'
import { createInstallations } from './installations.ts'
import { createNames } from './names.ts'
import { oauthRoutes } from './oauth.ts'
import { createPace } from './pace.ts'
import { readAddress } from './payload.ts'
import { createProfile } from './profile.ts'
import { createIntake } from './receiver.ts'
import { createThreadReply } from './reply.ts'
import { eventRoutes } from './routes.ts'
import { createSocket } from './socket.ts'
import { createThread } from './thread.ts'
import { installedWorkspaces, ownWorkspace } from './workspaces.ts'

/** See `createSlack`. */
export function openSlack(options: SlackOptions): Slack {
  const { config, chat, log, clock = systemClock } = options
  const limits = { ...defaults, ...config.limits }
  const apiUrl = config.apiUrl ?? 'https://slack.com/api/'
  const http = createHttp(apiUrl, limits.callMs)
  const base = { send: http.send, timeoutMs: limits.callMs, log, clock }
  const routes: Router[] = []
  const own = config.botToken
    ? ownWorkspace({ token: config.botToken, registry: options.registry, ...base })
    : undefined
  const workspaces = own ?? manyWorkspaces()

  function manyWorkspaces() {
    const { oauth } = config
    if (!oauth || !options.vault) throw new Error('Slack needs a bot token, or OAuth and a place for its installations')
    const installations = createInstallations(options.vault, createCipher(oauth.encryptionKeys), options.registry)
    const many = installedWorkspaces({ installations, oauth, ...base })
    routes.push(
      oauthRoutes({
        config: { ...config, oauth },
        apiUrl,
        timeoutMs: limits.callMs,
        installations,
        changed: many.forget,
        log,
      }),
    )
    return many
  }

  const api = createApi({ send: http.send, workspaces, timeoutMs: limits.callMs, log, clock })
  const names = createNames({ api, log })
  const links = config.publicUrl ? { publicUrl: config.publicUrl } : {}
  const ways = createWays()
  const now = clock.now
  const { desk, idle } = createDesk(
    { chat, api, http, workspaces, names, ways, links, config, log, now },
    options.counters,
  )
  const intake = createIntake(log)
  createBolt({ desk, intake, apiUrl, log })
  const { signingSecret, appToken } = config
  if (signingSecret) routes.push(eventRoutes({ signingSecret, intake, limits, now: Date.now, log }))
  const socket = appToken ? createSocket({ appToken, apiUrl, timeoutMs: limits.callMs, intake, log, clock }) : undefined

  const pace = createPace(clock.now, limits.updateMs)
  const adapter: Adapter = {
    surface: 'slack',
    delivery: 'push',
    openReply(json, draft, about) {
      const address = readAddress(json)
      const { install, home, user, userTeam: team, external = false } = address
      ways.note({ surface: 'slack', workspace: home, id: user }, { install, external, team })
      const common = {
        draft,
        about: { conversation: about.conversation, turn: about.turn },
        links,
        log: log.child({ turn: about.turn }),
      }
      if (address.kind === 'command')
        return createCommandReply({ ...common, api, http, workspaces, clock, limits, address })
      const thread = createThread({ api, workspaces, address, turn: about.turn })
      return createThreadReply({
        ...common,
        thread,
        address,
        clock,
        limits,
        pace,
        withdrawn: () => desk.withdrawn.has(address),
      })
    },
    profile: createProfile({ names, workspaces, ways, rules: config, clock }),
    prepare: createPrepare({ api, names, workspaces, log }),
  }

  return {
    adapter,
    ...(routes.length > 0 && { routes: express.Router().use(...routes) }),
    async start() {
      if (own) desk.background('finding the workspace', own.start)
      socket?.start()
    },
    async close() {
      await socket?.close()
      await Promise.race([idle(), clock.sleep(limits.graceMs)])
      await http.close()
    },
  }
}
