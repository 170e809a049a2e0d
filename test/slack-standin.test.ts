import { WebClient } from '@slack/web-api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../src/types.ts'
import { type FakeClock, fakeClock, type SlackStandIn, startSlack } from './support/slack/index.ts'
import { rawCall } from './support/slack/rawCall.ts'

// The stand-in is only worth something while it refuses what Slack refuses. Each rule here is one of Slack's; its events
// are in slack-standin-events.test.ts.

let clock: FakeClock
let slack: SlackStandIn

beforeEach(async () => {
  clock = fakeClock()
  slack = await startSlack({ clock, retries: false })
})
afterEach(() => slack.close())

const call = (method: string, args: Record<string, Json> = {}, token?: string | null) =>
  rawCall(slack, method, args, token)
const errorOf = async (method: string, args: Record<string, Json> = {}, token?: string | null) =>
  (await call(method, args, token)).body.error ?? 'ok'

/** A post, with a second between posts, as the limit wants it. */
async function post(args: Record<string, Json>): Promise<string> {
  await clock.advance(1_000)
  return errorOf('chat.postMessage', { channel: slack.general.id, ...args })
}

function question(channel = slack.general.id, text = 'What is new?'): string {
  return slack.say({ user: slack.ana.id, channel, text }).ts
}

const human = () => ({ recipient_team_id: slack.team.id, recipient_user_id: slack.ana.id })

async function startStream(args: Record<string, Json> = {}): Promise<{ channel: string; ts: string }> {
  const channel = slack.general.id
  const { body } = await call('chat.startStream', { channel, thread_ts: question(), ...human(), ...args })
  expect(body).toMatchObject({ ok: true, channel })
  return { channel, ts: body.ts! }
}

const section = (text: string): Json => ({ type: 'section', text: { type: 'mrkdwn', text } })
const table = (rows: number, text = 'x'): Json => ({
  type: 'table',
  rows: Array.from({ length: rows }, () => [{ type: 'raw_text', text }]),
})

describe('a token', () => {
  test('is needed, must be known, and of the right kind', async () => {
    expect(await errorOf('auth.test', {}, null)).toBe('not_authed')
    expect(await errorOf('auth.test', {}, 'xoxb-wrong')).toBe('invalid_auth')
    expect(await errorOf('auth.test', {}, slack.appToken)).toBe('not_allowed_token_type')
    expect(await errorOf('apps.connections.open', {}, slack.botToken)).toBe('not_allowed_token_type')
    expect((await call('auth.test')).body).toMatchObject({ user_id: slack.install.botUser, team_id: slack.team.id })
  })

  test('ends with the installation and with the account', async () => {
    slack.install.state = 'inactive'
    expect(await errorOf('auth.test')).toBe('account_inactive')
    slack.revokeTokens()
    expect(await errorOf('auth.test')).toBe('token_revoked')
  })

  test('does only what its scopes allow, and says which one is missing', async () => {
    slack.install.scopes.delete('chat:write')
    const { body, headers } = await call('chat.postMessage', { channel: slack.general.id, text: 'Hi' })
    expect(body).toMatchObject({ ok: false, error: 'missing_scope', needed: 'chat:write' })
    expect(body.provided).toContain('users:read')
    expect(headers.get('content-type')).toContain('application/json')
    expect((await call('auth.test')).headers.get('x-oauth-scopes')).toContain('users:read')
    slack.install.scopes.delete('im:history')
    const here = { channel: slack.dm.id, ts: question(slack.dm.id) }
    expect((await call('conversations.replies', here)).body).toMatchObject({ needed: 'im:history' })
  })

  test('may not show another name or face without its scope', async () => {
    expect(await post({ text: 'Hi', username: 'Somebody' })).toBe('missing_scope')
  })
})

