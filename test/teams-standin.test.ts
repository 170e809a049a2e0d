import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../src/types.ts'
import { type FakeClock, fakeClock, startTeams, type TeamsStandIn } from './support/teams/index.ts'
import { type RawAnswer, rawCall } from './support/teams/rawCall.ts'

// The stand-in is only worth something while it refuses what Teams refuses. Each rule here is one of the connector's; what
// Teams sends is in teams-standin-events.test.ts.

let clock: FakeClock
let teams: TeamsStandIn

beforeEach(async () => {
  clock = fakeClock()
  teams = await startTeams({ clock })
})
afterEach(() => teams.close())

const call = (method: string, path: string, body?: Json | string) => rawCall(teams, method, path, body)
const at = (conversation: string, rest = '') => `conversations/${encodeURIComponent(conversation)}/activities${rest}`
const message = (text: string, more: JsonObject = {}): JsonObject => ({ type: 'message', text, ...more })

/** A post with enough time before it for every limit. */
async function post(body: JsonObject, conversation = teams.personal.id): Promise<RawAnswer> {
  await clock.advance(1_500)
  return call('POST', at(conversation), body)
}

async function posted(body: JsonObject, conversation?: string): Promise<string> {
  const answer = await post(body, conversation)
  expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String) } })
  return (answer.body as { id: string }).id
}

const piece = (text: string, info: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'typing',
  text,
  entities: [{ type: 'streaminfo', streamType: 'streaming', ...info }],
  ...more,
})
const ending = (text: string, streamId: string, more: JsonObject = {}): JsonObject => ({
  type: 'message',
  text,
  entities: [{ type: 'streaminfo', streamType: 'final', streamId }],
  ...more,
})
const begin = (text = 'Once') => posted(piece(text, { streamSequence: 1 }))
const answers = (conversation = teams.personal.id) => teams.screen(conversation).answers

const card = (body: Json[], more: JsonObject = {}): JsonObject => ({
  contentType: 'application/vnd.microsoft.card.adaptive',
  content: { type: 'AdaptiveCard', version: '1.5', body, ...more },
})

describe('the door of the connector', () => {
  test('asks for the bearer token it gave out', async () => {
    const there = at(teams.personal.id)
    for (const token of [null, 'wrong'])
      expect(await rawCall(teams, 'POST', there, message('Hi'), { token })).toMatchObject({
        status: 401,
        message: 'Authorization has been denied for this request.',
      })
    expect(teams.screen(teams.personal.id).messages).toEqual([])
  })

  test('takes JSON objects alone, under encoded ids', async () => {
    const there = at(teams.personal.id)
    expect(await rawCall(teams, 'POST', there, 'text=Hi', { type: 'text/plain' })).toMatchObject({ status: 415 })
    expect(await call('POST', there, '{"type":')).toMatchObject({ status: 400, code: 'BadSyntax' })
    expect(await call('POST', there, [message('Hi')])).toMatchObject({ status: 400 })
    const { conversation } = teams.say({ in: teams.general.id, text: 'Hello' })
    expect(await call('POST', `conversations/${conversation}/activities`, message('Hi'))).toMatchObject({ status: 400 })
    expect(await call('POST', at(conversation), message('Hi'))).toMatchObject({ status: 201 })
    expect(await call('PATCH', there, message('Hi'))).toMatchObject({ status: 404 })
  })

  test('knows its conversations, and those the bot was removed from', async () => {
    expect(await post(message('Hi'), 'a:1unknown')).toMatchObject({ status: 404, code: 'ConversationNotFound' })
    teams.uninstall(teams.group.id)
    expect(await post(message('Hi'), teams.group.id)).toMatchObject({ status: 403, code: 'BotNotInConversationRoster' })
    const roster = `conversations/${encodeURIComponent(teams.group.id)}/pagedmembers`
    expect(await call('GET', roster)).toMatchObject({ status: 403, code: 'BotNotInConversationRoster' })
  })
})

