import { alone } from './alone.ts'
import { messageOf } from './errors.ts'
import type { Bus, Vault } from './store.ts'
import type { JsonObject, Log } from './types.ts'

/** A setting that admins change while the service runs: the same on every instance within a moment. */
export interface Setting<T> {
  /** As it is known here now. */
  current(): T
  /** Change what is stored, one change after the other over all instances, and tell them. */
  change(step: (stored: JsonObject) => JsonObject): Promise<void>
  /** Read it, and follow its changes from now on. */
  start(): Promise<void>
  close(): void
}

/** An instance that missed a change sees it after so long. */
const rereadMs = 60_000

/** `read` makes a value out of what is stored, whatever that is; `initial` holds until something was stored. */
export function createSetting<T extends object>(options: {
  name: string
  initial: T
  read(stored: JsonObject): T
  vault: Pick<Vault, 'get' | 'set' | 'lock'>
  bus: Bus
  log: Log
}): Setting<T> {
  const { vault, bus, log, initial } = options
  const key = `setting:${options.name}`
  const channel = 'settings'
  let value = initial
  let timer: NodeJS.Timeout | undefined
  let unsubscribe: (() => void) | undefined

  async function stored(): Promise<JsonObject | null> {
    const text = await vault.get(key)
    return text === null ? null : (JSON.parse(text) as JsonObject)
  }

  async function load(): Promise<void> {
    const found = await stored()
    value = found ? options.read(found) : initial
  }

  function reload(): void {
    load().catch((thrown: unknown) =>
      log.warn({ reason: messageOf(thrown) }, 'settings could not be read; what was known holds on'),
    )
  }

  return {
    current: () => value,
    async change(step) {
      await alone(vault, key, async () => {
        const next = step((await stored()) ?? {})
        await vault.set(key, JSON.stringify(next))
        value = options.read(next)
      })
      await bus.publish(channel, { name: options.name }).catch((thrown: unknown) => {
        log.warn({ reason: messageOf(thrown) }, 'other instances could not be told of a changed setting')
      })
    },
    async start() {
      unsubscribe = await bus.subscribe(channel, ({ name }) => {
        if (name === options.name) reload()
      })
      await load()
      timer = setInterval(reload, rereadMs)
      timer.unref()
    },
    close() {
      clearInterval(timer)
      unsubscribe?.()
    },
  }
}