describe('a call', () => {
  test('may come as a form, as JSON and as multipart', async () => {
    const channel = slack.general.id
    const headers = { authorization: `Bearer ${slack.botToken}` }
    const url = `${slack.apiUrl}chat.postMessage`
    const blocks = [section('one')]
    await call('chat.postMessage', { channel, blocks })
    await clock.advance(1_000)
    const json = { ...headers, 'content-type': 'application/json; charset=utf-8' }
    await fetch(url, { method: 'POST', headers: json, body: JSON.stringify({ channel, blocks }) })
    await clock.advance(1_000)
    const form = new FormData()
    form.append('channel', channel)
    form.append('blocks', JSON.stringify(blocks))
    await fetch(url, { method: 'POST', headers, body: form })
    expect(slack.screen(channel).messages.map((message) => message.text)).toEqual(['one', 'one', 'one'])
  })

  test('is refused in another type, another charset, or with broken JSON', async () => {
    const send = async (type: string, body: string): Promise<unknown> => {
      const headers = { authorization: `Bearer ${slack.botToken}`, 'content-type': type }
      const answer = await fetch(`${slack.apiUrl}chat.postMessage`, { method: 'POST', headers, body })
      return ((await answer.json()) as { error?: string }).error
    }
    expect(await send('text/csv', 'a,b')).toBe('invalid_post_type')
    expect(await send('application/x-www-form-urlencoded; charset=utf-16', 'channel=C1')).toBe('invalid_charset')
    expect(await send('application/json', '{"channel":')).toBe('invalid_json')
    expect(await post({ blocks: '[{' })).toBe('invalid_blocks_format')
    expect(await post({ text: 'x', metadata: '{' })).toBe('invalid_metadata_format')
  })

  test('is refused without what it needs, with what nobody knows, and to methods that are none', async () => {
    const missing = await call('chat.postMessage', { text: 'Hi' })
    expect(missing.body.error).toBe('invalid_arguments')
    expect(JSON.stringify(missing.body)).toContain('missing required field: channel')
    expect(await post({ text: 'Hi', mrkdown: true })).toBe('invalid_arguments')
    expect(await errorOf('chat.postMessages', {})).toBe('unknown_method')
  })

  test('by the real client is understood whole', async () => {
    const client = new WebClient(slack.botToken, { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } })
    await client.files.uploadV2({ channel_id: slack.general.id, content: 'a,b', filename: 'a.csv' })
    await client.reactions.add({ channel: slack.general.id, timestamp: question(), name: 'eyes' })
    const seen = slack.screen(slack.general.id).messages
    expect(seen[0]).toMatchObject({ files: ['a.csv'], ours: true })
    expect(seen[1]).toMatchObject({ reactions: ['eyes'] })
    await expect(client.chat.postMessage({ channel: 'C0NOWHERE', text: 'Hi' })).rejects.toMatchObject({
      data: { error: 'channel_not_found' },
    })
  })
})