describe('an activity', () => {
  test.each<[string, JsonObject, string]>([
    ['an unknown type', { type: 'event', name: 'x' }, 'BadSyntax'],
    ['an unknown field', message('Hi', { txet: 'Hi' }), 'BadSyntax'],
    ['a text that is none', { type: 'message', text: 5 }, 'BadSyntax'],
    ['nothing in it', { type: 'message', text: '  ' }, 'BadSyntax'],
    ['another sender', message('Hi', { from: { id: '28:other' } }), 'BadArgument'],
    ['another conversation', message('Hi', { conversation: { id: 'a:1other' } }), 'BadArgument'],
    ['another channel', message('Hi', { channelId: 'slack' }), 'BadSyntax'],
    ['an attachment without its type', message('Hi', { attachments: [{ content: {} }] }), 'BadSyntax'],
    ['an attachment without content', message('Hi', { attachments: [{ contentType: 'image/png' }] }), 'BadSyntax'],
    ['an unknown entity', message('Hi', { entities: [{ type: 'https://schema.org/Thing' }] }), 'BadSyntax'],
    ['feedback of no kind', message('Hi', { channelData: { feedbackLoop: { type: 'stars' } } }), 'BadArgument'],
    [
      'both ways of feedback',
      message('Hi', { channelData: { feedbackLoop: { type: 'default' }, feedbackLoopEnabled: true } }),
      'BadArgument',
    ],
    ['seven suggestions', message('Hi', { suggestedActions: suggestions(7) }), 'BadArgument'],
    ['a suggestion that is a link', message('Hi', { suggestedActions: suggestions(1, 'openUrl') }), 'BadArgument'],
    ['a card without a version', message('', { attachments: [card([], { version: 1.5 })] }), 'BadArgument'],
    ['a card with an unknown element', message('', { attachments: [card([{ type: 'Markdown' }])] }), 'BadArgument'],
    [
      'a card whose media has no type',
      message('', { attachments: [card([{ type: 'Media', sources: [{ url: 'https://x.example' }] }])] }),
      'BadArgument',
    ],
    [
      'an Execute without its verb',
      message('', { attachments: [card([], { actions: [{ type: 'Action.Execute', title: 'Go' }] })] }),
      'BadArgument',
    ],
  ])('with %s is refused', async (_, body, code) => {
    expect(await post(body)).toMatchObject({ status: 400, code })
    expect(answers()).toEqual([])
  })

  function suggestions(count: number, type = 'imBack'): Json {
    return { actions: Array.from({ length: count }, (_, at) => ({ type, title: `T${at}`, value: `T${at}` })) }
  }

  test('may carry suggestions in a personal chat, and not beside a card', async () => {
    const suggestedActions = suggestions(2)
    expect(await post(message('Hi', { suggestedActions }), teams.group.id)).toMatchObject({ status: 400 })
    const attachments = [card([{ type: 'TextBlock', text: 'A' }])]
    expect(await post(message('Hi', { suggestedActions, attachments }))).toMatchObject({ status: 400 })
    await posted(message('Hi', { suggestedActions }))
    expect(answers()[0]!.suggested).toEqual(['T0', 'T1'])
    await posted(message('Next'))
    expect(answers()[0]!.suggested).toEqual([])
  })

  test('may mention who is there, by words it has', async () => {
    const about = (id: string, text: string): JsonObject => ({
      entities: [{ type: 'mention', text, mentioned: { id, name: 'Ben Okafor' } }],
    })
    const text = 'Ask <at>Ben Okafor</at>'
    const good = about(teams.ben.id, '<at>Ben Okafor</at>')
    expect(await post(message('Ask Ben', good), teams.group.id)).toMatchObject({ status: 400, code: 'BadArgument' })
    expect(await post(message(text, good), teams.personal.id)).toMatchObject({ status: 400, code: 'BadArgument' })
    expect(await post(message(text, about('29:1nobody', '<at>Ben Okafor</at>')), teams.group.id)).toMatchObject({
      status: 400,
    })
    await posted(message(text, good), teams.group.id)
    expect(answers(teams.group.id)[0]!.mentions).toEqual(['Ben Okafor'])
  })

  test('over 100 KB of UTF-16 is too big, with everything around it', async () => {
    expect(await post(message('x'.repeat(50_000)))).toMatchObject({ status: 413, code: 'MessageSizeTooBig' })
    const attachments = [card([{ type: 'TextBlock', text: 'x'.repeat(25_000) }])]
    expect(await post(message('x'.repeat(25_000), { attachments }))).toMatchObject({ status: 413 })
    expect(await post(message('x'.repeat(40_000)))).toMatchObject({ status: 201 })
  })

  test('in a channel stays in its thread, and only channels have threads', async () => {
    const asked = teams.say({ in: teams.general.id, text: 'What is new?' })
    await posted(message('This'), asked.conversation)
    await posted(message('A post of its own'), teams.general.id)
    expect(teams.screen(asked.conversation).messages.map((each) => each.text)).toEqual([
      '<at>Aide</at> What is new?',
      'This',
    ])
    expect(teams.screen(teams.general.id).messages).toHaveLength(3)
    expect(await post(message('Hi'), `${teams.group.id};messageid=1`)).toMatchObject({ status: 400 })
    expect(await post(message('Hi'), `${teams.general.id};messageid=1`)).toMatchObject({ status: 404 })
  })

  test('is updated and deleted by its id, by the bot that wrote it', async () => {
    const id = await posted(message('First'))
    expect(await call('PUT', at(teams.personal.id, `/${id}`), message('Second'))).toMatchObject({
      status: 200,
      body: { id },
    })
    expect(answers()).toMatchObject([{ id, text: 'Second', edited: true }])
    const said = teams.say({ in: teams.personal.id, text: 'Mine' })
    expect(await call('PUT', at(teams.personal.id, `/${said.id}`), message('Yours'))).toMatchObject({ status: 403 })
    expect(await call('DELETE', at(teams.personal.id, `/${id}`))).toMatchObject({ status: 200, body: undefined })
    expect(answers()).toEqual([])
    await clock.advance(2_000)
    expect(await call('PUT', at(teams.personal.id, `/${id}`), message('Third'))).toMatchObject({ status: 404 })
    expect(await call('DELETE', at(teams.personal.id, '/17'))).toMatchObject({
      status: 404,
      code: 'ActivityNotFoundInConversation',
    })
  })

  test('of typing shows dots for a few seconds, until something is said', async () => {
    expect(await post({ type: 'typing' }, teams.group.id)).toMatchObject({ status: 202 })
    expect(teams.screen(teams.group.id).typing).toBe(true)
    await clock.advance(6_000)
    expect(teams.screen(teams.group.id).typing).toBe(false)
    await post({ type: 'typing' }, teams.group.id)
    await posted(message('There'), teams.group.id)
    expect(teams.screen(teams.group.id).typing).toBe(false)
  })
})

