import { describe, expect, test } from 'vitest'
import { understand } from '../../adapters/slack/incoming.ts'
import type { Envelope, MessageEvent } from '../../adapters/slack/payload.ts'

const bot = 'U0BOT'
const own = { install: 'T1', botUserId: bot, botId: 'B1' }

function envelope(event: MessageEvent, more: Partial<Envelope> = {}): [Envelope, MessageEvent, typeof own] {
  const body: Envelope = {
    type: 'event_callback',
    event_id: 'Ev1',
    team_id: 'T1',
    authorizations: [{ team_id: 'T1', enterprise_id: null, user_id: bot, is_enterprise_install: false }],
    is_ext_shared_channel: false,
    event: event as Record<string, unknown>,
    ...more,
  }
  return [body, event, own]
}

const direct: MessageEvent = {
  type: 'message',
  channel: 'D1',
  channel_type: 'im',
  user: 'U1',
  team: 'T1',
  text: 'Hello there',
  ts: '1700000000.000100',
  client_msg_id: 'c-1',
}
const inChannel: MessageEvent = { ...direct, channel: 'C1', channel_type: 'channel', text: `<@${bot}> Hello` }

function question(...args: ReturnType<typeof envelope>) {
  const understood = understand(...args)
  if (understood.type !== 'question') throw new Error(`understood as ${JSON.stringify(understood)}`)
  return understood.incoming
}

describe('a question', () => {
  test('in direct messages', () => {
    expect(question(...envelope(direct))).toEqual({
      ids: ['message:T1:D1:1700000000.000100', 'event:Ev1', 'client:c-1'],
      sender: { surface: 'slack', workspace: 'T1', id: 'U1' },
      place: { surface: 'slack', workspace: 'T1', channel: 'D1', thread: '1700000000.000100', direct: true },
      text: 'Hello there',
      sentAt: 1_700_000_000_000,
      address: {
        kind: 'thread',
        install: 'T1',
        channel: 'D1',
        thread: '1700000000.000100',
        ts: '1700000000.000100',
        user: 'U1',
        home: 'T1',
        userTeam: 'T1',
        direct: true,
      },
    })
  })

  test('in a thread goes to the thread', () => {
    const { place, address } = question(...envelope({ ...direct, thread_ts: '1600000000.000001' }))
    expect(place.thread).toBe('1600000000.000001')
    expect(address).toMatchObject({ thread: '1600000000.000001', inThread: true })
  })

  test('by a mention is the same from both of its events', () => {
    const message = question(...envelope(inChannel))
    const mention = question(
      ...envelope({ ...inChannel, type: 'app_mention', channel_type: undefined }, { event_id: 'Ev2' }),
    )
    expect(mention.ids[0]).toBe(message.ids[0])
    expect(mention).toEqual({ ...message, ids: [message.ids[0], 'event:Ev2', 'client:c-1'] })
    expect(message.text).toBe('Hello')
    expect(message.followUp).toBeUndefined()
  })

  test.each([
    [`<@${bot}> hi`, 'hi'],
    [`hi <@${bot}>`, 'hi'],
    [`hi <@${bot}|aide>, you`, 'hi, you'],
    [`<@${bot}>: do &lt;@${bot}&gt; it`, ': do &lt;@U0BOT&gt; it'],
    ['hi @aide', 'hi @aide'],
    ['<@U0BOTTLE> hi', '<@U0BOTTLE> hi'],
  ])('%j loses our mention only where Slack marked it', (text, left) => {
    expect(question(...envelope({ ...direct, text })).text).toBe(left)
  })

  test('that follows in a thread without a mention is one only for those who talk there', () => {
    const event = { ...inChannel, text: 'and then?', thread_ts: '1600000000.000001' }
    expect(question(...envelope(event)).followUp).toBe(true)
    expect(understand(...envelope({ ...event, text: '<@U2> and you?' }))).toMatchObject({ type: 'skip' })
    expect(question(...envelope({ ...event, text: `<@U2> <@${bot}> both of you` })).followUp).toBeUndefined()
    expect(question(...envelope({ ...event, subtype: 'thread_broadcast' })).followUp).toBe(true)
  })

  test('with files says their names', () => {
    const event: MessageEvent = { ...direct, subtype: 'file_share', files: [{ name: 'plan.pdf' }, {}] }
    expect(question(...envelope(event)).address).toMatchObject({ files: ['plan.pdf', 'file'] })
    expect(question(...envelope({ ...event, text: '' })).text).toBe('[attached: plan.pdf, file]')
  })
})