describe('a message', () => {
  test('needs a place the bot may write to', async () => {
    const secret = slack.addChannel({ kind: 'group', members: [slack.ana.id] })
    expect(await post({ channel: slack.random.id, text: 'Hi' })).toBe('not_in_channel')
    expect(await post({ channel: secret.id, text: 'Hi' })).toBe('channel_not_found')
    slack.kick(slack.general.id)
    expect(await post({ text: 'Hi' })).toBe('not_in_channel')
    slack.archive(slack.general.id)
    expect(await post({ text: 'Hi' })).toBe('is_archived')
    expect(await post({ channel: slack.ben.id, text: 'Hi' })).toBe('ok')
  })

  test('needs something to show, said in one way', async () => {
    expect(await post({ text: '  ' })).toBe('no_text')
    expect(await post({ text: 'Hi', markdown_text: 'Hi' })).toBe('markdown_text_conflict')
    expect(await post({ blocks: [section('x')], markdown_text: 'Hi' })).toBe('markdown_text_conflict')
    expect(await post({ markdown_text: 'x'.repeat(12_001) })).toBe('msg_too_long')
    expect(await post({ markdown_text: 'x'.repeat(12_000) })).toBe('ok')
  })

  test('is cut at 40,000 characters of text without a word', async () => {
    expect(await post({ text: 'x'.repeat(40_001) })).toBe('ok')
    expect(slack.screen(slack.general.id).messages.at(-1)!.text).toHaveLength(40_000)
  })

  test.each<[string, Json[], string]>([
    ['51 blocks', Array.from({ length: 51 }, () => ({ type: 'divider' })), 'invalid_blocks'],
    [
      'more than 12,000 characters in all',
      Array.from({ length: 5 }, () => section('x'.repeat(2_500))),
      'msg_blocks_too_long',
    ],
    [
      'more than 12,000 over two Markdown blocks',
      ['x'.repeat(7_000), 'y'.repeat(7_000)].map((text) => ({ type: 'markdown', text })),
      'msg_blocks_too_long',
    ],
    ['a section over 3,000', [section('x'.repeat(3_001))], 'invalid_blocks'],
    ['an empty section', [section('')], 'invalid_blocks'],
    ['a header over 150', [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }], 'invalid_blocks'],
    ['a header in mrkdwn', [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }], 'invalid_blocks'],
    ['two tables', [table(1), table(1)], 'invalid_blocks'],
    ['101 rows', [table(101)], 'invalid_blocks'],
    [
      '21 columns',
      [{ type: 'table', rows: [Array.from({ length: 21 }, () => ({ type: 'raw_text', text: 'x' }))] }],
      'invalid_blocks',
    ],
    ['an empty table cell', [table(1, '')], 'invalid_blocks'],
    ['a table over 10,000 characters', [table(11, 'x'.repeat(1_000))], 'invalid_blocks'],
    [
      'a button value over 2,000',
      [
        {
          type: 'actions',
          elements: [
            { type: 'button', action_id: 'a', text: { type: 'plain_text', text: 'x' }, value: 'x'.repeat(2_001) },
          ],
        },
      ],
      'invalid_blocks',
    ],
    [
      'an action id over 255',
      [
        {
          type: 'actions',
          elements: [{ type: 'button', action_id: 'a'.repeat(256), text: { type: 'plain_text', text: 'x' } }],
        },
      ],
      'invalid_blocks',
    ],
    ['an unknown block', [{ type: 'sparkles' }], 'invalid_blocks'],
    [
      'an input',
      [{ type: 'input', label: { type: 'plain_text', text: 'x' }, element: { type: 'plain_text_input' } }],
      'invalid_blocks',
    ],
    [
      'two blocks with one id',
      [
        { type: 'divider', block_id: 'a' },
        { type: 'divider', block_id: 'a' },
      ],
      'invalid_blocks',
    ],
    [
      'a table, a button and feedback',
      [
        table(100),
        {
          type: 'context_actions',
          elements: [
            {
              type: 'feedback_buttons',
              action_id: 'f',
              positive_button: { text: { type: 'plain_text', text: '+' }, value: 'up' },
              negative_button: { text: { type: 'plain_text', text: '-' }, value: 'down' },
            },
          ],
        },
      ],
      'ok',
    ],
  ])('with %s', async (_, blocks, expected) => {
    expect(await post({ text: 'fallback', blocks })).toBe(expected)
  })

  test('says where a block is wrong', async () => {
    const { body } = await call('chat.postMessage', { channel: slack.general.id, blocks: [section('')] })
    expect(body.errors).toEqual(['must be more than 0 characters [json-pointer:/blocks/0/text/text]'])
    expect(await errorOf('blocks.validate', { blocks: [section('')] })).toBe('invalid_blocks')
    expect(await errorOf('blocks.validate', { blocks: [section('x')] })).toBe('ok')
  })

  test('answers in a thread only where there is one, under its parent', async () => {
    const parent = question()
    const reply = slack.say({ user: slack.ben.id, channel: slack.general.id, text: 'Yes?', thread: parent }).ts
    expect(await post({ text: 'x', thread_ts: 'yesterday' })).toBe('invalid_thread_ts')
    expect(await post({ text: 'x', thread_ts: '1700000000.000001' })).toBe('thread_not_found')
    expect(await post({ text: 'x', thread_ts: reply })).toBe('cannot_reply_to_message')
    expect(await post({ text: 'x', thread_ts: parent })).toBe('ok')
    const lonely = question()
    slack.remove({ channel: slack.general.id, ts: lonely })
    expect(await post({ text: 'x', thread_ts: lonely })).toBe('thread_not_found')
    // With replies the thread stays, under a tombstone.
    slack.remove({ channel: slack.general.id, ts: parent })
    expect(await post({ text: 'x', thread_ts: parent })).toBe('ok')
    expect(slack.screen(slack.general.id, { thread: parent }).messages[0]!.text).toBe('This message was deleted.')
  })

  test('sent twice stands twice, also with the same client_msg_id', async () => {
    const client_msg_id = '6f0c7f1e-4b43-4b61-8a3c-8b4d1a3a6f10'
    expect(await post({ text: 'Hi', client_msg_id })).toBe('ok')
    expect(await post({ text: 'Hi', client_msg_id })).toBe('ok')
    expect(slack.screen(slack.general.id).messages).toHaveLength(2)
  })

  test('for one person is seen by that person alone', async () => {
    const args = { channel: slack.general.id, user: slack.ana.id, text: 'Psst' }
    expect(await errorOf('chat.postEphemeral', args)).toBe('ok')
    expect(slack.screen(slack.general.id, { as: slack.ana.id }).messages).toHaveLength(1)
    expect(slack.screen(slack.general.id, { as: slack.ben.id }).messages).toHaveLength(0)
    const stranger = slack.addPerson({ realName: 'Cy' })
    expect(await errorOf('chat.postEphemeral', { ...args, user: stranger.id })).toBe('user_not_in_channel')
  })

  test('for one person is not seen in a thread that has not begun', async () => {
    const { ts, channel } = slack.say({ user: slack.ana.id, channel: slack.general.id, text: 'one' })
    const args = { channel, user: slack.ana.id, text: 'Psst', thread_ts: ts }
    const seen = () => slack.screen(channel, { thread: ts }).messages.filter(({ ephemeral }) => ephemeral).length
    expect(await errorOf('chat.postEphemeral', args)).toBe('ok')
    expect(seen()).toBe(0)
    slack.say({ user: slack.ben.id, channel, text: 'two', thread: ts })
    expect(await errorOf('chat.postEphemeral', args)).toBe('ok')
    expect(seen()).toBe(1)
  })
})

