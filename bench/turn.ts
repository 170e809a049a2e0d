import { homeOf, newConversationId, newId } from '../src/ids.ts'
import type { Store } from '../src/store.ts'
import { openRedis } from '../src/stores/redis/index.ts'
import { startRedis } from '../test/support/redis.ts'
import { message, Screen, ScriptedModel, startInstance } from '../test/support/world.ts'
import { median } from './clock.ts'
import type { Row } from './row.ts'

const [short, long] = [10, 10_000]
const rounds = 400

/** What a turn costs in a short conversation and in a very long one, on Redis, in turns about. */
export async function run(): Promise<Row[]> {
  const redis = await startRedis()
  const store = await openRedis({ url: redis.url, prefix: 'bench:' })
  const instance = await startInstance({ store, adapters: [new Screen()], model: new ScriptedModel() })
  try {
    await fill(store, 'D-short', short)
    await fill(store, 'D-long', long)
    const times: Record<string, number[]> = { 'D-short': [], 'D-long': [] }
    // Each turn replaces the one before, so that the conversations keep their lengths.
    const last: Record<string, string> = {}
    for (let round = 0; round < rounds; round++) {
      for (const channel of round % 2 ? ['D-short', 'D-long'] : ['D-long', 'D-short']) {
        const began = performance.now()
        const accepted = await instance.chat.accept(
          message('how are you?', { in: channel, ...(last[channel] && { replaces: last[channel] }) }),
        )
        if (!('turn' in accepted)) throw new Error(accepted.status)
        await instance.chat.settled(accepted.conversation, accepted.turn, 10_000)
        times[channel]?.push(performance.now() - began)
        last[channel] = accepted.turn
      }
    }
    const [ours, base] = [median(times['D-long'] ?? []), median(times['D-short'] ?? [])]
    const name = `a turn in a conversation of ${long.toLocaleString('en')} messages, against one of ${short}`
    return [{ name, ours, base, ratio: ours / base, unit: 'ms', goal: 'at most 1.10x' }]
  } finally {
    await instance.turns.drain(1_000)
    await store.close()
    await redis.stop()
  }
}

/** A conversation with so many messages, written as turns write them. */
async function fill(store: Store, channel: string, messages: number): Promise<void> {
  for (let written = 0; written < messages; ) {
    const incoming = message('a question of some length, as people ask them', { in: channel })
    const delivery = { incoming, turn: newId(), conversation: newConversationId(homeOf(incoming.place)) }
    const { claim } = await store.inbox.accept(delivery, { token: newId(), ms: 10_000 })
    if (!claim) throw new Error('not claimed')
    const count = Math.min(200, messages - written)
    const answer = { text: 'An answer.', stop: 'end' as const, model: 'bench' }
    await store.leases.commit(claim, {
      messages: Array.from({ length: count }, (_, i) => ({
        turn: claim.turn,
        role: i % 2 ? ('assistant' as const) : ('user' as const),
        text: 'some words that were said before, about one line of them',
        at: Date.now(),
        surface: 'slack' as const,
      })),
      delivered: true,
      answer,
      participants: [],
    })
    written += count
  }
}
