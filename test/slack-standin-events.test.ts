import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { SocketModeClient } from '@slack/socket-mode'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../src/types.ts'
import {
  type FakeClock,
  fakeClock,
  type SlackOptions,
  type SlackStandIn,
  sign,
  startSlack,
} from './support/slack/index.ts'
import { rawCall } from './support/slack/rawCall.ts'
import { type Behaviour, type Heard, startStubApp } from './support/slack/stubApp.ts'

// What the stand-in sends: it has to come as Slack sends it, or an app that works here fails there.

let clock: FakeClock
let slack: SlackStandIn
let app: Awaited<ReturnType<typeof startStubApp>>
let behave: (heard: Heard, nth: number) => Behaviour

beforeEach(() => begin())
afterEach(end)

async function begin(options: SlackOptions = {}): Promise<void> {
  behave = () => ({})
  clock = fakeClock()
  app = await startStubApp((heard, nth) => behave(heard, nth))
  slack = await startSlack({ clock, appUrl: app.url, ...options })
}

async function end(): Promise<void> {
  await slack.close()
  await app.close()
}

async function restart(options: SlackOptions): Promise<void> {
  await end()
  await begin(options)
}

const call = (method: string, args: Record<string, Json> = {}, token?: string) => rawCall(slack, method, args, token)
const mention = () => `<@${slack.install.botUser}> hello`
const types = () => app.events().map((event) => event.type)
const asJson = (value: unknown): Behaviour => ({
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
})