describe('a change of a message', () => {
  const update = (args: Record<string, Json>) => errorOf('chat.update', { channel: slack.general.id, ...args })

  test('is for the own messages, within 4,000 characters of text', async () => {
    const { body } = await call('chat.postMessage', {
      channel: slack.general.id,
      text: 'one',
      blocks: [section('one')],
    })
    const ts = body.ts!
    expect(await update({ ts: question(), text: 'mine now' })).toBe('cant_update_message')
    expect(await update({ ts: '1700000000.000001', text: 'x' })).toBe('message_not_found')
    expect(await update({ ts, text: 'x'.repeat(4_001) })).toBe('msg_too_long')
    expect(await update({ ts, text: 'x', markdown_text: 'x' })).toBe('markdown_text_conflict')
    expect(await update({ ts })).toBe('no_text')
    expect(await update({ ts, text: 'two' })).toBe('ok')
    // Text without blocks takes the old blocks away.
    expect(slack.screen(slack.general.id).messages[0]).toMatchObject({ text: 'two', edited: true })
    slack.archive(slack.general.id)
    expect(await update({ ts, text: 'three' })).toBe('is_inactive')
  })

  test('waits for a running stream to end', async () => {
    const { ts } = await startStream({ markdown_text: 'one' })
    expect(await update({ ts, text: 'two' })).toBe('streaming_state_conflict')
    await call('chat.stopStream', { channel: slack.general.id, ts })
    expect(await update({ ts, markdown_text: 'two' })).toBe('ok')
  })
})

