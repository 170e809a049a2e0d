import { describe, expect, test } from 'vitest'
import { type Activity, activitySchema } from '../../adapters/teams/activity.ts'
import { readAddress, understand } from '../../adapters/teams/incoming.ts'
import type { Json, JsonObject } from '../../src/types.ts'

const now = Date.parse('2026-05-06T07:08:09Z')
const root = '1700000000001'

function activity(more: JsonObject = {}): Activity {
  return activitySchema.parse({
    type: 'message',
    id: '1700000000002',
    timestamp: '2026-05-06T07:08:00.5Z',
    channelId: 'msteams',
    serviceUrl: 'https://smba.trafficmanager.net/emea/t1/',
    from: { id: '29:ana', name: 'Ana', aadObjectId: 'o1' },
    recipient: { id: '28:bot', name: 'Aide' },
    conversation: { id: 'a:1chat', conversationType: 'personal', tenantId: 't1' },
    channelData: { tenant: { id: 't1' } },
    text: 'Hello',
    ...more,
  })
}

const mention = { type: 'mention', text: '<at>Aide</at>', mentioned: { id: '28:bot', name: 'Aide' } }
const inChannel = {
  id: `19:c@thread.tacv2;messageid=${root}`,
  conversationType: 'channel',
  isGroup: true,
  tenantId: 't1',
}
const inGroup = { id: '19:g@thread.v2', conversationType: 'groupChat', isGroup: true, tenantId: 't1' }
const read = (more?: JsonObject) => understand(activity(more), { now })

function question(more?: JsonObject) {
  const understood = read(more)
  if (understood.type !== 'question') throw new Error(JSON.stringify(understood))
  return understood.incoming
}

describe('where a message belongs', () => {
  test('a personal chat is one place between two', () => {
    expect(question()).toEqual({
      ids: ['message:a:1chat:1700000000002'],
      sender: { surface: 'teams', workspace: 't1', id: 'o1' },
      place: { surface: 'teams', workspace: 't1', channel: 'a:1chat', direct: true },
      text: 'Hello',
      sentAt: Date.parse('2026-05-06T07:08:00.5Z'),
      address: {
        serviceUrl: 'https://smba.trafficmanager.net/emea/t1/',
        conversation: 'a:1chat',
        scope: 'personal',
        tenant: 't1',
        bot: '28:bot',
        from: { id: '29:ana', name: 'Ana', person: 'o1' },
      },
    })
  })

  test('each thread of a channel is a place, and its answers stay in it', () => {
    const first = question({ conversation: inChannel, id: root, entities: [mention], text: '<at>Aide</at> Hi' })
    const second = question({ conversation: inChannel, entities: [mention], text: '<at>Aide</at> Hi' })
    expect(first.place).toEqual({
      surface: 'teams',
      workspace: 't1',
      channel: '19:c@thread.tacv2',
      thread: root,
      direct: false,
    })
    expect(second.place).toEqual(first.place)
    expect(first.ids).not.toEqual(second.ids)
    expect(second.address.conversation).toBe(`19:c@thread.tacv2;messageid=${root}`)
    expect(readAddress(first.address).inThread).toBeUndefined()
    expect(readAddress(second.address).inThread).toBe(true)
  })

  test('a post begins its thread, whatever its own id looks like', () => {
    const inThread = (more: JsonObject) =>
      readAddress(question({ conversation: inChannel, entities: [mention], ...more }).address).inThread
    const id = '6c764085-3bd7-4274-aac0-3e86393533a2'
    expect(inThread({ id, timestamp: new Date(Number(root) + 1).toISOString() })).toBeUndefined()
    expect(inThread({ id, timestamp: new Date(Number(root) + 60_000).toISOString() })).toBe(true)
    expect(inThread({ timestamp: new Date(Number(root) + 1).toISOString() })).toBe(true)
    expect(inThread({ id, timestamp: 'at some time' })).toBe(true)
  })

  test('a channel without a thread in its id is answered below the message', () => {
    const { address, place } = question({
      conversation: { ...inChannel, id: '19:c@thread.tacv2' },
      entities: [mention],
    })
    expect(address.conversation).toBe('19:c@thread.tacv2;messageid=1700000000002')
    expect(place.thread).toBe('1700000000002')
  })

  test('a group chat is one place for all', () => {
    const { place, address } = question({ conversation: inGroup, entities: [mention] })
    expect(place).toEqual({ surface: 'teams', workspace: 't1', channel: '19:g@thread.v2', direct: false })
    expect(address.scope).toBe('groupChat')
    expect(question({ conversation: { ...inGroup, conversationType: null }, entities: [mention] }).place.direct).toBe(
      false,
    )
  })

  test('a group chat has no threads, even where an id names one', () => {
    const { place, address } = question({
      conversation: { ...inGroup, id: `${inGroup.id};messageid=${root}` },
      entities: [mention],
    })
    expect(place).toEqual(question({ conversation: inGroup, entities: [mention] }).place)
    expect(address.conversation).toBe(inGroup.id)
  })

  test('somebody without an account is told apart from those with one', () => {
    expect(question({ from: { id: '29:x', name: 'Guest' } }).sender.id).toBe('29:x')
  })
})