describe('what stands in entities', () => {
  const root: JsonObject = {
    type: 'https://schema.org/Message',
    '@type': 'Message',
    '@context': 'https://schema.org',
    '@id': '',
    additionalType: ['AIGeneratedContent'],
  }

  test('is one root message entity with all its properties, for the AI label', async () => {
    await posted(message('Hi', { entities: [root] }))
    expect(answers()[0]!.aiLabel).toBe(true)
    expect(await post(message('Hi', { entities: [root, root] }))).toMatchObject({ status: 400, code: 'BadArgument' })
    expect(await post(message('Hi', { entities: [{ type: root.type! }] }))).toMatchObject({
      status: 400,
      code: 'BadSyntax',
    })
  })

  test('may be citations within their limits', async () => {
    const citation = (position: number, appearance: JsonObject): JsonObject => ({
      ...root,
      citation: [{ '@type': 'Claim', position, appearance: { '@type': 'DigitalDocument', ...appearance } }],
    })
    await posted(message('So it is [1]', { entities: [citation(1, { name: 'Handbook', abstract: 'All of it' })] }))
    expect(answers()[0]!.citations).toEqual([{ position: 1, name: 'Handbook' }])
    for (const wrong of [
      citation(0, { name: 'A' }),
      citation(1, {}),
      citation(1, { name: 'A', abstract: 'x'.repeat(161) }),
    ])
      expect(await post(message('Hi [1]', { entities: [wrong] }))).toMatchObject({ status: 400 })
  })

  test('of a stream that lost its properties is refused in the words of live Teams', async () => {
    expect(await post({ type: 'typing', text: 'Hi', entities: [{ type: 'streaminfo' }] })).toMatchObject({
      status: 400,
      code: 'BadSyntax',
      message: 'Only start streaming and continue streaming types are allowed as a typing activity',
    })
    expect(await post(message('Hi', { entities: [{ type: 'streaminfo' }] }))).toMatchObject({
      status: 400,
      message: 'Only end streaming type is allowed as a message activity',
    })
  })
})

