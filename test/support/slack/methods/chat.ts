import type { JsonObject } from '../../../../src/types.ts'
import { checkBlocks } from '../blocks.ts'
import { onePerSecond, tier } from '../limits.ts'
import { isObject, SlackRefusal } from '../request.ts'
import type { Block, Channel, Message } from '../state.ts'
import { randomHex } from '../state.ts'
import {
  type Context,
  isLive,
  type Method,
  ownMessage,
  parentOf,
  requireScope,
  seenChannel,
  wireMessage,
  writableChannel,
} from './method.ts'

export const maxMarkdown = 12_000
/** `chat.postMessage` cuts its text here and says nothing; `chat.update` refuses from `maxUpdate` on. */
export const maxText = 40_000
export const maxUpdate = 4_000

export interface Content {
  text: string
  blocks?: Block[]
  attachments?: JsonObject[]
}

/** What a message is to show, by the rules that posting, updating and answering by `response_url` share. */
export function readContent(args: JsonObject): Content {
  const { text, markdown_text: markdown } = args
  if (markdown !== undefined && (text !== undefined || args.blocks !== undefined))
    throw new SlackRefusal('markdown_text_conflict')
  if (typeof markdown === 'string') {
    if (markdown.length > maxMarkdown) throw new SlackRefusal('msg_too_long')
    if (markdown.trim() === '') throw new SlackRefusal('no_text')
    return { text: markdown.slice(0, 3_000), blocks: [{ type: 'markdown', text: markdown }] }
  }
  const blocks = args.blocks === undefined ? [] : named(checkBlocks(args.blocks))
  const attachments = args.attachments === undefined ? [] : readAttachments(args)
  if (blocks.length === 0 && attachments.length === 0 && (typeof text !== 'string' || text.trim() === ''))
    throw new SlackRefusal('no_text')
  return {
    text: String(text ?? ''),
    ...(blocks.length > 0 && { blocks }),
    ...(attachments.length > 0 && { attachments }),
  }
}

function readAttachments(args: JsonObject): JsonObject[] {
  if (!Array.isArray(args.attachments) || !args.attachments.every(isObject))
    throw new SlackRefusal('invalid_attachments')
  if (args.attachments.length > 100) throw new SlackRefusal('too_many_attachments')
  return args.attachments
}

/** Blocks without an id get one, as Slack gives them. */
export function named(blocks: Block[]): Block[] {
  return blocks.map((block) => (block.block_id ? block : { ...block, block_id: randomHex(3) }))
}

function checkMetadata(args: JsonObject): JsonObject | undefined {
  const { metadata } = args
  if (metadata === undefined) return undefined
  if (!isObject(metadata)) throw new SlackRefusal('invalid_metadata_format')
  if (
    Object.keys(metadata).length > 0 &&
    (typeof metadata.event_type !== 'string' || !isObject(metadata.event_payload))
  )
    throw new SlackRefusal('invalid_metadata_schema')
  if (JSON.stringify(metadata).length > 8_000) throw new SlackRefusal('metadata_too_large')
  return metadata
}

/** Another name or face than the app's own needs its own scope. */
export function checkCostume(context: Context): void {
  const { username, icon_emoji, icon_url } = context.args
  if (username !== undefined || icon_emoji !== undefined || icon_url !== undefined)
    requireScope(context, 'chat:write.customize')
}

const content = { text: 'string', markdown_text: 'string', blocks: 'json', attachments: 'json' } as const
const costume = { username: 'string', icon_emoji: 'string', icon_url: 'string' } as const
const parsing = { parse: 'string', link_names: 'boolean', mrkdwn: 'boolean' } as const