describe('what is for us', () => {
  test('in groups only what mentions us; in the thread of a channel perhaps', () => {
    expect(read({ conversation: inGroup })).toMatchObject({ type: 'skip' })
    expect(question({ conversation: inChannel }).followUp).toBe(true)
    expect(question({ conversation: inChannel, entities: [mention] }).followUp).toBeUndefined()
    expect(read({ conversation: inChannel, id: root })).toMatchObject({ type: 'skip' })
    const other = { type: 'mention', text: '<at>Ben</at>', mentioned: { id: '29:ben', name: 'Ben' } }
    expect(read({ conversation: inChannel, text: '<at>Ben</at> look', entities: [other] })).toMatchObject({
      type: 'skip',
    })
  })

  test('nothing of bots and of what Teams tells beside', () => {
    expect(read({ from: { id: '28:other', name: 'Bot' } })).toEqual({ type: 'skip', reason: 'from a bot' })
    for (const type of ['messageReaction', 'typing', 'event', 'endOfConversation', 'trace'])
      expect(read({ type })).toEqual({ type: 'skip', reason: `type ${type}` })
    expect(read({ type: 'conversationUpdate', membersAdded: [{ id: '29:ben' }] })).toMatchObject({ type: 'skip' })
    expect(read({ type: 'installationUpdate', action: 'remove' })).toMatchObject({ type: 'skip' })
    expect(read({ serviceUrl: null })).toEqual({ type: 'skip', reason: 'incomplete' })
  })

  test('being added, in either way', () => {
    expect(read({ type: 'installationUpdate', action: 'add' })).toMatchObject({ type: 'added' })
    expect(read({ type: 'conversationUpdate', membersAdded: [{ id: '28:bot' }] })).toMatchObject({ type: 'added' })
  })
})

describe('orders', () => {
  test.each([
    ...['stop', 'Stop!', '/new', 'MUTE', 'help.', 'continue on the web', 'Continue', 'link', 'me', 'Forget me.'],
    ...['link abcd-2345', '`link ABCD-2345`', 'link ABCD–2345'],
  ])('“%s” is one', (text) => {
    expect(read({ text })).toMatchObject({ type: 'word' })
    expect(read({ text: `<at>Aide</at>&nbsp;${text}`, entities: [mention], conversation: inGroup })).toMatchObject({
      type: 'word',
    })
  })

  test.each([
    ...['continue please', 'stop it', 'what is new', 'help me', 'tell me'],
    ...['link this', 'link building', 'link state-of-the-art', 'forget me not'],
  ])('“%s” is a question', (text) => {
    expect(read({ text })).toMatchObject({ type: 'question' })
  })

  test('a mention and nothing else asks what we are; in between others nothing is an order', () => {
    expect(read({ text: '<at>Aide</at>', entities: [mention], conversation: inGroup })).toMatchObject({
      type: 'word',
      word: 'help',
    })
    expect(read({ text: 'stop', conversation: inChannel })).toMatchObject({
      type: 'question',
      incoming: { followUp: true },
    })
  })

  test('a code comes with “link”, however it is typed', () => {
    for (const text of ['link abcd-2345', '`link ABCD-2345`', 'LINK  abcd—2345'])
      expect(read({ text })).toMatchObject({ word: 'link', code: 'ABCD-2345' })
    expect(read({ text: 'link' })).not.toHaveProperty('code')
  })

  test('buttons of our questions', () => {
    for (const choice of [
      { choose: 'continue', conversation: 'c1' },
      { choose: 'join', code: 'ABCD-2345' },
      { choose: 'forget', key: 'k' },
      { choose: 'cancel' },
    ] as Json[])
      expect(read({ text: null, value: choice, replyToId: 'm1' })).toMatchObject({ type: 'choice', choice, card: 'm1' })
    for (const value of [
      { choose: 'forget' },
      { choose: 'explode' },
      { choose: 'continue', conversation: 1 },
    ] as Json[])
      expect(read({ text: null, value })).toEqual({ type: 'skip', reason: 'a card that is none of ours' })
  })

  test('buttons of ours, and cards of others', () => {
    const press = { chat: 'again', conversation: 'c1', turn: 't1' }
    expect(read({ text: null, value: press })).toMatchObject({ type: 'press', press })
    for (const value of [{ chat: 'explode', conversation: 'c', turn: 't' }, 'text', 1, [], {}] as Json[])
      expect(read({ text: null, value })).toEqual({ type: 'skip', reason: 'a card that is none of ours' })
    expect(read({ text: 'words', value: press })).toMatchObject({ type: 'question' })
  })
})

