import { LRUCache } from 'lru-cache'
import { asFault, messageOf } from '../../src/errors.ts'
import { identityOf } from '../../src/ids.ts'
import type { Log, PlatformChat, Sender, User } from '../../src/types.ts'
import type { Api } from './api.ts'
import type { Block, Links } from './blocks.ts'
import type { SlackConfig } from './config.ts'
import type { Http } from './http.ts'
import type { Names } from './names.ts'
import type { ThreadAddress } from './payload.ts'
import type { Workspaces } from './workspaces.ts'

/** Through which installation a person reached us: the core asks for profiles by sender alone. */
export interface Ways {
  note(sender: Sender, way: Way): void
  of(sender: Sender): Way | undefined
}

export interface Way {
  install: string
  /** They belong to another organisation than the installation. */
  external: boolean
  /** The workspace they are in themselves. */
  team?: string
}

/** What every listener works with. */
export interface Desk {
  chat: PlatformChat
  api: Api
  http: Http
  workspaces: Workspaces
  names: Names
  ways: Ways
  links: Links
  config: SlackConfig
  log: Log
  now(): number
  /** Go on without anyone waiting; failures are logged. `close` waits for it. */
  background(what: string, work: () => Promise<unknown>): void
  /** The user behind a sender; throws a `Fault` for those who may not. */
  who(sender: Sender, way: Way): Promise<User>
  /** Say something to one person, in the thread where they wrote. */
  tell(address: ThreadAddress, text: string, blocks?: Block[]): Promise<void>
  /** Answer a command or a button for that person alone. */
  respond(url: string, text: string, blocks?: Block[]): Promise<void>
  /**
   * Do it once, however often Slack delivers what asks for it: by id, on this instance. If it fails, the next delivery may.
   * False: it was done (or is being done) already.
   */
  once(id: string, work: () => Promise<void>): Promise<boolean>
}

export function createWays(): Ways {
  const ways = new LRUCache<string, Way>({ max: 50_000 })
  return {
    note: (sender, way) => void ways.set(identityOf(sender), way),
    of: (sender) => ways.get(identityOf(sender)),
  }
}

/** Slack redelivers for about six minutes. */
const rememberedMs = 15 * 60_000

export function createDesk(
  parts: Pick<Desk, 'chat' | 'api' | 'http' | 'workspaces' | 'names' | 'ways' | 'links' | 'config' | 'log' | 'now'>,
): { desk: Desk; idle(): Promise<void> } {
  const { chat, api, http, ways, log } = parts
  const tasks = new Set<Promise<void>>()
  const handled = new LRUCache<string, Promise<void>>({ max: 50_000, ttl: rememberedMs })

  const desk: Desk = {
    ...parts,
    background(what, work) {
      const task = work()
        .then(
          () => {},
          (thrown: unknown) => {
            const fault = asFault(thrown)
            log.warn({ reason: messageOf(thrown), code: fault.code }, `${what} failed`)
          },
        )
        .finally(() => tasks.delete(task))
      tasks.add(task)
    },
    who(sender, way) {
      ways.note(sender, way)
      return chat.who(sender)
    },
    async tell(address, text, blocks) {
      const { install, channel, thread, user, direct } = address
      const body = { channel, thread_ts: thread, text, ...(blocks && { blocks }) }
      // In direct messages there is nobody else, and what is there for one only is gone with the next reload.
      const said = { ...body, metadata: { event_type: 'chat_note', event_payload: {} } }
      if (direct) await api.call(install, 'chat.postMessage', said, { about: channel })
      else await api.call(install, 'chat.postEphemeral', { ...body, user }, { about: channel })
    },
    respond: (url, text, blocks) =>
      http.respond(url, { response_type: 'ephemeral', replace_original: false, text, ...(blocks && { blocks }) }),
    async once(id, work) {
      const running = handled.get(id)
      if (running) {
        await running
        return false
      }
      const task = work()
      handled.set(id, task)
      try {
        await task
      } catch (thrown) {
        handled.delete(id)
        throw thrown
      }
      return true
    },
  }

  return {
    desk,
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks)
    },
  }
}