describe('a stream', () => {
  test('goes from a line about what is going on over growing text to the message', async () => {
    const id = await posted(piece('Searching…', { streamType: 'informative', streamSequence: 1 }))
    expect(answers()).toMatchObject([{ id, state: 'informative', text: 'Searching…' }])
    for (const [at, text] of ['A brown', 'A brown fox'].entries())
      expect(await post(piece(text, { streamId: id, streamSequence: at + 2 }))).toMatchObject({ status: 202, body: {} })
    expect(teams.screen(teams.personal.id)).toMatchObject({ streaming: true, answers: [{ text: 'A brown fox' }] })
    expect(
      await post(ending('A **brown** fox.', id, { channelData: { feedbackLoop: { type: 'default' } } })),
    ).toMatchObject({ status: 202, body: {} })
    expect(teams.screen(teams.personal.id)).toMatchObject({
      streaming: false,
      answers: [{ id, state: 'final', text: 'A **brown** fox.', feedback: true }],
    })
  })

  test('is for personal chats alone', async () => {
    for (const { id } of [teams.group, teams.general]) {
      const refused = await post(piece('Hi', { streamSequence: 1 }), id)
      expect(refused).toMatchObject({
        status: 405,
        message: 'Streaming API is not enabled for non personal scope or non copilot conversations',
      })
      // Without an `error` around it.
      expect(refused.body).toHaveProperty('code', 'BadArgument')
    }
  })

  test('is one at a time in a chat, until it ends or its time is over', async () => {
    const id = await begin()
    const other = piece('Other', { streamSequence: 1 })
    expect(await post(other)).toMatchObject({ status: 403, code: 'ContentStreamNotAllowed' })
    expect(await post(other, teams.bensPersonal.id)).toMatchObject({ status: 201 })
    await post(ending('Once.', id))
    expect(await post(other)).toMatchObject({ status: 201 })
    await clock.advance(120_000)
    expect(await post(other)).toMatchObject({ status: 201 })
  })

  test('takes no plain typing beside it, but messages', async () => {
    await begin()
    expect(await post({ type: 'typing' })).toMatchObject({ status: 400, code: 'BadSyntax' })
    expect(await post(message('A word in between'))).toMatchObject({ status: 201 })
  })

  test('begins with 1 and some text', async () => {
    expect(await post(piece('', { streamSequence: 1 }))).toMatchObject({
      status: 400,
      message: 'Start streaming activities should include text',
    })
    expect(await post(piece('Hi', { streamSequence: 2 }))).toMatchObject({ status: 400 })
    expect(await post(piece('Hi', {}))).toMatchObject({ status: 400 })
    expect(await post(piece('Hi', { streamId: 'unknown', streamSequence: 2 }))).toMatchObject({ status: 403 })
  })

  test('drops what comes late, with a 202', async () => {
    const id = await begin('Once')
    await post(piece('Once upon a', { streamId: id, streamSequence: 3 }))
    for (const streamSequence of [2, 3])
      expect(await post(piece('Once upon', { streamId: id, streamSequence }))).toMatchObject({
        status: 202,
        code: 'ContentStreamSequenceOrderPreConditionFailed',
      })
    expect(answers()[0]!.text).toBe('Once upon a')
  })

  test('keeps what was streamed: each text begins with the one before', async () => {
    const id = await begin('Once▍')
    expect(await post(piece('Once upon', { streamId: id, streamSequence: 2 }))).toMatchObject({
      status: 403,
      code: 'ContentStreamNotAllowed',
      message: 'Request streamed content should contain the previously streamed content',
    })
    expect(answers()[0]!.text).toBe('Once▍')
  })

  test('has short lines about what is going on, before its text', async () => {
    const line = (length: number): JsonObject =>
      piece('x'.repeat(length), { streamType: 'informative', streamSequence: 1 })
    expect(await post(line(1_001))).toMatchObject({ status: 400 })
    expect(await post(line(1_000))).toMatchObject({ status: 201 })
    await clock.advance(120_000)
    const id = await begin()
    expect(await post(piece('Hm', { streamType: 'informative', streamId: id, streamSequence: 2 }))).toMatchObject({
      status: 400,
    })
  })

  test('takes one request a second', async () => {
    const id = await begin('Once')
    await clock.advance(999)
    expect(
      await call('POST', at(teams.personal.id), piece('Once upon', { streamId: id, streamSequence: 2 })),
    ).toMatchObject({
      status: 429,
      message: 'API calls quota exceeded',
    })
    expect((await call('POST', at(teams.personal.id), ending('Once.', id))).status).toBe(429)
    await clock.advance(1)
    expect((await call('POST', at(teams.personal.id), ending('Once.', id))).status).toBe(202)
  })

  test('has cards, labels and feedback only at its end', async () => {
    const label = { type: 'https://schema.org/Message', '@type': 'Message', '@context': 'https://schema.org' }
    const id = await begin('Once')
    const wrong: JsonObject[] = [
      { attachments: [card([{ type: 'TextBlock', text: 'A' }])] },
      { channelData: { feedbackLoop: { type: 'default' } } },
      {
        entities: [
          { type: 'streaminfo', streamType: 'streaming', streamId: id, streamSequence: 2 },
          { ...label, additionalType: ['AIGeneratedContent'] },
        ],
      },
    ]
    for (const more of wrong)
      expect((await post(piece('Once upon', { streamId: id, streamSequence: 2 }, more))).status).toBe(400)
  })

  test('ends with a message that has no sequence and some text, once', async () => {
    const id = await begin('Once')
    const numbered = { type: 'streaminfo', streamType: 'final', streamId: id, streamSequence: 2 }
    expect(await post(message('Once.', { entities: [numbered] }))).toMatchObject({ status: 400 })
    expect(await post(message('Once.', { entities: [{ type: 'streaminfo', streamType: 'final' }] }))).toMatchObject({
      status: 400,
    })
    expect(await post({ ...ending('Once.', id), type: 'typing' })).toMatchObject({ status: 400 })
    expect(await post(ending(' ', id))).toMatchObject({ status: 403, message: 'Content stream is not allowed' })
    expect(await post(ending('Once.', id))).toMatchObject({ status: 202 })
    expect(await post(ending('Twice.', id))).toMatchObject({
      status: 403,
      message: 'Content stream is not allowed on an already completed streamed message',
    })
    expect(answers()).toMatchObject([{ text: 'Once.' }])
  })

  test('is over after two minutes, and its message can be updated then', async () => {
    const id = await begin('Once')
    await clock.advance(118_000)
    expect((await post(piece('Once upon', { streamId: id, streamSequence: 2 }))).status).toBe(202)
    await clock.advance(2_000)
    for (const late of [piece('Once upon a', { streamId: id, streamSequence: 3 }), ending('Once.', id)])
      expect(await post(late)).toMatchObject({
        status: 403,
        code: 'ContentStreamNotAllowed',
        message: 'Content stream finished due to exceeded streaming time.',
      })
    expect(teams.screen(teams.personal.id)).toMatchObject({
      streaming: false,
      answers: [{ state: 'expired', text: 'Once upon' }],
    })
    expect(await call('PUT', at(teams.personal.id, `/${id}`), message('Once upon a time.'))).toMatchObject({
      status: 200,
    })
    expect(answers()).toMatchObject([{ state: 'final', text: 'Once upon a time.' }])
  })

  test('that the person stops takes nothing more', async () => {
    const id = await begin('Once')
    teams.stop(teams.personal.id)
    for (const late of [piece('Once upon', { streamId: id, streamSequence: 2 }), ending('Once.', id)])
      expect(await post(late)).toMatchObject({
        status: 403,
        code: 'ContentStreamNotAllowed',
        message: 'Content stream was canceled by user.',
      })
    expect(await call('PUT', at(teams.personal.id, `/${id}`), message('Once.'))).toMatchObject({ status: 403 })
    expect(teams.screen(teams.personal.id)).toMatchObject({
      streaming: false,
      answers: [{ state: 'stopped', text: 'Once' }],
    })
    expect(() => teams.stop(teams.personal.id)).toThrow('there is no Stop button')
  })

  test('is not updated while it is open', async () => {
    const id = await begin('Once')
    expect(await call('PUT', at(teams.personal.id, `/${id}`), message('Once.'))).toMatchObject({ status: 403 })
    expect(teams.screen(teams.personal.id).streaming).toBe(true)
  })

  test('may grow too big', async () => {
    const id = await begin('Once')
    const big = await post(piece(`Once${'x'.repeat(60_000)}`, { streamId: id, streamSequence: 2 }))
    expect(big).toMatchObject({ status: 413, code: 'MessageSizeTooBig' })
  })
})