describe('who reads along', () => {
  const team = { id: '19:team@thread.tacv2' }
  const place = (channelData: JsonObject, conversation = inChannel) =>
    question({ conversation, entities: [mention], channelData: { tenant: { id: 't1' }, ...channelData } }).place

  test('in a channel the team’s people, in a private or shared one its own', () => {
    expect(place({ team })).toMatchObject({ channel: '19:c@thread.tacv2', audience: team.id })
    expect(place({ team, channel: { id: '19:c@thread.tacv2', type: 'standard' } }).audience).toBe(team.id)
    for (const type of ['private', 'shared', 'Private'])
      expect(place({ team, channel: { id: '19:c@thread.tacv2', type } })).not.toHaveProperty('audience')
    expect(place({ team }, inGroup)).not.toHaveProperty('audience')
  })

  test('who comes and goes is told for the team, the channel of its own, or the group', () => {
    const told = (eventType: string, more: JsonObject) =>
      read({
        type: 'conversationUpdate',
        conversation: { ...inChannel, id: '19:c@thread.tacv2' },
        channelData: { tenant: { id: 't1' }, team, eventType },
        ...more,
      })
    const ben = { id: '29:ben', aadObjectId: 'o2' }
    expect(told('teamMemberRemoved', { membersRemoved: [ben, { id: '29:cleo' }] })).toMatchObject({
      type: 'members',
      about: { place: { audience: team.id } },
      members: [
        { id: '29:ben', person: 'o2', here: false },
        { id: '29:cleo', here: false },
      ],
    })
    expect(told('channelMemberAdded', { membersAdded: [ben] })).toMatchObject({
      members: [{ person: 'o2', here: true }],
      about: { place: { channel: '19:c@thread.tacv2' } },
    })
    expect(told('channelMemberAdded', { membersAdded: [ben] })).not.toHaveProperty('about.place.audience')
    expect(told('', { conversation: inGroup, membersRemoved: [ben] })).toMatchObject({ members: [{ here: false }] })
    expect(told('', { membersRemoved: [{ id: '28:bot' }] })).toMatchObject({ type: 'skip' })
    expect(told('', { membersAdded: [{ id: '28:bot' }, ben] })).toMatchObject({ type: 'added' })
  })
})

describe('changes', () => {
  test('of a message go by its own id', () => {
    const edit = read({
      type: 'messageUpdate',
      text: 'Better',
      channelData: { tenant: { id: 't1' }, eventType: 'editMessage' },
    })
    expect(edit).toMatchObject({ type: 'change', text: 'Better', about: { id: 'message:a:1chat:1700000000002' } })
    const remove = read({
      type: 'messageDelete',
      text: null,
      channelData: { tenant: { id: 't1' }, eventType: 'softDeleteMessage' },
    })
    expect(remove).toMatchObject({ type: 'change', text: null, about: { id: 'message:a:1chat:1700000000002' } })
  })
})

describe('attachments', () => {
  const file = { contentType: 'application/vnd.microsoft.teams.file.download.info', name: 'plan.pdf', content: {} }
  const html = { contentType: 'text/html', content: '<p>Hello</p>' }

  test('are named, the HTML twin of the text is none', () => {
    expect(readAddress(question({ attachments: [html] }).address).files).toBeUndefined()
    expect(readAddress(question({ attachments: [html, file, { contentType: 'image/*' }] }).address).files).toEqual([
      'plan.pdf',
      'an image',
    ])
  })

  test('without a word are a question of their own', () => {
    expect(question({ text: '', attachments: [file] }).text).toBe('[attached: plan.pdf]')
    expect(read({ text: null, attachments: [html] })).toMatchObject({ type: 'word', word: 'help' })
  })
})

test('whom a question names is known to its answer', () => {
  const ben = { type: 'mention', text: '<at>Ben</at>', mentioned: { id: '29:ben', name: 'Ben' } }
  const { address, text } = question({ text: 'Ask <at>Ben</at>', entities: [ben] })
  expect(text).toBe('Ask @Ben')
  expect(readAddress(address).people).toEqual([{ id: '29:ben', name: 'Ben' }])
})

test('odd bodies are no activity, or lose what is odd', () => {
  for (const more of [
    { type: 1 },
    { type: '' },
    { from: null },
    { from: { id: '' } },
    { conversation: {} },
    { text: {} },
    { id: 5 },
  ])
    expect(activitySchema.safeParse({ ...activity(), ...more }).success).toBe(false)
  expect(activitySchema.parse({ ...activity(), entities: 'x', attachments: 7, membersAdded: {} })).toMatchObject({
    entities: null,
    attachments: null,
    membersAdded: null,
  })
})
