import { Writable } from 'node:stream'
import { setImmediate as immediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Client } from '../../src/stores/redis/client.ts'
import { gatherFor } from '../../src/stores/redis/gather.ts'

/** A connection that keeps what came with each write. */
function connection(status = 'ready') {
  const writes: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      writes.push(String(chunk))
      done()
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''))
      done()
    },
  })
  return { writes, stream, client: { status, stream } as unknown as Client }
}

it('sends the commands of one round of the event loop in one write', async () => {
  const { writes, stream, client } = connection()
  const gather = gatherFor(client)
  for (const command of ['a', 'b']) {
    gather()
    stream.write(command)
    await Promise.resolve()
  }
  await immediate()
  gather()
  stream.write('c')
  await immediate()
  expect(writes).toEqual(['ab', 'c'])
})

it('holds nothing back of a connection that is only being made', () => {
  const { writes, stream, client } = connection('connect')
  gatherFor(client)()
  stream.write('a')
  expect(writes).toEqual(['a'])
})
