import type { Bus } from '../../store.ts'
import type { JsonObject } from '../../types.ts'

interface Subscription {
  listener: (message: JsonObject) => void
}

/** One instance has nobody to talk to but itself: channels in memory. */
export function createBus(): Bus & { close(): void } {
  const channels = new Map<string, Set<Subscription>>()

  function bring(channel: string, text: string): void {
    const subscriptions = channels.get(channel)
    if (!subscriptions) return
    for (const subscription of [...subscriptions]) {
      if (!subscriptions.has(subscription)) continue
      try {
        // Each its own copy, as from a wire.
        subscription.listener(JSON.parse(text) as JsonObject)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
  }

  return {
    async publish(channel, message) {
      if (!channels.has(channel)) return
      const text = JSON.stringify(message)
      // Not inside the caller's step: a listener may publish in its turn.
      queueMicrotask(() => bring(channel, text))
    },
    async subscribe(channel, listener) {
      const subscription = { listener }
      const subscriptions = channels.get(channel) ?? new Set()
      channels.set(channel, subscriptions.add(subscription))
      return () => {
        subscriptions.delete(subscription)
        if (subscriptions.size === 0 && channels.get(channel) === subscriptions) channels.delete(channel)
      }
    },
    close: () => channels.clear(),
  }
}