describe('an event', () => {
  test('is signed, and says where and for whom it happened', async () => {
    const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: 'Hi &amp; hello' })
    expect(await said.acked()).toBe(true)
    const [heard] = app.heard
    const timestamp = String(heard!.headers['x-slack-request-timestamp'])
    expect(heard!.headers['x-slack-signature']).toBe(sign(slack.signingSecret, timestamp, heard!.body))
    expect(heard!.headers['x-slack-retry-num']).toBeUndefined()
    expect(heard!.payload).toMatchObject({
      type: 'event_callback',
      team_id: slack.team.id,
      api_app_id: slack.app.id,
      is_ext_shared_channel: false,
      authorizations: [
        {
          team_id: slack.team.id,
          user_id: slack.install.botUser,
          is_bot: true,
          is_enterprise_install: false,
          enterprise_id: null,
        },
      ],
      event: {
        type: 'message',
        channel_type: 'channel',
        ts: said.ts,
        event_ts: said.ts,
        user: slack.ana.id,
        text: 'Hi &amp; hello',
      },
    })
    expect(heard!.payload.event).toHaveProperty('client_msg_id')
  })

  test('marks real mentions, so that they differ from typed ones', async () => {
    const text = `<@${slack.install.botUser}> &lt;@${slack.ben.id}&gt;`
    await slack.say({ user: slack.ana.id, channel: slack.general.id, text, twins: 'mention-only' }).acked()
    const [block] = app.events()[0]!.blocks as JsonObject[]
    expect((block!.elements as JsonObject[])[0]!.elements).toEqual([
      { type: 'user', user_id: slack.install.botUser },
      { type: 'text', text: ` <@${slack.ben.id}>` },
    ])
  })

  test('comes only where the bot is, is subscribed, and has the scope', async () => {
    slack.say({ user: slack.ana.id, channel: slack.random.id, text: mention() })
    slack.app.events.delete('message.channels')
    slack.say({ user: slack.ana.id, channel: slack.general.id, text: 'Hi' })
    slack.install.scopes.delete('im:history')
    slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' })
    await slack.idle()
    expect(app.heard).toHaveLength(0)
  })

  test('of a mention comes as two with one time and two ids, in the order asked for', async () => {
    const say = async (twins: 'message-first' | 'mention-first') => {
      app.heard.length = 0
      const said = slack.say({ user: slack.ana.id, channel: slack.general.id, text: mention(), twins })
      await slack.until(() => app.heard.length === 2)
      await said.acked()
      expect(new Set(app.events().map((event) => event.ts)).size).toBe(1)
      expect(new Set(app.heard.map((heard) => heard.payload.event_id)).size).toBe(2)
      return types()
    }
    expect(await say('message-first')).toEqual(['message', 'app_mention'])
    expect(await say('mention-first')).toEqual(['app_mention', 'message'])
  })

  test('never mentions in a direct message, which carries what the person looks at', async () => {
    slack.look(slack.ana.id, [{ type: 'slack#/types/channel_id', value: slack.general.id, team_id: slack.team.id }])
    await slack.say({ user: slack.ana.id, channel: slack.dm.id, text: mention() }).acked()
    expect(types().toSorted()).toEqual(['app_context_changed', 'message'])
    const message = app.events().find((event) => event.type === 'message')
    expect(message).toMatchObject({ channel_type: 'im', app_context: { entities: [{ value: slack.general.id }] } })
  })

  test('tells of one gesture twice now and then: as two messages, or as two events of one', async () => {
    const say = (double: 'message' | 'event') =>
      slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi', double }).acked()
    await say('message')
    const [one, two] = app.events()
    expect(one!.client_msg_id).toBe(two!.client_msg_id)
    expect(one!.ts).not.toBe(two!.ts)
    expect(slack.screen(slack.dm.id).messages).toHaveLength(1)
    await say('event')
    const [, , three, four] = app.events()
    expect(three!.ts).toBe(four!.ts)
    expect(new Set(app.heard.map((heard) => heard.payload.event_id)).size).toBe(4)
  })

  test('tells of edits, previews and deletions, of joins, of files, of other bots', async () => {
    const { ts, channel } = slack.say({ user: slack.ana.id, channel: slack.general.id, text: 'one' })
    slack.edit({ channel, ts, text: 'two' })
    slack.unfurl({ channel, ts })
    slack.remove({ channel, ts })
    const cy = slack.addPerson({ realName: 'Cy' })
    slack.join({ user: cy.id, channel })
    const file = slack.addFile({ name: 'plan.txt', content: 'secret' })
    slack.say({ user: slack.ana.id, channel, text: 'See', files: [file] })
    const other = slack.addBot({ realName: 'Other' })
    slack.general.members.add(other.id)
    slack.say({ user: other.id, channel, text: mention() })
    await slack.idle()
    const events = app.events()
    const bySubtype = (subtype: string) => events.filter((event) => event.subtype === subtype)
    const [edited, unfurled] = bySubtype('message_changed')
    expect(edited).toMatchObject({ hidden: true, message: { text: 'two', ts, edited: { user: slack.ana.id } } })
    expect(edited).toMatchObject({ previous_message: { text: 'one' } })
    expect(unfurled).toMatchObject({ message: { text: 'two' }, previous_message: { text: 'two' } })
    expect(bySubtype('message_deleted')[0]).toMatchObject({ deleted_ts: ts, previous_message: { text: 'two' } })
    expect(bySubtype('channel_join')).toHaveLength(1)
    expect(bySubtype('file_share')[0]).toMatchObject({ files: [{ name: 'plan.txt' }] })
    expect(events.filter((event) => event.bot_id === other.bot!.id).map((event) => event.type)).toEqual([
      'message',
      'app_mention',
    ])
  })

  test('tells of those who come to its channels and leave them', async () => {
    const there = { user: slack.ana.id, channel: slack.general.id }
    slack.leave(there)
    expect(() => slack.leave(there)).toThrow('is not in general')
    slack.join(there)
    slack.leave({ user: slack.ana.id, channel: slack.random.id })
    await slack.idle()
    const told = app.events().filter(({ type }) => String(type).startsWith('member_'))
    const what = { ...there, channel_type: 'C', team: slack.team.id }
    expect(told).toEqual([
      expect.objectContaining({ type: 'member_left_channel', ...what }),
      expect.objectContaining({ type: 'member_joined_channel', ...what }),
    ])
  })

  test('tells the app of its own doings: its messages, every append, every change', async () => {
    const thread_ts = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' }).ts
    const { body } = await call('chat.startStream', { channel: slack.dm.id, thread_ts, markdown_text: 'one' })
    await call('chat.appendStream', { channel: slack.dm.id, ts: body.ts!, markdown_text: ' two' })
    await call('chat.stopStream', { channel: slack.dm.id, ts: body.ts! })
    await call('chat.delete', { channel: slack.dm.id, ts: body.ts! })
    await slack.idle()
    const own = app.events().slice(1)
    expect(own[0]).toMatchObject({ bot_id: slack.install.botId, user: slack.install.botUser, app_id: slack.app.id })
    expect(own.map((event) => event.subtype)).toEqual([
      undefined,
      'message_changed',
      'message_changed',
      'message_deleted',
    ])
    // No top-level user: what filters by it lets these through.
    expect(own[1]).not.toHaveProperty('user')
    expect(own[2]).toMatchObject({ message: { streaming_state: 'completed' } })
  })

  test('tells of the app being opened, removed, and given too much', async () => {
    slack.openApp(slack.ana.id, 'messages')
    slack.revokeTokens()
    slack.uninstall()
    slack.rateLimitApp()
    await slack.idle()
    expect(types().toSorted()).toEqual(['app_home_opened', 'app_uninstalled', 'tokens_revoked'])
    expect(app.events().find((event) => event.type === 'app_home_opened')).toMatchObject({
      tab: 'messages',
      channel: slack.dm.id,
      user: slack.ana.id,
    })
    const limited = app.heard.find((heard) => heard.payload.type === 'app_rate_limited')
    expect(limited!.payload).not.toHaveProperty('event')
  })
})

