import { Fault } from '../../src/errors.ts'
import type { Connection } from '../../src/stores/redis/connection.ts'

/**
 * The connection of an instance whose nth command (`lives`) is its last: not sent any more, or with `replyLost` sent and its
 * reply lost. All that it tries afterwards fails.
 */
export function mortal(connection: Connection, lives: number, replyLost: boolean): Connection & { commands(): number } {
  let n = 0
  const send = async <T>(command: () => Promise<T>): Promise<T> => {
    n += 1
    if (n === lives && replyLost) await command()
    if (n >= lives) throw new Fault('store_unavailable', { detail: 'it died' })
    return command()
  }
  return {
    ...connection,
    run: (command) => send(() => connection.run(command)),
    script: (...args) => send(() => connection.script(...args)),
    commands: () => n,
  }
}
