/**
 * An instance in a process of its own, to be killed: opens the file named by its first argument, claims a message and then
 * stores messages for as long as it lives, telling the id of each one once it is stored.
 */
import { homeOf, newConversationId, newId } from '../../src/ids.ts'
import { openSqlite } from '../../src/stores/sqlite/index.ts'
import type { Incoming } from '../../src/types.ts'

const [file = ''] = process.argv.slice(2)
const store = await openSqlite({ file, lock: true, maxWaiting: 1_000_000 })

async function accept(id: string, claim: boolean): Promise<void> {
  const place = { surface: 'web', workspace: 'local', channel: 'child', direct: true } as const
  const sender = { surface: 'web', workspace: 'local', id: 'ann' } as const
  const incoming: Incoming = { ids: [id], sender, place, text: id, sentAt: 0, address: {} }
  const delivery = { incoming, turn: newId(), conversation: newConversationId(homeOf(place)) }
  await store.inbox.accept(delivery, claim ? { token: newId(), ms: 3_600_000 } : undefined)
  process.stdout.write(`${id}\n`)
}

await accept('m0', true)
for (let n = 1; ; n += 2) await Promise.all([accept(`m${n}`, false), accept(`m${n + 1}`, false)])