describe('an event that is not acknowledged', () => {
  const numbers = () => app.heard.map((heard) => heard.headers['x-slack-retry-num'])
  const reasons = () => app.heard.map((heard) => heard.headers['x-slack-retry-reason'])

  test('within three seconds comes again at once, after a minute and after five, with the same id', async () => {
    behave = () => 'silence'
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' })
    const { attempts } = said.deliveries[0]!
    for (const [nth, wait] of [0, 60_000, 300_000, 0].entries()) {
      await slack.until(() => app.heard.length === nth + 1)
      await clock.advance(2_999)
      expect(attempts[nth]!.failure).toBeUndefined()
      await clock.advance(1)
      await slack.until(() => attempts[nth]!.failure)
      await clock.advance(wait)
    }
    expect(await said.acked()).toBe(false)
    expect(numbers()).toEqual([undefined, '1', '2', '3'])
    expect(reasons()).toEqual([undefined, 'http_timeout', 'http_timeout', 'http_timeout'])
    expect(new Set(app.heard.map((heard) => heard.payload.event_id)).size).toBe(1)
  })

  test('because of an error or a cut line says so, and stops once it is taken', async () => {
    behave = (_, nth) => (nth === 1 ? { status: 503 } : nth === 2 ? 'cut' : {})
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' })
    await slack.until(() => said.deliveries[0]!.attempts[1]?.failure)
    await clock.advance(60_000)
    expect(await said.acked()).toBe(true)
    expect(reasons()).toEqual([undefined, 'http_error', 'connection_failed'])
  })

  test('does not come again when the app says so', async () => {
    behave = () => ({ status: 400, headers: { 'x-slack-no-retry': '1' } })
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' })
    expect(await said.acked()).toBe(false)
    expect(app.heard).toHaveLength(1)
  })

  test('may come again although it was taken', async () => {
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' })
    await said.acked()
    expect(await slack.redeliver(said.deliveries[0]!)).toMatchObject({ num: 1, status: 200 })
    expect(app.heard[0]!.payload).toEqual(app.heard[1]!.payload)
    expect(numbers()).toEqual([undefined, '1'])
  })
})