describe('the limits', () => {
  const send = () => call('POST', at(teams.group.id), message('Hi'))

  test('are seven messages a second in a conversation, whatever its thread', async () => {
    const { conversation } = teams.say({ in: teams.general.id, text: 'Hello' })
    for (let count = 0; count < 7; count++)
      expect((await call('POST', at(count % 2 ? conversation : teams.general.id), message('Hi'))).status).toBe(201)
    const refused = await call('POST', at(conversation), message('Hi'))
    expect(refused).toMatchObject({ status: 429, code: 'Throttled' })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await send()).status).toBe(201)
    await clock.advance(1_000)
    expect((await call('POST', at(conversation), message('Hi'))).status).toBe(201)
    // Eight in two seconds.
    expect((await call('POST', at(conversation), message('Hi'))).status).toBe(429)
  })

  test('count sixty in half a minute, updates and typing too', async () => {
    const id = await posted(message('Hi'), teams.group.id)
    for (let count = 1; count < 60; count++) {
      await clock.advance(400)
      const update = count % 2 === 1
      const made = update
        ? await call('PUT', at(teams.group.id, `/${id}`), message(`Hi ${count}`))
        : await call('POST', at(teams.group.id), { type: 'typing' })
      expect(made.status).toBeLessThan(300)
    }
    await clock.advance(400)
    const refused = await send()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1)
  })

  test('may come without a word of when to try again', async () => {
    const curt = await startTeams({ clock, retryAfter: false })
    for (let count = 0; count < 7; count++) await rawCall(curt, 'POST', at(curt.group.id), message('Hi'))
    const refused = await rawCall(curt, 'POST', at(curt.group.id), message('Hi'))
    expect(refused.status).toBe(429)
    expect(refused.headers.has('retry-after')).toBe(false)
    await curt.close()
  })

  test('are off for those who measure something else', async () => {
    const free = await startTeams({ clock, limits: false })
    const sends = Array.from({ length: 30 }, () => rawCall(free, 'POST', at(free.group.id), message('Hi')))
    expect((await Promise.all(sends)).every((each) => each.status === 201)).toBe(true)
    await free.close()
  })

  test('let the roster in one piece be read five times a minute', async () => {
    const roster = `conversations/${encodeURIComponent(teams.group.id)}/members`
    for (let count = 0; count < 5; count++) expect((await call('GET', roster)).status).toBe(200)
    expect((await call('GET', roster)).status).toBe(429)
  })
})

