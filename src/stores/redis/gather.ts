import type { Writable } from 'node:stream'
import { Cluster } from 'ioredis'
import type { Client } from './client.ts'

/**
 * Call before each command: those of one round of the event loop leave in one write. A write to a socket costs more than all
 * else a command does here, and a Redis that syncs to its disk answers what came together with one sync. On a Cluster each
 * command goes as it is.
 */
export function gatherFor(client: Client): () => void {
  if (client instanceof Cluster) return () => {}
  let held: Writable | undefined

  function release(): void {
    held?.uncork()
    held = undefined
  }

  return () => {
    if (held || client.status !== 'ready') return
    held = client.stream
    held.cork()
    setImmediate(release)
  }
}