describe('more than one workspace', () => {
  test('in a shared channel: each installation is told, and told through which side', async () => {
    const partner = slack.addTeam({ name: 'Partner' })
    const eve = slack.addPerson({ team: partner.id, realName: 'Eve Stranger' })
    const theirs = slack.installIn({ team: partner.id })
    const shared = slack.addChannel({
      name: 'shared',
      sharedWith: [partner.id],
      members: [slack.ana.id, eve.id, slack.install.botUser, theirs.botUser],
    })
    await slack.say({ user: eve.id, channel: shared.id, text: mention() }).acked()
    const facts = app.heard.map(({ payload }) => ({
      type: (payload.event as JsonObject).type,
      team: payload.team_id,
      through: payload.context_team_id,
      installed: (payload.authorizations as JsonObject[])[0]!.team_id,
      shared: payload.is_ext_shared_channel,
    }))
    const far = { team: partner.id, shared: true }
    expect(facts).toContainEqual({ ...far, type: 'message', through: slack.team.id, installed: slack.team.id })
    expect(facts).toContainEqual({ ...far, type: 'app_mention', through: slack.team.id, installed: slack.team.id })
    expect(facts).toContainEqual({ ...far, type: 'message', through: partner.id, installed: partner.id })
    expect(facts).toHaveLength(3)
    expect(app.events()[0]).toMatchObject({ user_team: partner.id })
    // Our side knows the stranger as one, and not by address.
    const { body } = await call('users.info', { user: eve.id })
    expect(body.user).toMatchObject({ is_stranger: true, team_id: partner.id })
    expect((body.user as JsonObject).profile).not.toHaveProperty('email')
    const human = { recipient_team_id: partner.id, recipient_user_id: eve.id }
    const thread_ts = app.events()[0]!.ts!
    expect((await call('chat.startStream', { channel: shared.id, thread_ts, ...human })).body.ok).toBe(true)
  })

  test('in an organisation: one installation for all, without a team of its own', async () => {
    slack.addTeam({ id: 'T0ORGONE01', enterprise: 'E0ORG00001' })
    slack.addTeam({ id: 'T0ORGTWO01', enterprise: 'E0ORG00001' })
    const org = slack.installIn({ enterprise: 'E0ORG00001' })
    const person = slack.addPerson({ team: 'T0ORGTWO01', realName: 'Olga' })
    const dm = slack.state.dm(person.id, org.botUser)
    await slack.say({ user: person.id, channel: dm.id, text: 'Hi' }).acked()
    expect(app.heard[0]!.payload).toMatchObject({
      team_id: 'T0ORGTWO01',
      enterprise_id: 'E0ORG00001',
      context_team_id: 'T0ORGTWO01',
      authorizations: [{ team_id: null, enterprise_id: 'E0ORG00001', is_enterprise_install: true }],
    })
    const here = { channel: dm.id, text: 'Hi', team_id: 'T0ORGTWO01' }
    expect((await call('chat.postMessage', here, org.token)).body.ok).toBe(true)
    expect((await call('chat.postMessage', here)).body.error).toBe('channel_not_found')
  })
})

describe('OAuth', () => {
  const link = (state: string) =>
    `https://slack.com/oauth/v2/authorize?client_id=${slack.app.clientId}&scope=chat:write,im:history&state=${state}&redirect_uri=${encodeURIComponent('https://bot.example/slack/oauth_redirect')}`
  const client = () => ({ client_id: slack.app.clientId, client_secret: slack.app.clientSecret })
  const exchange = (args: Record<string, Json>) => call('oauth.v2.access', { ...client(), ...args }, '')

  test('gives one token for one code, to the right app, at the right address', async () => {
    const team = slack.addTeam({ name: 'Second' })
    const back = new URL(slack.authorize(link('s1'), { team: team.id }))
    expect(back.searchParams.get('state')).toBe('s1')
    const code = back.searchParams.get('code')!
    const redirect_uri = 'https://bot.example/slack/oauth_redirect'
    expect((await exchange({ code, redirect_uri, client_secret: 'no' })).body.error).toBe('bad_client_secret')
    expect((await exchange({ code, redirect_uri: 'https://evil.example' })).body.error).toBe('bad_redirect_uri')
    const { body } = await exchange({ code, redirect_uri })
    expect(body).toMatchObject({ ok: true, team: { id: team.id }, scope: 'chat:write,im:history', token_type: 'bot' })
    expect((await exchange({ code, redirect_uri })).body.error).toBe('code_already_used')
    expect((await exchange({ code: 'made-up', redirect_uri })).body.error).toBe('invalid_code')
    expect((await call('auth.test', {}, String(body.access_token))).body.team_id).toBe(team.id)
    expect(new URL(slack.authorize(link('s2'), { deny: true })).searchParams.get('error')).toBe('access_denied')
  })

  test('refreshes a token once, after which the old ones are dead', async () => {
    await restart({ rotation: true })
    const code = new URL(slack.authorize(link('s'))).searchParams.get('code')!
    const { body } = await exchange({ code, redirect_uri: 'https://bot.example/slack/oauth_redirect' })
    const token = String(body.access_token)
    expect(body).toMatchObject({ expires_in: 43_200 })
    expect((await call('auth.test', {}, token)).body.ok).toBe(true)
    const refresh = { grant_type: 'refresh_token', refresh_token: body.refresh_token! }
    const renewed = (await exchange(refresh)).body
    expect((await exchange(refresh)).body.error).toBe('invalid_refresh_token')
    expect((await call('auth.test', {}, token)).body.error).toBe('invalid_auth')
    await clock.advance(43_200_000)
    expect((await call('auth.test', {}, String(renewed.access_token))).body.error).toBe('token_expired')
  })
})

