import { LRUCache } from 'lru-cache'
import { asFault, messageOf } from '../../src/errors.ts'
import { identityOf } from '../../src/ids.ts'
import type { Counters } from '../../src/store.ts'
import type { Log, PlatformChat, Sender, User } from '../../src/types.ts'
import type { Api } from './api.ts'
import { type Attendance, createAttendance } from './attendance.ts'
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

export interface Withdrawn {
  add(address: ThreadAddress): void
  has(address: ThreadAddress): boolean
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
  attendance: Attendance
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
  /** The same in place of the message with the button. */
  replace(url: string, text: string, blocks?: Block[]): Promise<void>
  /** Questions that were taken back: that they were stopped is said to nobody. */
  withdrawn: Withdrawn
  /** The first to ask for this id, on whichever instance. */
  first(id: string): Promise<boolean>
  /**
   * Do it once, however often Slack delivers what asks for it, and to however many instances: by id. If it fails, the next
   * delivery may.
   */
  once(id: string, work: () => Promise<void>): Promise<void>
  /** The same on this instance alone, which costs no look into the store. */
  onceHere(id: string, work: () => Promise<void>): Promise<void>
}

export function createWays(): Ways {
  const ways = new LRUCache<string, Way>({ max: 50_000 })
  return {
    note: (sender, way) => void ways.set(identityOf(sender), way),
    of: (sender) => ways.get(identityOf(sender)),
  }
}

function createWithdrawn(): Withdrawn {
  const messages = new LRUCache<string, true>({ max: 1_000 })
  const keyOf = ({ channel, ts }: ThreadAddress): string => `${channel} ${ts}`
  return {
    add: (address) => void messages.set(keyOf(address), true),
    has: (address) => messages.has(keyOf(address)),
  }
}

/** Slack redelivers for about six minutes. */
const rememberedMs = 15 * 60_000
const markOf = (id: string): string => `slack:${id}`

export function createDesk(
  parts: Pick<Desk, 'chat' | 'api' | 'http' | 'workspaces' | 'names' | 'ways' | 'links' | 'config' | 'log' | 'now'>,
  counters: Counters,
): { desk: Desk; idle(): Promise<void> } {
  const { chat, api, http, ways, log } = parts
  const tasks = new Set<Promise<void>>()
  const handled = new LRUCache<string, Promise<void>>({ max: 50_000, ttl: rememberedMs })

  const desk: Desk = {
    ...parts,
    withdrawn: createWithdrawn(),
    attendance: createAttendance(chat),
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
      const { install, channel, thread, ts, user, direct, inThread } = address
      // Slack shows nothing to one person alone in a thread that has not begun.
      const begun = direct || thread !== ts || inThread
      const body = { channel, ...(begun && { thread_ts: thread }), text, ...(blocks && { blocks }) }
      // In direct messages there is nobody else, and what is there for one only is gone with the next reload.
      const said = { ...body, metadata: { event_type: 'chat_note', event_payload: {} } }
      if (direct) await api.call(install, 'chat.postMessage', said, { about: channel })
      else await api.call(install, 'chat.postEphemeral', { ...body, user }, { about: channel })
    },
    respond: (url, text, blocks) =>
      http.respond(url, { response_type: 'ephemeral', replace_original: false, text, ...(blocks && { blocks }) }),
    replace: (url, text, blocks) => http.respond(url, { replace_original: true, text, ...(blocks && { blocks }) }),
    async first(id) {
      return (await counters.hit(markOf(id), rememberedMs)).count === 1
    },
    async once(id, work) {
      if (!(await desk.first(id))) return
      try {
        await work()
      } catch (thrown) {
        await counters.reset(markOf(id)).catch(() => {})
        throw thrown
      }
    },
    async onceHere(id, work) {
      const running = handled.get(id)
      if (running) return running
      const task = work()
      handled.set(id, task)
      try {
        await task
      } catch (thrown) {
        handled.delete(id)
        throw thrown
      }
    },
  }

  return {
    desk,
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks)
    },
  }
}