describe('a stream', () => {
  test('outside direct messages needs a human to see it, and always a thread', async () => {
    const channel = slack.general.id
    const thread_ts = question()
    const start = (args: Record<string, Json>) => errorOf('chat.startStream', { channel, thread_ts, ...args })
    expect(await start({})).toBe('missing_recipient_team_id')
    expect(await start({ recipient_team_id: slack.team.id })).toBe('missing_recipient_user_id')
    expect(await start({ ...human(), recipient_user_id: 'U0NOBODY01' })).toBe('user_not_found')
    expect(await start({ ...human(), recipient_team_id: 'T0OTHER001' })).toBe('team_not_found')
    expect(await errorOf('chat.startStream', { channel, ...human() })).toBe('invalid_arguments')
    expect(await errorOf('chat.startStream', { channel: slack.dm.id, thread_ts: question(slack.dm.id) })).toBe('ok')
    expect(await start({ ...human(), recipient_user_id: slack.install.botUser, markdown_text: 'x' })).toBe('ok')
    // The bot itself as the recipient: an empty bubble for everyone.
    expect(slack.screen(channel, { thread: thread_ts }).messages.at(-1)!.text).toBe('')
  })

  test('takes text or chunks, never both, and stays with what it began with', async () => {
    const chunks = [{ type: 'markdown_text', text: 'two' }]
    const both = { markdown_text: 'one', chunks }
    const start = { channel: slack.general.id, thread_ts: question(), ...human() }
    expect(await errorOf('chat.startStream', { ...start, ...both })).toBe(
      'cannot_provide_both_markdown_text_and_chunks',
    )
    const stream = await startStream({ markdown_text: 'one ' })
    const append = (args: Record<string, Json>) => errorOf('chat.appendStream', { ...stream, ...args })
    expect(await append(both)).toBe('cannot_provide_both_markdown_text_and_chunks')
    expect(await append({ chunks })).toBe('streaming_mode_mismatch')
    expect(await append({})).toBe('markdown_text_or_chunks_required')
    expect(await append({ markdown_text: '' })).toBe('no_text')
    expect(await append({ chunks: [{ type: 'dance' }] })).toBe('invalid_chunks')
    expect(await append({ chunks: '{' })).toBe('invalid_chunks')
    expect(await append({ markdown_text: 'two' })).toBe('ok')
    // Its last call may bring an empty list: so the SDK ends a stream that it never filled.
    expect(await errorOf('chat.stopStream', { ...stream, chunks: [] })).toBe('ok')
  })

  test('shows tasks and plans in place, and text around them in order', async () => {
    const task = (status: string) => ({ type: 'task_update', id: 't1', title: 'Search', status })
    const stream = await startStream({ chunks: [{ type: 'markdown_text', text: 'Hm.' }, task('in_progress')] })
    await call('chat.appendStream', {
      ...stream,
      chunks: [task('complete'), { type: 'markdown_text', text: 'Found.' }],
    })
    await call('chat.stopStream', { ...stream, blocks: [section('_done_')] })
    const [parent] = slack.screen(slack.general.id).messages
    expect(slack.screen(slack.general.id, { thread: parent!.ts }).messages[1]!.text).toBe(
      'Hm.\n✓ Search\nFound.\n_done_',
    )
  })

  test('holds 11,000 bytes in all and 12,000 characters a call; what is refused is not shown', async () => {
    const stream = await startStream({ markdown_text: 'x'.repeat(6_000) })
    const append = (markdown_text: string) => errorOf('chat.appendStream', { ...stream, markdown_text })
    expect(await append('é'.repeat(2_501))).toBe('msg_too_long')
    expect(await append('é'.repeat(2_500))).toBe('ok')
    expect(await append('x')).toBe('msg_too_long')
    expect(await errorOf('chat.stopStream', { ...stream, markdown_text: 'x' })).toBe('msg_too_long')
    expect(await errorOf('chat.stopStream', stream)).toBe('ok')
    const start = { channel: slack.general.id, thread_ts: question(), ...human(), markdown_text: 'x'.repeat(12_001) }
    expect(await errorOf('chat.startStream', start)).toBe('msg_too_long')
    const thread = slack.screen(slack.general.id, { thread: start.thread_ts })
    expect(thread.messages).toHaveLength(1)
  })

  test('has one table, in however many calls it comes', async () => {
    const tables = [{ type: 'blocks', blocks: [table(1)] }]
    const stream = await startStream({ chunks: tables })
    expect(await errorOf('chat.appendStream', { ...stream, chunks: tables })).toBe('invalid_blocks')
    expect(await errorOf('chat.stopStream', { ...stream, blocks: [table(1)] })).toBe('invalid_blocks')
    expect(
      await errorOf('chat.stopStream', { ...stream, blocks: Array.from({ length: 51 }, () => section('x')) }),
    ).toBe('msg_blocks_too_many')
    expect(await errorOf('chat.stopStream', { ...stream, blocks: [section('x')] })).toBe('ok')
  })

  test('counts what a task tells twice', async () => {
    const task = { type: 'task_update', id: 't', title: 'T', status: 'complete', output: 'x'.repeat(5_500) }
    const start = { channel: slack.general.id, thread_ts: question(), ...human(), chunks: [task] }
    expect(await errorOf('chat.startStream', start)).toBe('msg_too_long')
  })

  test('is over after 300 seconds, however often it was appended to, and after its end', async () => {
    const stream = await startStream({ markdown_text: 'one' })
    await clock.advance(299_999)
    expect(await errorOf('chat.appendStream', { ...stream, markdown_text: ' two' })).toBe('ok')
    await clock.advance(1)
    expect(await errorOf('chat.appendStream', { ...stream, markdown_text: ' three' })).toBe(
      'message_not_in_streaming_state',
    )
    expect(await errorOf('chat.stopStream', stream)).toBe('message_not_in_streaming_state')
    const [parent] = slack.screen(slack.general.id).messages
    const thread = slack.screen(slack.general.id, { thread: parent!.ts })
    expect(thread.messages.at(-1)).toMatchObject({ state: 'broken', source: 'one two' })
    // Nobody took the session out of `processing`.
    expect(thread).toMatchObject({ session: 'processing', stoppable: true })
    const next = await startStream({ markdown_text: 'one' })
    expect(await errorOf('chat.stopStream', next)).toBe('ok')
    expect(await errorOf('chat.stopStream', next)).toBe('message_not_in_streaming_state')
    expect(await errorOf('chat.appendStream', { ...next, markdown_text: 'x' })).toBe('message_not_in_streaming_state')
  })

  test('belongs to the app that began it', async () => {
    const ts = question()
    const append = { channel: slack.general.id, ts, markdown_text: 'x' }
    expect(await errorOf('chat.appendStream', append)).toBe('message_not_owned_by_app')
    expect(await errorOf('chat.appendStream', { ...append, ts: '1700000000.000001' })).toBe('message_not_found')
  })

  test('in a channel grows for its recipient alone; the others see its first piece, then all', async () => {
    const stream = await startStream({ markdown_text: 'one' })
    await call('chat.appendStream', { ...stream, markdown_text: ' two' })
    const [parent] = slack.screen(slack.general.id).messages
    const seenBy = (as: string) => slack.screen(slack.general.id, { thread: parent!.ts, as }).messages.at(-1)!.text
    expect([seenBy(slack.ana.id), seenBy(slack.ben.id)]).toEqual(['one two', 'one'])
    await call('chat.stopStream', stream)
    expect(seenBy(slack.ben.id)).toBe('one two')
  })

  test('ends when a person presses stop, before the app hears of it', async () => {
    const stream = await startStream({ markdown_text: 'one' })
    const [parent] = slack.screen(slack.general.id).messages
    const [told] = slack.stop({ user: slack.ana.id, channel: slack.general.id, thread: parent!.ts })
    expect(told!.payload.event).toMatchObject({ type: 'agent_session_stopped', streaming_message_ts: [stream.ts] })
    expect(await errorOf('chat.appendStream', { ...stream, markdown_text: ' two' })).toBe('stopped_by_user')
    expect(await errorOf('chat.stopStream', stream)).toBe('message_not_in_streaming_state')
    // The status stays until the app changes it.
    const look = () => slack.screen(slack.general.id, { thread: parent!.ts })
    expect(look()).toMatchObject({ session: 'processing', messages: [{}, { state: 'stopped', source: 'one' }] })
    await call('agents.sessions.setStatus', { channel_id: slack.general.id, thread_ts: parent!.ts, status: 'active' })
    expect(look()).toMatchObject({ session: 'active', status: '', stoppable: false })
    expect(await errorOf('chat.update', { ...stream, text: 'one, then stopped' })).toBe('ok')
    expect(look().messages[1]).toMatchObject({ state: 'final', text: 'one, then stopped' })
  })
})