describe('interactivity', () => {
  const button = { type: 'button', action_id: 'again', value: 'v1', text: { type: 'plain_text', text: 'Again' } }
  const feedback = {
    type: 'feedback_buttons',
    action_id: 'rate',
    positive_button: { text: { type: 'plain_text', text: 'Good' }, value: 'up' },
    negative_button: { text: { type: 'plain_text', text: 'Bad' }, value: 'down' },
  }
  const blocks = [
    { type: 'actions', elements: [button] },
    { type: 'context_actions', elements: [feedback] },
  ]
  const modal = {
    type: 'modal',
    callback_id: 'why',
    private_metadata: 'm1',
    title: { type: 'plain_text', text: 'Why?' },
    submit: { type: 'plain_text', text: 'Send' },
    blocks: [
      {
        type: 'input',
        block_id: 'b',
        label: { type: 'plain_text', text: 'Comment' },
        element: { type: 'plain_text_input', action_id: 'comment' },
      },
    ],
  }
  const posted = async () => (await call('chat.postMessage', { channel: slack.general.id, text: 'x', blocks })).body.ts!
  const click = (ts: string, label: string) =>
    slack.click({ user: slack.ana.id, channel: slack.general.id, ts, button: label })

  test('sends a pressed button with what it stands in', async () => {
    const ts = await posted()
    await click(ts, 'Bad').answer
    const { payload, headers } = app.heard.at(-1)!
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(payload).toMatchObject({
      type: 'block_actions',
      user: { id: slack.ana.id, team_id: slack.team.id },
      channel: { id: slack.general.id },
      message: { ts },
      actions: [{ action_id: 'rate', value: 'down' }],
    })
    expect(() => click(ts, 'Maybe')).toThrow('there is no button Maybe; there are: Again, Good, Bad')
  })

  test('sends the one of several with the same label that was pressed, by its value', async () => {
    const same = ['v1', 'v2'].map((value) => ({ type: 'actions', elements: [{ ...button, value }] }))
    const { body } = await call('chat.postMessage', { channel: slack.general.id, text: 'x', blocks: same })
    await click(body.ts!, 'v2').answer
    expect(app.heard.at(-1)!.payload).toMatchObject({ actions: [{ action_id: 'again', value: 'v2' }] })
  })

  test('is not sent again when it fails', async () => {
    const ts = await posted()
    behave = (heard) => (heard.payload.type === 'block_actions' ? { status: 500 } : {})
    const { delivery, answer } = click(ts, 'Again')
    expect(await answer).toMatchObject({ failure: 'http_error' })
    expect(await delivery.acked).toBe(false)
    expect(delivery.attempts).toHaveLength(1)
  })

  test('opens one view for one action, within three seconds', async () => {
    const { trigger } = click(await posted(), 'Bad')
    const open = (trigger_id: string, view: Json = modal) => call('views.open', { trigger_id, view })
    expect((await open('1.2.3')).body.error).toBe('invalid_trigger_id')
    expect((await open(trigger, { ...modal, title: { type: 'plain_text', text: 'x'.repeat(25) } })).body.error).toBe(
      'invalid_arguments',
    )
    const { title: _, ...untitled } = modal
    expect((await open(trigger, untitled)).body.error).toBe('invalid_arguments')
    expect((await open(trigger)).body).toMatchObject({ ok: true, view: { callback_id: 'why', private_metadata: 'm1' } })
    expect((await open(trigger)).body.error).toBe('exchanged_trigger_id')
    const late = slack.trigger(slack.ana.id)
    await clock.advance(3_001)
    expect((await open(late)).body.error).toBe('expired_trigger_id')
  })

  test('sends what was filled in, and does with the view what the app says', async () => {
    await call('views.open', { trigger_id: slack.trigger(slack.ana.id), view: modal })
    await expect(slack.submit(slack.ana.id, {})).rejects.toThrow('cannot be sent without comment')
    await expect(slack.submit(slack.ana.id, { remark: 'x' })).rejects.toThrow()
    behave = () => asJson({ response_action: 'errors', errors: { b: 'Say more' } })
    expect((await slack.submit(slack.ana.id, { comment: 'Wrong' })).errors).toEqual({ b: 'Say more' })
    const { view } = app.heard.at(-1)!.payload as { view: JsonObject }
    expect(view).toMatchObject({
      callback_id: 'why',
      private_metadata: 'm1',
      state: { values: { b: { comment: { value: 'Wrong' } } } },
    })
    behave = () => ({})
    expect((await slack.submit(slack.ana.id, { comment: 'Wrong again' })).errors).toEqual({})
    expect(slack.modal(slack.ana.id)).toBeUndefined()
  })

  test('sends slash commands as forms, and shows what comes back', async () => {
    behave = () => ({ body: 'Only for you' })
    const run = (text: string) =>
      slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask', text })
    await run('help').answer
    expect(app.heard[0]!.payload).toMatchObject({
      command: '/ask',
      text: 'help',
      user_id: slack.ana.id,
      channel_id: slack.general.id,
      team_id: slack.team.id,
      is_enterprise_install: 'false',
    })
    behave = () => asJson({ response_type: 'in_channel', text: 'For all' })
    await run('').answer
    const seenBy = (as: string) => slack.screen(slack.general.id, { as }).messages.map((message) => message.text)
    expect(seenBy(slack.ana.id)).toEqual(['Only for you', 'For all'])
    expect(seenBy(slack.ben.id)).toEqual(['For all'])
  })

  test('sends shortcuts with the message they are about', async () => {
    const { ts, channel } = slack.say({ user: slack.ben.id, channel: slack.general.id, text: 'Long story' })
    await slack.messageShortcut({ user: slack.ana.id, channel, ts, callback: 'ask_about' }).answer
    expect(app.heard.find((heard) => heard.payload.type === 'message_action')!.payload).toMatchObject({
      callback_id: 'ask_about',
      message: { ts, text: 'Long story', user: slack.ben.id },
      message_ts: ts,
      channel: { id: channel },
      user: { id: slack.ana.id },
    })
  })

  test('takes answers at the response_url five times, for half an hour', async () => {
    const ts = await posted()
    const { responseUrl } = click(ts, 'Again')
    const respond = async (body: JsonObject, url = responseUrl) =>
      fetch(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    expect((await respond({ text: 'Psst' })).status).toBe(200)
    expect((await respond({ replace_original: true, text: 'Replaced' })).status).toBe(200)
    const texts = () => slack.screen(slack.general.id).messages.map((message) => message.text)
    expect(texts()).toEqual(['Replaced', 'Psst'])
    expect((await respond({ txt: 'x' })).status).toBe(400)
    await respond({ text: 'again' })
    expect((await respond({ delete_original: true })).status).toBe(200)
    expect(texts()).toEqual(['Psst', 'again'])
    expect(await (await respond({ text: 'x' })).json()).toEqual({ ok: false, error: 'used_url' })
    const { responseUrl: old } = slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask' })
    await clock.advance(30 * 60_000 + 1)
    expect(await (await respond({ text: 'x' }, old)).json()).toEqual({ ok: false, error: 'expired_url' })
  })

  test('keeps the Home tab for each person, against overwriting', async () => {
    const view = { type: 'home', blocks: [{ type: 'actions', elements: [button] }] }
    const publish = (more: Record<string, Json>) => call('views.publish', { user_id: slack.ana.id, view, ...more })
    const { body } = await publish({})
    expect((await publish({ hash: 'old' })).body.error).toBe('hash_conflict')
    expect((await publish({ hash: (body.view as JsonObject).hash! })).body.ok).toBe(true)
    expect((await publish({ user_id: 'U0NOBODY01' })).body.error).toBe('invalid_arguments')
    await slack.clickHome(slack.ana.id, 'Again').answer
    expect(app.heard[0]!.payload).toMatchObject({ container: { type: 'view' }, view: { type: 'home' } })
  })
})

describe('the door of the app', () => {
  test('is tried with a challenge and without a signature', async () => {
    await slack.verifyUrl('c1')
    await slack.checkSsl()
    expect(app.heard[0]!.payload).toMatchObject({ type: 'url_verification', challenge: 'c1' })
    expect(app.heard[1]!.payload).toMatchObject({ ssl_check: '1' })
    expect(app.heard[1]!.headers['x-slack-signature']).toBeUndefined()
  })

  test('is tried with wrong, old and missing signatures when a test wants that', async () => {
    await slack.post('{}', { secret: 'other', timestamp: 1_000 })
    await slack.post('{}', { headers: { 'x-slack-signature': '' } })
    const [wrong, missing] = app.heard
    expect(wrong!.headers['x-slack-signature']).toBe(sign('other', 1_000, '{}'))
    expect(missing!.headers['x-slack-signature']).toBe('')
  })
})

describe('Socket Mode', () => {
  let client: SocketModeClient
  const connect = async (): Promise<SocketModeClient> => {
    client = new SocketModeClient({
      appToken: slack.appToken,
      clientOptions: { slackApiUrl: slack.apiUrl },
      // Also the time it waits before it connects again.
      clientPingTimeout: 500,
    })
    await client.start()
    return client
  }
  beforeEach(() => restart({ socketMode: true }))
  afterEach(() => client?.disconnect())

  test('hands events over a websocket, until they are acknowledged', async () => {
    const socket = await connect()
    const seen: { retry: number | undefined; text: unknown }[] = []
    socket.on('slack_event', async ({ ack, body, retry_num }) => {
      seen.push({ retry: retry_num, text: body.event.text })
      if (seen.length === 2) await ack()
    })
    const said = slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' })
    await slack.until(() => seen.length === 1)
    await clock.advance(3_000)
    expect(await said.acked()).toBe(true)
    expect(seen).toEqual([
      { retry: 0, text: 'Hi' },
      { retry: 1, text: 'Hi' },
    ])
    expect(slack.sockets.envelopes[1]).toMatchObject({ retry_reason: 'timeout', accepts_response_payload: false })
  })

  test('hands commands over and takes their answer with the acknowledgement', async () => {
    const socket = await connect()
    socket.on('slack_event', ({ ack, type }) => ack(type === 'slash_commands' ? { text: 'Here you are' } : {}))
    await slack.command({ user: slack.ana.id, channel: slack.general.id, command: '/ask' }).answer
    expect(slack.screen(slack.general.id).messages[0]).toMatchObject({ text: 'Here you are', ephemeral: true })
  })

  test('spreads events over the connections and recycles them', async () => {
    const first = await connect()
    const second = await connect()
    const counts = [0, 0]
    for (const [index, socket] of [first, second].entries())
      socket.on('slack_event', async ({ ack }) => {
        counts[index]!++
        await ack()
      })
    const say = () => slack.say({ user: slack.ana.id, channel: slack.dm.id, text: 'Hi' }).acked()
    await Promise.all([say(), say(), say(), say()])
    expect(counts).toEqual([2, 2])
    slack.sockets.disconnect('refresh_requested')
    // The client comes back by itself, with a new ticket.
    await slack.until(() => slack.callsTo('apps.connections.open').length === 3 && slack.sockets.connections === 2)
    expect(await say()).toBe(true)
    await first.disconnect()
  })

  test('lets nobody in without a fresh ticket', async () => {
    const { body } = await call('apps.connections.open', {}, slack.appToken)
    const open = (url: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url)
        socket.onmessage = ({ data }) => resolve(JSON.parse(data).type)
        socket.onerror = () => resolve('refused')
      })
    expect(await open(String(body.url))).toBe('hello')
    expect(await open(String(body.url))).toBe('refused')
  })
})

