import { setTimeout as sleep } from 'node:timers/promises'
import { createAfterwards } from '../../src/afterwards.ts'
import { createAnswer } from '../../src/answer.ts'
import { createChat } from '../../src/chat.ts'
import { createComposer } from '../../src/compose.ts'
import type { Fault } from '../../src/errors.ts'
import { createIdentities } from '../../src/identities.ts'
import type { Limits } from '../../src/limits.ts'
import { createLive } from '../../src/live.ts'
import { createPeople } from '../../src/people.ts'
import { createPersonal } from '../../src/personal.ts'
import type { Store } from '../../src/store.ts'
import { createTurns } from '../../src/turns.ts'
import type {
  Adapter,
  Answer,
  Incoming,
  JsonObject,
  Model,
  ModelEvent,
  Notice,
  Place,
  PlatformChat,
  Profile,
  Prompt,
  Sender,
} from '../../src/types.ts'
import { noMetrics, quietLog } from './log.ts'

/** What one person would see of one surface: messages by handle, changed in place. Outlives the instances that write to it. */
export class Screen implements Adapter {
  readonly surface = 'slack'
  delivery: Adapter['delivery'] = 'push'
  readonly messages = new Map<string, { turn: string; state: string; text: string }>()
  readonly calls: string[] = []
  /** Rejects these calls (once each), by name. */
  readonly failures: string[] = []
  profiles = new Map<string, Profile>()
  paceMs = 0
  prepare?: Adapter['prepare']
  #next = 1

  openReply(address: JsonObject, draft: { readonly saved: JsonObject | null; save(state: JsonObject): Promise<void> }) {
    const turn = String(address.turn)
    let handle = typeof draft.saved?.handle === 'string' ? draft.saved.handle : undefined
    const put = async (state: string, text: string): Promise<void> => {
      this.calls.push(`${turn} ${state}`)
      const failing = this.failures.indexOf(state)
      if (failing >= 0) {
        this.failures.splice(failing, 1)
        throw new Error(`the platform does not take ${state}`)
      }
      if (!handle) {
        handle = `m${this.#next++}`
        this.messages.set(handle, { turn, state, text })
        await draft.save({ handle })
      } else this.messages.set(handle, { turn, state, text })
    }
    return {
      paceMs: this.paceMs,
      started: async () => {
        this.calls.push(`${turn} started`)
      },
      text: (_delta: string, whole: string) => put('text', whole),
      done: (final: Answer) => put('done', final.text),
      stopped: (final: Answer) => put('stopped', final.text),
      failed: (notice: Notice) => put('failed', notice.code),
    }
  }

  async profile(sender: Sender): Promise<Profile> {
    return this.profiles.get(sender.id) ?? { name: `Name of ${sender.id}` }
  }

  /** The final messages, in the order they came up. */
  final(): { turn: string; state: string; text: string }[] {
    return [...this.messages.values()]
  }
}

export type Script = (prompt: Prompt, signal: AbortSignal) => AsyncIterable<ModelEvent>

/** A model that does what a test says; by default it repeats the question and counts what it remembers. */
export class ScriptedModel implements Model {
  readonly name = 'scripted'
  readonly kind = 'bedrock'
  limits = { context: 100_000, output: 4_000 }
  readonly prompts: Prompt[] = []
  script: Script = echo
  stream(prompt: Prompt, signal: AbortSignal): AsyncIterable<ModelEvent> {
    if (prompt.purpose === 'answer') this.prompts.push(prompt)
    return prompt.purpose === 'answer' ? this.script(prompt, signal) : echo(prompt)
  }
  async close(): Promise<void> {}
}

export async function* echo(prompt: Prompt): AsyncIterable<ModelEvent> {
  const question = prompt.messages.at(-1)?.text ?? ''
  yield { type: 'text', text: 'You said: ' }
  yield { type: 'text', text: question }
  yield { type: 'end', stop: 'end', model: 'scripted', usage: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 } }
}

