import { describe, expect, it, vi } from 'vitest'
import type { JsonObject } from '../../../src/types.ts'
import { bedFor, type Open, type Traits } from './kit.ts'

/** Messages between instances. */
export function busContract(open: Open, { sharedBus = true }: Traits): void {
  describe('bus', () => {
    const bed = bedFor(open)

    it('brings messages to every listener of a channel in order, the own instance included', async () => {
      const heard: JsonObject[][] = [[], []]
      for (const list of heard) await bed.store.bus.subscribe('c', (message) => list.push(message))
      const sent = Array.from({ length: 50 }, (_, n) => ({ n, text: 'é "x"', nested: { list: [null, true] } }))
      for (const message of sent) await bed.store.bus.publish('c', message)
      await vi.waitFor(() => expect(heard).toEqual([sent, sent]))
    })

    it('keeps the order of messages published without waiting', async () => {
      const heard: unknown[] = []
      await bed.store.bus.subscribe('c', (message) => heard.push(message.n))
      await Promise.all(Array.from({ length: 50 }, (_, n) => bed.store.bus.publish('c', { n })))
      await vi.waitFor(() => expect(heard).toEqual(Array.from({ length: 50 }, (_, n) => n)))
    })

    it('brings nothing of other channels, nothing from before and nothing after the end', async () => {
      const heard: unknown[] = []
      await bed.store.bus.publish('c', { n: 'before' })
      const end = await bed.store.bus.subscribe('c', (message) => heard.push(message.n))
      const last: unknown[] = []
      await bed.store.bus.subscribe('c', (message) => last.push(message.n))
      await bed.store.bus.publish('other', { n: 'elsewhere' })
      await bed.store.bus.publish('c', { n: 1 })
      await vi.waitFor(() => expect(heard).toEqual([1]))
      end()
      end()
      await bed.store.bus.publish('c', { n: 2 })
      await vi.waitFor(() => expect(last).toEqual([1, 2]))
      expect(heard).toEqual([1])
    })

    it('takes the same listener twice and ends only the one subscription', async () => {
      const heard: unknown[] = []
      const listener = (message: JsonObject) => heard.push(message.n)
      const end = await bed.store.bus.subscribe('c', listener)
      await bed.store.bus.subscribe('c', listener)
      end()
      await bed.store.bus.publish('c', { n: 1 })
      await bed.store.bus.publish('c', { n: 2 })
      await vi.waitFor(() => expect(heard).toEqual([1, 2]))
    })

    it.skipIf(!sharedBus)('brings messages from one instance to another', async () => {
      const other = await bed.again()
      const heard: unknown[] = []
      await bed.store.bus.subscribe('c', (message) => heard.push(message.n))
      await other.bus.publish('c', { n: 1 })
      await other.bus.publish('c', { n: 2 })
      await vi.waitFor(() => expect(heard).toEqual([1, 2]))
    })
  })
}