describe('a file', () => {
  test('is given out with the token and its scope alone; without, there is a page to sign in', async () => {
    const file = slack.addFile({ name: 'plan.txt', content: 'secret' })
    const get = async (token: string) => {
      const answer = await fetch(String(file.url_private_download), { headers: { authorization: `Bearer ${token}` } })
      return `${answer.status} ${answer.headers.get('content-type')} ${await answer.text()}`
    }
    expect(await get(slack.botToken)).toBe('200 text/plain secret')
    expect(await get('xoxb-wrong')).toBe('200 text/html <html>Sign in to Slack</html>')
    // What a Slack Connect event carries of it: only that one has to ask.
    const stub = { id: file.id!, mode: 'file_access', file_access: 'check_file_info' }
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: 'See', files: [stub] })
    expect((await call('files.info', { file: file.id! })).body.file).toMatchObject({ name: 'plan.txt', mode: 'hosted' })
    slack.install.scopes.delete('files:read')
    expect(await get(slack.botToken)).toContain('Sign in')
    expect(await errorOf('files.info', { file: file.id! })).toBe('missing_scope')
  })
})

describe('the status line', () => {
  const status = (thread_ts: string, text: string) =>
    errorOf('assistant.threads.setStatus', { channel_id: slack.dm.id, thread_ts, status: text })

  test('ends by itself after two minutes, with a message, or when it is emptied', async () => {
    const thread = question(slack.dm.id)
    const look = () => slack.screen(slack.dm.id, { thread }).status
    expect(await status(thread, 'is thinking…')).toBe('ok')
    expect(look()).toBe('is thinking…')
    await clock.advance(120_000)
    expect(look()).toBe('')
    await status(thread, 'is thinking…')
    await status(thread, '')
    expect(look()).toBe('')
    await status(thread, 'is thinking…')
    await call('chat.postMessage', { channel: slack.dm.id, thread_ts: thread, text: 'Hi' })
    expect(look()).toBe('')
  })

  test('is shared with the session: who writes last is seen', async () => {
    const thread = question(slack.dm.id)
    const session = { channel_id: slack.dm.id, thread_ts: thread, status: 'processing' }
    await call('agents.sessions.setStatus', session)
    await status(thread, 'is reading…')
    expect(slack.screen(slack.dm.id, { thread }).status).toBe('is reading…')
    await call('agents.sessions.setStatus', { ...session, status: 'active' })
    expect(slack.screen(slack.dm.id, { thread }).status).toBe('')
  })

  test('takes ten loading messages, four prompts, and titles of sessions up to 200 characters', async () => {
    const thread_ts = question(slack.dm.id)
    const channel_id = slack.dm.id
    const eleven = Array.from({ length: 11 }, (_, index) => `step ${index}`)
    const setStatus = { channel_id, thread_ts, status: 'x', loading_messages: eleven }
    expect(await errorOf('assistant.threads.setStatus', setStatus)).toBe('invalid_arguments')
    const prompts = Array.from({ length: 5 }, () => ({ title: 'a', message: 'b' }))
    expect(await errorOf('assistant.threads.setSuggestedPrompts', { channel_id, prompts })).toBe('invalid_arguments')
    const four = { channel_id, prompts: prompts.slice(1) }
    expect(await errorOf('assistant.threads.setSuggestedPrompts', four)).toBe('ok')
    expect(slack.screen(channel_id).prompts).toHaveLength(4)
    const rename = { channel_id, thread_ts, title: 'x'.repeat(200) }
    expect(await errorOf('agents.sessions.rename', rename)).toBe('session_not_found')
    const session = { channel_id, thread_ts, status: 'busy' }
    expect(await errorOf('agents.sessions.setStatus', session)).toBe('invalid_status')
    expect(await errorOf('agents.sessions.setStatus', { ...session, status: 'active' })).toBe('ok')
    expect(await errorOf('agents.sessions.rename', rename)).toBe('ok')
    expect(await errorOf('agents.sessions.rename', { ...rename, title: 'x'.repeat(201) })).toBe('invalid_name')
    expect(await errorOf('agents.sessions.setStatus', { channel_id, status: 'active' })).toBe('thread_ts_required')
  })

  test('of a session warns an app that could not be stopped', async () => {
    slack.app.events.delete('agent_session_stopped')
    const thread_ts = question(slack.dm.id)
    const { body } = await call('agents.sessions.setStatus', {
      channel_id: slack.dm.id,
      thread_ts,
      status: 'processing',
    })
    expect(body.warning).toBe('missing_agent_session_stopped_event_subscription')
    expect(() => slack.stop({ user: slack.ana.id, channel: slack.dm.id, thread: thread_ts })).toThrow('no stop button')
  })
})

