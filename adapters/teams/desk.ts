import { LRUCache } from 'lru-cache'
import { asFault, messageOf } from '../../src/errors.ts'
import type { Cache, Counters } from '../../src/store.ts'
import type { Log, PlatformChat } from '../../src/types.ts'
import type { Clock } from './clock.ts'
import type { Limits, TeamsConfig } from './config.ts'
import { TeamsError } from './errors.ts'
import type { Address } from './incoming.ts'
import { envelope, type Message, messageActivity } from './message.ts'
import { createPatience } from './patience.ts'
import type { People } from './people.ts'
import type { Outgoing, Spot, Transport } from './transport.ts'

/** What everything that handles an activity works with. */
export interface Desk {
  chat: PlatformChat
  transport: Transport
  people: People
  config: TeamsConfig
  limits: Limits
  clock: Clock
  log: Log
  answers: Answers
  /** What is remembered for a while, over all instances. */
  cache: Cache
  /** Go on without anyone waiting; failures are logged. `close` waits for it. */
  background(what: string, work: () => Promise<unknown>): void
  /** Say something short where somebody wrote; `instead` of a message of ours (its id) if that can be changed. */
  tell(address: Address, message: Message, instead?: string): void
  /**
   * Do it once, however often Teams delivers what asks for it: by id, over all instances. If it fails, the next delivery may.
   */
  once(id: string, work: () => Promise<void>): Promise<void>
  /** The conversation on the web page, where there is one. */
  webLink(conversation: string): string | undefined
}

/** Which answer a message shows: what people think of it comes with the message's id alone. */
export interface Answers {
  remember(address: Address, message: string, about: { conversation: string; turn: string }): Promise<void>
  of(address: Address, message: string): Promise<{ conversation: string; turn: string } | null>
}

/** How long people may rate an answer. */
const ratedMs = 90 * 24 * 3_600_000
/** Teams brings an activity again for some minutes at most. */
const onceMs = 30 * 60_000

export function createAnswers(cache: Cache): Answers {
  const keyOf = ({ tenant, conversation }: Address, message: string): string =>
    `teams:answer:${tenant}:${conversation.split(';')[0]}:${message}`
  return {
    async remember(address, message, { conversation, turn }) {
      await cache.set(keyOf(address, message), JSON.stringify({ conversation, turn }), ratedMs)
    },
    async of(address, message) {
      const found = await cache.get(keyOf(address, message))
      return found ? (JSON.parse(found) as { conversation: string; turn: string }) : null
    },
  }
}

export function createDesk(
  parts: Pick<Desk, 'chat' | 'transport' | 'people' | 'config' | 'limits' | 'clock' | 'log' | 'answers' | 'cache'> & {
    counters: Counters
  },
): { desk: Desk; idle(): Promise<void> } {
  const { counters, ...rest } = parts
  const { transport, config, limits, clock, log } = parts
  const patiently = createPatience(clock)
  const tasks = new Set<Promise<void>>()
  const handled = new LRUCache<string, Promise<void>>({ max: 10_000, ttl: onceMs })

  async function first(id: string, work: () => Promise<void>): Promise<void> {
    const key = `teams:once:${id}`
    const { count } = await counters.hit(key, onceMs)
    if (count > 1) return
    try {
      await work()
    } catch (thrown) {
      await counters.reset(key).catch(() => {})
      throw thrown
    }
  }

  /** False: it cannot be changed (any more). */
  async function replace(spot: Spot, id: string, activity: Outgoing): Promise<boolean> {
    try {
      await patiently(() => transport.update(spot, id, activity, limits.callMs))
      return true
    } catch (thrown) {
      if (!(thrown instanceof TeamsError)) throw thrown
      return false
    }
  }

  const desk: Desk = {
    ...rest,
    background(what, work) {
      const task = work()
        .then(
          () => {},
          (thrown: unknown) => log.warn({ reason: messageOf(thrown), code: asFault(thrown).code }, `${what} failed`),
        )
        .finally(() => tasks.delete(task))
      tasks.add(task)
    },
    tell(address, message, instead) {
      const { serviceUrl, conversation } = address
      const spot = { serviceUrl, conversation }
      const activity = { ...messageActivity(message), ...envelope(address) }
      desk.background('a short answer', async () => {
        // After the acknowledgement: a client may show what somebody wrote only when it was taken.
        await new Promise(setImmediate)
        if (instead === undefined || !(await replace(spot, instead, activity)))
          await patiently(() => transport.send(spot, activity, limits.callMs), 'once')
      })
    },
    async once(id, work) {
      const running = handled.get(id)
      if (running) return running
      const task = first(id, work)
      handled.set(id, task)
      try {
        await task
      } catch (thrown) {
        handled.delete(id)
        throw thrown
      }
    },
    webLink: (conversation) => config.publicUrl && `${config.publicUrl}/c/${encodeURIComponent(conversation)}`,
  }

  return {
    desk,
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks)
    },
  }
}