describe('the same place and id, whoever brings it', () => {
  test('in a channel shared by Slack Connect', () => {
    const event = { ...inChannel, user: 'U9', team: 'T2', user_team: 'T2', text: `<@${bot}> hi` }
    const ours = question(...envelope(event, { is_ext_shared_channel: true, team_id: 'T2' }))
    const [body] = envelope(event, {
      event_id: 'Ev9',
      is_ext_shared_channel: true,
      team_id: 'T2',
      authorizations: [{ team_id: 'T2', enterprise_id: null, user_id: bot, is_enterprise_install: false }],
    })
    const theirs = understand(body, event, { ...own, install: 'T2' })
    if (theirs.type !== 'question') throw new Error('not a question')
    expect(theirs.incoming.place).toEqual(ours.place)
    expect(theirs.incoming.ids[0]).toBe(ours.ids[0])
    expect(theirs.incoming.sender).toEqual(ours.sender)
    expect(ours.address).toMatchObject({ external: true, userTeam: 'T2', home: 'T2', shared: true })
    expect(theirs.incoming.address).not.toHaveProperty('external')
  })

  test('in an organisation: from whichever of its workspaces', () => {
    const of = (team: string, wide: boolean): Partial<Envelope> => ({
      team_id: team,
      enterprise_id: 'E1',
      context_team_id: team,
      context_enterprise_id: 'E1',
      authorizations: [
        { team_id: wide ? null : team, enterprise_id: wide ? 'E1' : null, user_id: bot, is_enterprise_install: wide },
      ],
    })
    const places = [of('T1', true), of('T2', true), of('T1', false)].map((more) => {
      const { place, sender } = question(...envelope({ ...direct, team: more.team_id! }, more))
      return { place, sender }
    })
    expect(places[1]).toEqual(places[0])
    expect(places[2]).toEqual(places[0])
    expect(places[0]!.sender.workspace).toBe('E1')
  })
})

describe('not for us', () => {
  test.each<[string, MessageEvent]>([
    ['another bot', { ...direct, bot_id: 'B9' }],
    ['ourselves', { ...direct, user: bot }],
    ['Slackbot', { ...direct, user: 'USLACKBOT' }],
    ['a join', { ...inChannel, subtype: 'channel_join' }],
    ['a bot’s message', { ...direct, subtype: 'bot_message' }],
    ['hidden', { ...direct, hidden: true }],
    ['a line in a channel', { ...inChannel, text: 'Hello all' }],
    ['nothing', { ...direct, text: '' }],
    ['a mention and nothing else', { ...inChannel, text: `<@${bot}>` }],
    ['no author', { ...direct, user: undefined }],
    ['no channel', { ...direct, channel: undefined }],
    ['no time', { ...direct, ts: undefined }],
    [
      'our own stream that grows',
      {
        type: 'message',
        subtype: 'message_changed',
        hidden: true,
        channel: 'D1',
        message: { user: bot, bot_id: 'B1', text: 'more', ts: '1.1' },
        previous_message: { user: bot, text: 'm' },
      },
    ],
    [
      'an unfurled link',
      {
        type: 'message',
        subtype: 'message_changed',
        hidden: true,
        channel: 'D1',
        message: { ...direct, edited: { ts: '1.2' } },
        previous_message: direct,
      },
    ],
    [
      'a count of replies',
      {
        type: 'message',
        subtype: 'message_changed',
        hidden: true,
        channel: 'D1',
        message: { ...direct, text: 'new' },
        previous_message: direct,
      },
    ],
    [
      'an edit of a line in a channel',
      {
        type: 'message',
        subtype: 'message_changed',
        hidden: true,
        channel: 'C1',
        message: { ...inChannel, text: 'a', edited: { ts: '1.2' } },
        previous_message: { ...inChannel, text: 'b' },
      },
    ],
  ])('%s', (_what, event) => {
    expect(understand(...envelope(event))).toMatchObject({ type: 'skip' })
  })
})