describe('the limits', () => {
  test('allow one message a second in each channel, and say how long to wait', async () => {
    const say = () => call('chat.postMessage', { channel: slack.general.id, text: 'Hi' })
    expect((await say()).status).toBe(200)
    const refused = await say()
    expect(refused).toMatchObject({ status: 429, body: { ok: false, error: 'ratelimited' } })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await call('chat.postMessage', { channel: slack.dm.id, text: 'Hi' })).status).toBe(200)
    await clock.advance(1_000)
    expect((await say()).status).toBe(200)
  })

  test('allow 20 streams, 100 appends and 50 changes a minute in a workspace', async () => {
    const thread_ts = question(slack.dm.id)
    const start = () => call('chat.startStream', { channel: slack.dm.id, thread_ts })
    let ts = ''
    for (let i = 0; i < 20; i++) ts = (await start()).body.ts!
    expect((await start()).status).toBe(429)
    const append = () => call('chat.appendStream', { channel: slack.dm.id, ts, markdown_text: 'x' })
    for (let i = 0; i < 100; i++) expect((await append()).status).toBe(200)
    expect((await append()).status).toBe(429)
    const update = () => call('chat.update', { channel: slack.dm.id, ts, text: 'x' })
    for (let i = 0; i < 50; i++) expect((await update()).status).toBe(200)
    expect((await update()).status).toBe(429)
    await clock.advance(60_000)
    expect((await start()).status).toBe(200)
    expect((await append()).status).toBe(200)
  })

  test('are far lower for the history of distributed apps', async () => {
    await slack.close()
    slack = await startSlack({ clock, distribution: 'distributed', retries: false })
    const ts = question()
    for (let i = 0; i < 20; i++) slack.say({ user: slack.ana.id, channel: slack.general.id, thread: ts, text: `${i}` })
    const replies = () => call('conversations.replies', { channel: slack.general.id, ts, limit: '100' })
    expect((await replies()).body.messages).toHaveLength(15)
    expect((await replies()).status).toBe(429)
  })
})