describe('conversations', () => {
  const personalWith = (id: string): JsonObject => ({
    isGroup: false,
    bot: { id: teams.bot.id },
    members: [{ id }],
    tenantId: teams.tenantId,
    channelData: { tenant: { id: teams.tenantId } },
  })

  test('with a person are the one there is, or begin', async () => {
    expect(await call('POST', 'conversations', personalWith(teams.ana.id))).toMatchObject({
      status: 201,
      body: { id: teams.personal.id, serviceUrl: teams.serviceUrl },
    })
    const made = await call('POST', 'conversations', {
      ...personalWith(teams.gus.aadObjectId),
      activity: message('Hello'),
    })
    const { id, activityId } = made.body as { id: string; activityId: string }
    expect(answers(id)).toMatchObject([{ id: activityId, text: 'Hello' }])
    expect(await call('POST', 'conversations', personalWith('29:1nobody'))).toMatchObject({ status: 400 })
    const { tenantId: _, channelData: __, ...nowhere } = personalWith(teams.ana.id)
    expect(await call('POST', 'conversations', nowhere)).toMatchObject({ status: 400 })
  })

  test('in a channel are new posts', async () => {
    const channelData = { channel: { id: teams.projects.id } }
    const made = await call('POST', 'conversations', { isGroup: true, channelData, activity: message('News') })
    const { id, activityId } = made.body as { id: string; activityId: string }
    expect(id).toBe(`${teams.projects.id};messageid=${activityId}`)
    expect(answers(id)).toMatchObject([{ text: 'News' }])
    expect(await call('POST', 'conversations', { isGroup: true, channelData })).toMatchObject({ status: 400 })
  })

  test('tell their members, by any id of theirs and page by page', async () => {
    const there = `conversations/${encodeURIComponent(teams.group.id)}`
    for (const id of [teams.ana.id, teams.ana.aadObjectId, teams.ana.userPrincipalName])
      expect(await call('GET', `${there}/members/${encodeURIComponent(id)}`)).toMatchObject({
        status: 200,
        body: {
          id: teams.ana.id,
          name: 'Ana Marsh',
          email: 'ana.marsh@contoso.example',
          tenantId: teams.tenantId,
          userRole: 'user',
        },
      })
    expect((await call('GET', `${there}/members/${encodeURIComponent(teams.olga.id)}`)).status).toBe(404)
    const people = Array.from({ length: 120 }, (_, at) => teams.addPerson({ name: `Person ${at}` }))
    const big = teams.addGroup('All', people)
    const pages = `conversations/${encodeURIComponent(big.id)}/pagedmembers?pageSize=50`
    const names: string[] = []
    let next = ''
    do {
      const { body } = await call('GET', `${pages}${next && `&continuationToken=${next}`}`)
      const page = body as { members: { name: string }[]; continuationToken?: string }
      names.push(...page.members.map((each) => each.name))
      next = page.continuationToken ?? ''
    } while (next)
    expect(names).toEqual(people.map((each) => each.name))
    expect((await call('GET', pages.replace('pageSize=50', 'pageSize=10'))).status).toBe(400)
  })
})

