import { expect, test } from 'vitest'
import { createCommandReply } from '../../adapters/slack/commandReply.ts'
import { SlackError } from '../../adapters/slack/errors.ts'
import type { Answer, JsonObject } from '../../src/types.ts'
import { quietLog } from '../support/log.ts'

const final: Answer = { text: 'An answer.', stop: 'end', model: 'a model' }

/** A reply to a command, whose address goes wrong as `respond` says. */
function replyWith(respond: () => Promise<void>) {
  const saves: JsonObject[] = []
  const never = () => Promise.reject(new Error('not used here'))
  const reply = createCommandReply({
    api: { call: never, limitedUntil: () => 0 },
    http: { send: never, respond, close: async () => {} },
    workspaces: { find: never, byKey: never, of: never, has: never, token: never, gone: never },
    clock: { now: () => 0, sleep: async () => {} },
    limits: { carriedOutMs: 0 },
    address: {
      kind: 'command',
      install: 'own',
      channel: 'C1',
      user: 'U1',
      home: 'T1',
      userTeam: 'T1',
      respond: 'https://hooks.slack.com/commands/1',
      inChannel: false,
    },
    draft: { saved: null, save: async (state) => void saves.push(state) },
    about: { conversation: 'c', turn: 't' },
    links: {},
    log: quietLog(),
  })
  return { reply, saves }
}

test('what surely was not sent is sent again, to the same address', async () => {
  let calls = 0
  const { reply } = replyWith(async () => {
    if (calls++ === 0) throw new SlackError('response_url', 'unreachable', { outcome: 'not done' })
  })
  await expect(reply.done(final)).rejects.toThrow('unreachable')
  await reply.done(final)
  expect(calls).toBe(2)
})

test('that something is being sent is remembered before it is, and that it was sent after', async () => {
  const order: unknown[] = []
  const { reply, saves } = replyWith(async () => void order.push(structuredClone(saves)))
  await reply.done(final)
  expect(order).toEqual([[{ responded: 0, responding: true }]])
  expect(saves.at(-1)).toEqual({ responded: 1 })
})