/** Says the pieces, then waits to be aborted. */
export function hanging(...pieces: string[]): Script {
  return async function* (_prompt, signal) {
    for (const text of pieces) yield { type: 'text', text }
    await new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}

export function failing(fault: Fault, ...pieces: string[]): Script {
  return async function* () {
    for (const text of pieces) yield { type: 'text', text }
    throw fault
  }
}

export interface Instance {
  chat: PlatformChat
  turns: ReturnType<typeof createTurns>
  log: ReturnType<typeof quietLog>
  live: Awaited<ReturnType<typeof createLive>>
  /** As `kill -9`: no call of this instance reaches the store or a surface any more. */
  kill(): void
  /** Drain it, unless it was killed. */
  end(): Promise<void>
}

/** Nothing is limited, and nothing is written down. */
export const freeLimits: Limits = {
  enter: async () => ({ settle: async () => undefined }),
  left: async () => [],
  note: () => {},
  carry: async () => {},
  idle: async () => {},
}

/** One running instance of the service over a store, without any server. */
export async function startInstance(options: {
  store: Store
  adapters: Adapter[]
  model: Model
  maxTurns?: number
  leaseMs?: number
  sweepMs?: number
  cacheMs?: number
}): Promise<Instance> {
  const { model } = options
  const fuse = { blown: false }
  const store = mortal(options.store, fuse)
  const log = quietLog()
  const adapters = new Map(options.adapters.map((adapter) => [adapter.surface, mortal(adapter, fuse)]))
  const live = await createLive(store.bus, log)
  const people = createPeople({
    users: store.users,
    bus: store.bus,
    profile: async (sender) => (await adapters.get(sender.surface)?.profile(sender)) ?? { name: sender.id },
    audit: { record: async () => {} },
    log,
  })
  const composer = createComposer({
    model,
    cache: store.cache,
    systemPrompt: 'Be kind.',
    limits: freeLimits,
    cacheMs: options.cacheMs ?? 0,
  })
  const afterwards = createAfterwards({ model, conversations: store.conversations, limits: freeLimits, log })
  const work = createAnswer({
    store,
    composer,
    adapters,
    people,
    live,
    log,
    metrics: noMetrics,
    committed: afterwards.committed,
  })
  const turns = createTurns({
    store,
    work,
    log,
    metrics: noMetrics,
    maxTurns: options.maxTurns ?? 50,
    leaseMs: options.leaseMs ?? 300,
    sweepMs: options.sweepMs ?? 25,
  })
  await turns.start()
  const audit = { record: async () => {} }
  const personal = createPersonal({ store, stop: turns.stop, people, audit })
  const linking = createIdentities({ ...store, people, audit })
  function kill(): void {
    fuse.blown = true
  }
  return {
    chat: createChat({ store, turns, live, people, limits: freeLimits, personal, linking }),
    turns,
    log,
    live,
    kill,
    end: async () => (fuse.blown ? undefined : turns.drain(0)),
  }
}

/** The same object until the fuse is blown; then every call of it (and of what it returned before) hangs for ever. */
function mortal<T extends object>(target: T, fuse: { blown: boolean }): T {
  return new Proxy(target, {
    get(from, key) {
      const value = Reflect.get(from, key, from)
      if (typeof value === 'function') {
        return (...args: unknown[]) => {
          if (fuse.blown) return new Promise(() => {})
          const result = value.apply(from, args)
          if (result instanceof Promise) return result.then((settled) => (fuse.blown ? new Promise(() => {}) : settled))
          return result !== null && typeof result === 'object' ? mortal(result, fuse) : result
        }
      }
      return value !== null && typeof value === 'object' && !(value instanceof Map)
        ? mortal(value as object, fuse)
        : value
    },
  })
}

let count = 0
/** A message as the Slack adapter could have understood it. */
export function message(
  text: string,
  more: Partial<Incoming> & { in?: string; thread?: string; from?: string } = {},
): Incoming {
  const { in: channel = 'D1', thread, from = 'U1', ...rest } = more
  const id = `m${++count}`
  const place: Place = {
    surface: 'slack',
    workspace: 'T1',
    channel,
    direct: channel.startsWith('D'),
    ...(thread && { thread }),
  }
  return {
    ids: [id],
    sender: { surface: 'slack', workspace: 'T1', id: from },
    place,
    text,
    sentAt: Date.now(),
    address: { turn: rest.ids?.[0] ?? id },
    ...rest,
  }
}

/** Wait until something holds; the test's own time-out is the limit. */
export async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    const found = await look()
    if (found) return found as NonNullable<T>
    await sleep(5)
  }
}