describe('attachments', () => {
  test('under the connector need the token', async () => {
    const { id } = teams.addFile({ name: 'plan.png', type: 'image/png', bytes: Buffer.from('picture'), kind: 'inline' })
    expect(await call('GET', `attachments/${id}`)).toMatchObject({
      body: { name: 'plan.png', type: 'image/png', views: [{ viewId: 'original', size: 7 }] },
    })
    const url = `${teams.serviceUrl}v3/attachments/${id}/views/original`
    expect((await fetch(url)).status).toBe(401)
    const got = await fetch(url, { headers: { authorization: `Bearer ${teams.token}` } })
    expect(got.headers.get('content-type')).toBe('image/png')
    expect(await got.text()).toBe('picture')
    expect((await call('GET', 'attachments/none')).status).toBe(404)
  })

  test('behind a shared link must not be shown the token', async () => {
    const { id } = teams.addFile({ name: 'plan.txt', bytes: Buffer.from('words') })
    const said = teams.say({ in: teams.personal.id, text: 'Read this', files: [id] })
    const [file] = said.activity.attachments as { contentType: string; content: { downloadUrl: string } }[]
    expect(file!.contentType).toBe('application/vnd.microsoft.teams.file.download.info')
    const { downloadUrl } = file!.content
    expect(new URL(downloadUrl).origin).not.toBe(teams.url)
    expect((await fetch(downloadUrl, { headers: { authorization: `Bearer ${teams.token}` } })).status).toBe(401)
    expect(await (await fetch(downloadUrl)).text()).toBe('words')
    expect(teams.callsTo('file').map((each) => each.status)).toEqual([401, 200])
  })
})