test('runs as a process of its own that obeys over HTTP', async () => {
  const child = spawn(process.execPath, ['test/support/slack/main.ts', '--app', app.url, '--no-limits'])
  try {
    const [line] = await new Promise<string[]>((resolve) =>
      createInterface(child.stdout).once('line', (...all) => resolve(all)),
    )
    const facts = JSON.parse(line!)
    const order = async (what: string, ...args: Json[]): Promise<JsonObject> => {
      const answer = await fetch(facts.control, { method: 'POST', body: JSON.stringify({ do: what, with: args }) })
      return (await answer.json()) as JsonObject
    }
    const { ts } = await order('say', { user: facts.people.ana, channel: facts.channels.dm, text: 'Hi' })
    await slack.until(() => app.heard.length === 1)
    const reach = { apiUrl: facts.variables.SLACK_API_URL, botToken: facts.variables.SLACK_BOT_TOKEN }
    await rawCall(reach, 'chat.postMessage', { channel: facts.channels.dm, thread_ts: ts!, text: 'Hello' })
    const { messages } = await order('screen', facts.channels.dm, { thread: ts! })
    expect((messages as JsonObject[]).map((message) => message.text)).toEqual(['Hi', 'Hello'])
    expect(await order('dance')).toMatchObject({ error: expect.stringContaining('there is no dance') })
  } finally {
    child.kill()
  }
})