describe('an injected fault', () => {
  const say = () => call('chat.postMessage', { channel: slack.general.id, text: 'Hi' })
  const shown = () => slack.screen(slack.general.id).messages.length

  test('hits the calls it is meant for', async () => {
    slack.fail('chat.postMessage', { kind: 'error', error: 'fatal_error' }, { skip: 1, channel: slack.general.id })
    expect((await say()).body.ok).toBe(true)
    expect((await say()).body.error).toBe('fatal_error')
    slack.fail('chat.*', { kind: 'ratelimited', retryAfter: 30 })
    const refused = await say()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30'])
    expect(slack.callsTo('chat.postMessage').map((one) => one.fault)).toEqual([undefined, 'error', 'ratelimited'])
  })

  test.each([false, true])('may lose the reply with the work done: %s', async (done) => {
    slack.fail('chat.postMessage', { kind: 'cut', done })
    await expect(say()).rejects.toThrow()
    expect(shown()).toBe(done ? 1 : 0)
    await clock.advance(1_000)
    slack.fail('chat.postMessage', { kind: 'status', status: 503, done })
    await expect(say()).rejects.toThrow(SyntaxError)
    expect(shown()).toBe(done ? 2 : 0)
    expect(slack.calls.map((one) => one.done)).toEqual([done, done])
  })

  test('may keep a caller waiting, with the work done before or after', async () => {
    slack.fail('chat.postMessage', { kind: 'slow', wait: 5_000, work: 'first' })
    const early = say()
    await slack.until(() => shown() === 1)
    await clock.advance(5_000)
    expect((await early).body.ok).toBe(true)
    const gate = Promise.withResolvers<void>()
    slack.fail('chat.postMessage', { kind: 'slow', wait: gate.promise })
    const late = say()
    await slack.until(() => slack.calls.length === 2)
    expect(shown()).toBe(1)
    gate.resolve()
    expect((await late).body.ok).toBe(true)
  })
})

describe('what a person reads', () => {
  test('is the text without its markup, with names for ids and links that show where they go', async () => {
    await post({
      markdown_text: '# Hi\n\n- **a**\n- `b`\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n[bank](https://evil.example)',
    })
    await post({ text: `<@${slack.ben.id}> in <#${slack.general.id}>: 1 &lt; 2 <https://a.example|here>` })
    const [one, two] = slack.screen(slack.general.id).messages
    expect(one!.text).toBe('Hi\n• a\n• b\nx | y\n1 | 2\nbank (https://evil.example)')
    expect(one!.source).toContain('- **a**')
    expect(two!.text).toBe('@Ben Okri in #general: 1 < 2 here (https://a.example)')
  })

  test('rings for whom it names, but not from code in Markdown', async () => {
    const pings = async (args: Record<string, Json>) => {
      await post(args)
      return slack.screen(slack.general.id).messages.at(-1)!.pings
    }
    expect(await pings({ markdown_text: 'Hey <!channel> and <@U1>' })).toEqual(['channel', 'U1'])
    expect(await pings({ markdown_text: 'Hey \\<!here>' })).toEqual(['here'])
    expect(await pings({ markdown_text: '`<!channel>`\n\n```\n<@U1>\n```\n&lt;!here&gt;' })).toEqual([])
    expect(await pings({ text: '`<!channel>`' })).toEqual(['channel'])
    expect(await pings({ text: '&lt;!channel&gt;' })).toEqual([])
    expect(await pings({ text: 'x', blocks: [section('<!subteam^S1>')] })).toEqual(['subteam:S1'])
  })
})