describe('faults', () => {
  test('come with the errors of Teams by name, so often as asked', async () => {
    const rule = teams.fail('post', 'badGateway', { times: 2, skip: 1, conversation: teams.personal.id })
    expect((await post(message('1'))).status).toBe(201)
    expect((await post(message('2'), teams.group.id)).status).toBe(201)
    expect((await post(message('3'))).status).toBe(502)
    expect((await post(message('4'))).status).toBe(502)
    expect((await post(message('5'))).status).toBe(201)
    expect(rule.hits).toBe(2)
  })

  test('come before the work or after it', async () => {
    teams.fail('post', { kind: 'status', status: 500 })
    teams.fail('post', { kind: 'status', status: 500, done: true })
    expect(await post(message('before'))).toMatchObject({ status: 500, code: 'ServiceError' })
    expect((await post(message('after'))).status).toBe(500)
    expect(answers().map((each) => each.text)).toEqual(['after'])
    expect(teams.callsTo('post').map(({ done, status, fault }) => [done, status, fault])).toEqual([
      [false, 500, 'status'],
      [true, 500, 'status'],
    ])
  })

  test('cut the line, or answer with a page', async () => {
    teams.fail('post', { kind: 'cut', done: true })
    await expect(post(message('Hi'))).rejects.toThrow()
    expect(answers()).toHaveLength(1)
    teams.fail('post', { kind: 'garbage', status: 502 })
    await expect(post(message('Hi'))).rejects.toThrow('JSON')
  })

  test('make a call slow, with the work first or last', async () => {
    for (const [work, seen] of [
      ['first', 1],
      ['last', 0],
    ] as const) {
      teams.fail('post', { kind: 'slow', wait: 30_000, work })
      const conversation = work === 'first' ? teams.personal.id : teams.group.id
      const before = teams.calls.length
      const waiting = call('POST', at(conversation), message('Hi'))
      await teams.until(() => teams.calls.length > before && teams.calls.at(-1)!.fault)
      expect(answers(conversation)).toHaveLength(seen)
      await clock.advance(30_000)
      expect((await waiting).status).toBe(201)
      expect(answers(conversation)).toHaveLength(1)
    }
  })

  test('say when to come again, and heal', async () => {
    teams.fail('*', { kind: 'status', status: 429, code: 'Throttled', retryAfter: 3 }, { times: 9 })
    expect((await post(message('Hi'))).headers.get('retry-after')).toBe('3')
    teams.heal()
    expect((await post(message('Hi'))).status).toBe(201)
  })

  test('hit what a test describes', async () => {
    teams.fail('post', 'streamStopped', { when: (body) => body.type === 'typing' })
    expect((await post(message('Hi'))).status).toBe(201)
    expect(await post(piece('Hi', { streamSequence: 1 }))).toMatchObject({
      status: 403,
      code: 'ContentStreamNotAllowed',
    })
  })
})

describe('what a person sees', () => {
  test('of a card is its text, its fields and its buttons', async () => {
    const cells = (...texts: string[]): Json => ({
      type: 'TableRow',
      cells: texts.map((text) => ({ type: 'TableCell', items: [{ type: 'TextBlock', text }] })),
    })
    const table = {
      type: 'Table',
      columns: [{ width: 1 }, { width: 1 }],
      rows: [cells('Name', 'Age'), cells('Ana', '41')],
    }
    const actions = [{ type: 'Action.Submit', title: 'Stop', data: { do: 'stop' } }]
    const attachments = [card([{ type: 'TextBlock', text: 'People' }, table], { actions })]
    await posted({ type: 'message', attachments })
    expect(answers()).toMatchObject([{ cards: ['People\nName | Age\nAna | 41'], buttons: [{ title: 'Stop' }] }])
  })

  test('of a card of a newer version is its fallback', async () => {
    const attachments = [card([{ type: 'TextBlock', text: 'New' }], { version: '1.6', fallbackText: 'Please update' })]
    await posted({ type: 'message', attachments })
    expect(answers()[0]!.cards).toEqual(['Please update'])
  })

  test('of tables and headings in Markdown is their source, except in code', async () => {
    await posted(message('# Title\n\n|a|b|\n|---|---|\n|1|2|\n\n![x](https://x.example/y.png)'))
    await posted(message('```\n# comment\n|---|---|\n```\nand `![x](y)`'))
    expect(answers().map((each) => each.raw)).toEqual([['table', 'heading', 'image'], []])
  })
})