export const chat: Record<string, Method> = {
  'chat.postMessage': {
    scope: 'chat:write',
    limit: onePerSecond,
    args: {
      channel: 'string!',
      thread_ts: 'ts',
      reply_broadcast: 'boolean',
      unfurl_links: 'boolean',
      unfurl_media: 'boolean',
      metadata: 'json',
      as_user: 'boolean',
      ...content,
      ...costume,
      ...parsing,
    },
    run(context) {
      const { args, install, state } = context
      checkCostume(context)
      const channel = target(context)
      const shown = readContent(args)
      const parent = args.thread_ts === undefined ? undefined : parentOf(context, channel, args.thread_ts)
      const metadata = checkMetadata(args)
      const message = state.add({
        channel: channel.id,
        team: install.team ?? channel.team,
        user: install.botUser,
        bot: { id: install.botId, app: context.app.id },
        ...shown,
        text: shown.text.slice(0, maxText),
        ...(parent && { thread: parent.ts }),
        ...(metadata && { metadata }),
        ...(args.reply_broadcast === true && parent && { subtype: 'thread_broadcast' }),
        ...(typeof args.username === 'string' && { username: args.username }),
        // Accepted, but nothing documented says that Slack drops the second message with the same id: so it does not.
        ...(typeof args.client_msg_id === 'string' && { clientMsgId: args.client_msg_id }),
      })
      endStatus(context, channel, message)
      context.echo.posted(message)
      return { channel: channel.id, ts: message.ts, message: wireMessage(state, message) }
    },
  },

  'chat.update': {
    scope: 'chat:write',
    limit: tier(3),
    args: {
      channel: 'string!',
      ts: 'ts!',
      metadata: 'json',
      as_user: 'boolean',
      reply_broadcast: 'boolean',
      file_ids: 'json',
      ...content,
      parse: 'string',
      link_names: 'boolean',
    },
    run(context) {
      const { args, state } = context
      const channel = seenChannel(context, args.channel)
      if (channel.archived) throw new SlackRefusal('is_inactive')
      if (!channel.members.has(context.install.botUser)) throw new SlackRefusal('not_in_channel')
      const message = ownMessage(context, channel, args.ts, 'cant_update_message')
      if (isLive(state, message)) throw new SlackRefusal('streaming_state_conflict')
      if (typeof args.text === 'string' && args.text.length > maxUpdate) throw new SlackRefusal('msg_too_long')
      const metadata = checkMetadata(args)
      const previous = context.echo.before(message)
      const shown = readContent(args)
      // However its stream ended: from now on it is a message like any other.
      delete message.stream
      message.text = shown.text
      // Text without blocks takes the old blocks away; blocks without text keep neither.
      if (shown.blocks) message.blocks = shown.blocks
      else delete message.blocks
      if (!shown.blocks) message.edited = { user: context.install.botUser, ts: state.ts() }
      if (shown.attachments) message.attachments = shown.attachments
      if (metadata) message.metadata = metadata
      state.changed()
      context.echo.changed(message, previous)
      return { channel: channel.id, ts: message.ts, text: message.text, message: wireMessage(state, message) }
    },
  },

  'chat.delete': {
    scope: 'chat:write',
    limit: tier(3),
    args: { channel: 'string!', ts: 'ts!', as_user: 'boolean' },
    run(context) {
      const { args, state } = context
      const channel = seenChannel(context, args.channel)
      const message = ownMessage(context, channel, args.ts, 'cant_delete_message')
      const previous = context.echo.before(message)
      state.remove(message)
      context.echo.deleted(message, previous)
      return { channel: channel.id, ts: message.ts }
    },
  },

  'chat.postEphemeral': {
    scope: 'chat:write',
    limit: tier(4),
    args: {
      channel: 'string!',
      user: 'string!',
      thread_ts: 'ts',
      as_user: 'boolean',
      ...content,
      ...costume,
      ...parsing,
    },
    run(context) {
      const { args, install, state } = context
      checkCostume(context)
      const channel = writableChannel(context, args.channel)
      if (!channel.members.has(String(args.user))) throw new SlackRefusal('user_not_in_channel')
      const shown = readContent(args)
      const parent = args.thread_ts === undefined ? undefined : parentOf(context, channel, args.thread_ts)
      // “Ephemeral messages in threads are only shown if there is already an active thread”, says the method's page.
      if (parent && !channel.messages.some(({ thread, ephemeral }) => thread === parent.ts && !ephemeral))
        return { message_ts: state.ts() }
      const message = state.add({
        channel: channel.id,
        team: install.team ?? channel.team,
        user: install.botUser,
        bot: { id: install.botId, app: context.app.id },
        ...shown,
        ephemeral: String(args.user),
        ...(parent && { thread: parent.ts }),
      })
      return { message_ts: message.ts }
    },
  },

  'chat.getPermalink': {
    args: { channel: 'string!', message_ts: 'ts!' },
    run(context) {
      const channel = seenChannel(context, context.args.channel)
      const ts = String(context.args.message_ts)
      if (!context.state.message(channel.id, ts)) throw new SlackRefusal('message_not_found')
      const domain = context.state.teams.get(channel.team)?.domain ?? 'example'
      return {
        channel: channel.id,
        permalink: `https://${domain}.slack.com/archives/${channel.id}/p${ts.replace('.', '')}`,
      }
    },
  },
}

/** Where a post goes. A person's id means their direct messages with the bot. */
function target(context: Context): Channel {
  const { args, install, state } = context
  const person = state.people.get(String(args.channel))
  if (!person) {
    const channel = seenChannel(context, args.channel)
    const open = channel.kind === 'channel' && install.scopes.has('chat:write.public')
    return open && !channel.archived ? channel : writableChannel(context, args.channel)
  }
  if (person.bot || person.deleted) throw new SlackRefusal('channel_not_found')
  return state.dm(person.id, install.botUser)
}

/** A post by the bot ends the assistant's status in that thread. */
export function endStatus({ state }: Context, channel: Channel, message: Message): void {
  const thread = state.thread(channel.id, message.thread)
  if (thread.line?.by === 'assistant') delete thread.line
  state.changed()
}