describe('changes', () => {
  test('an edit names the message it is about', () => {
    const event: MessageEvent = {
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel: 'C1',
      channel_type: 'channel',
      ts: '1700000099.000000',
      message: { ...inChannel, text: `<@${bot}> Hello again`, edited: { ts: '1700000098.000000' } },
      previous_message: inChannel,
    }
    const original = question(...envelope(inChannel))
    expect(understand(...envelope(event))).toMatchObject({
      type: 'change',
      id: original.ids[0],
      place: original.place,
      text: 'Hello again',
    })
  })

  test('a deletion has no text, also where replies keep the place', () => {
    const original = question(...envelope(direct))
    const deleted: MessageEvent = {
      type: 'message',
      subtype: 'message_deleted',
      hidden: true,
      channel: 'D1',
      channel_type: 'im',
      deleted_ts: direct.ts!,
      previous_message: direct,
    }
    const tombstone: MessageEvent = {
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel: 'D1',
      channel_type: 'im',
      message: { subtype: 'tombstone', ts: direct.ts!, thread_ts: direct.ts!, user: 'USLACKBOT', hidden: true },
      previous_message: direct,
    }
    for (const event of [deleted, tombstone])
      expect(understand(...envelope(event))).toMatchObject({
        type: 'change',
        id: original.ids[0],
        place: original.place,
        text: null,
      })
  })
})

describe('words', () => {
  test.each(['stop', 'Stop.', 'NEW', 'mute!', 'help', 'continue', 'Link', '`link`', 'forget  me.'])(
    '%j is an order',
    (text) => {
      expect(understand(...envelope({ ...direct, text }))).toMatchObject({ type: 'word', addressed: true })
    },
  )

  test.each(['link ABCD-EFGH', 'Link abcd-efgh', '`link abcd–efgh`'])('%j brings a code', (text) => {
    const order = { type: 'word', word: 'link', code: 'ABCD-EFGH' }
    expect(understand(...envelope({ ...direct, text }))).toMatchObject(order)
  })

  test.each(['continue please', 'stop it', 'new york', 'help me', 'link building', 'forget me not'])(
    '%j is a question',
    (text) => {
      expect(understand(...envelope({ ...direct, text }))).toMatchObject({ type: 'question' })
    },
  )

  test('said in a thread, it may be meant for others', () => {
    const event = { ...inChannel, text: 'stop', thread_ts: '1600000000.000001' }
    expect(understand(...envelope(event))).toMatchObject({ type: 'word', addressed: false })
    expect(understand(...envelope({ ...event, text: `<@${bot}> stop` }))).toMatchObject({
      type: 'word',
      addressed: true,
    })
  })

  test.each(['continue', 'link', 'link ABCD-EFGH', 'forget me'])(
    'said in a thread to others, %j is what they say to each other',
    (text) => {
      const event = { ...inChannel, text, thread_ts: '1600000000.000001' }
      expect(understand(...envelope(event))).toMatchObject({ type: 'question', incoming: { followUp: true } })
      expect(understand(...envelope({ ...event, text: `<@${bot}> ${text}` }))).toMatchObject({ type: 'word' })
    },
  )
})
