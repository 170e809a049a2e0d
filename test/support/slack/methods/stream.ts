import type { Json, JsonObject } from '../../../../src/types.ts'
import { checkBlocks, maxBlocks } from '../blocks.ts'
import { tier } from '../limits.ts'
import { invalidArguments, isObject, SlackRefusal } from '../request.ts'
import { type Block, type Message, type Stream, streamState } from '../state.ts'
import { checkCostume, endStatus, maxMarkdown, named } from './chat.ts'
import { type Context, type Method, ownMessage, parentOf, wireMessage, writableChannel } from './method.ts'
import { sessionStatuses, setSession } from './threads.ts'

/**
 * All that one streamed message may hold, in UTF-8 bytes; a task's details and output count twice. Measured by others
 * between 10.6 and 11.3 kB. Past it `msg_too_long`.
 */
export const maxStreamBytes = 11_000

type Piece = { kind: 'markdown'; text: string } | { kind: 'block'; block: Block; counted: boolean }

/** What one call adds, with what it costs. */
interface Addition {
  mode?: 'text' | 'chunks'
  pieces: Piece[]
  bytes: number
  chunkBlocks: number
}

const bytesOf = (value: unknown): number => (typeof value === 'string' ? Buffer.byteLength(value, 'utf8') : 0)

function readAddition(args: JsonObject): Addition {
  const { markdown_text: markdown, chunks } = args
  if (markdown !== undefined && chunks !== undefined)
    throw new SlackRefusal('cannot_provide_both_markdown_text_and_chunks')
  if (typeof markdown === 'string') {
    if (markdown.length > maxMarkdown) throw new SlackRefusal('msg_too_long')
    return { mode: 'text', pieces: [{ kind: 'markdown', text: markdown }], bytes: bytesOf(markdown), chunkBlocks: 0 }
  }
  if (chunks === undefined) return { pieces: [], bytes: 0, chunkBlocks: 0 }
  if (!Array.isArray(chunks)) throw new SlackRefusal('invalid_chunks')
  const addition: Addition = { mode: 'chunks', pieces: [], bytes: 0, chunkBlocks: 0 }
  let characters = 0
  for (const chunk of chunks) characters += readChunk(chunk, addition)
  if (characters > maxMarkdown) throw new SlackRefusal('msg_too_long')
  return addition
}

/** Adds one chunk; returns how many characters of text it has. */
function readChunk(chunk: Json, addition: Addition): number {
  if (!isObject(chunk)) throw new SlackRefusal('invalid_chunks')
  const text = (name: string): string => {
    const value = chunk[name]
    if (typeof value !== 'string' || value === '') throw new SlackRefusal('invalid_chunks')
    return value
  }
  switch (chunk.type) {
    case 'markdown_text': {
      addition.pieces.push({ kind: 'markdown', text: text('text') })
      addition.bytes += bytesOf(chunk.text)
      return text('text').length
    }
    case 'task_update': {
      if (!['pending', 'in_progress', 'complete', 'error'].includes(text('status')))
        throw new SlackRefusal('invalid_chunks')
      const block: Block = { type: 'task_card', task_id: text('id'), title: text('title'), status: text('status') }
      for (const name of ['details', 'output'] as const)
        if (chunk[name] !== undefined) {
          block[name] = chunk[name]
          addition.bytes += 2 * bytesOf(chunk[name])
        }
      if (chunk.sources !== undefined) block.sources = chunk.sources
      addition.bytes += bytesOf(chunk.title)
      addition.pieces.push({ kind: 'block', block, counted: false })
      return 0
    }
    case 'plan_update':
      addition.pieces.push({ kind: 'block', block: { type: 'plan', title: text('title') }, counted: false })
      addition.bytes += bytesOf(chunk.title)
      return 0
    case 'blocks': {
      const blocks = checkBlocks(chunk.blocks, 'message', 'msg_blocks_too_many')
      for (const block of blocks) addition.pieces.push({ kind: 'block', block, counted: true })
      addition.chunkBlocks += blocks.length
      addition.bytes += bytesOf(JSON.stringify(blocks))
      return 0
    }
    default:
      throw new SlackRefusal('invalid_chunks')
  }
}

/** Put an addition into a live message, or refuse all of it. */
function extend(message: Message, addition: Addition): void {
  const stream = message.stream!
  if (addition.mode) {
    // An empty list of chunks is how the SDK ends any stream.
    const empty = addition.pieces.length === 0
    if (stream.mode && stream.mode !== addition.mode && !empty) throw new SlackRefusal('streaming_mode_mismatch')
    if (!empty) stream.mode ??= addition.mode
  }
  if (stream.bytes + addition.bytes > maxStreamBytes) throw new SlackRefusal('msg_too_long')
  if (stream.chunkBlocks + addition.chunkBlocks > maxBlocks) throw new SlackRefusal('msg_blocks_too_many')
  const added = addition.pieces.flatMap((piece) => (piece.kind === 'block' ? [piece.block] : []))
  oneTable([...(message.blocks ?? []), ...added])
  stream.bytes += addition.bytes
  stream.chunkBlocks += addition.chunkBlocks
  const blocks = message.blocks ?? []
  for (const piece of addition.pieces) place(blocks, piece)
  if (blocks.length > 0) message.blocks = blocks
  message.text = blocks
    .filter((block) => block.type === 'markdown')
    .map((block) => String(block.text))
    .join('\n')
    .slice(0, 40_000)
}

/** A message has one table, in however many calls its blocks come. */
function oneTable(blocks: Block[]): void {
  if (blocks.filter((block) => block.type === 'table').length > 1) throw new SlackRefusal('invalid_blocks')
}

function place(blocks: Block[], piece: Piece): void {
  const last = blocks.at(-1)
  if (piece.kind === 'markdown') {
    if (last?.type === 'markdown') last.text = `${String(last.text)}${piece.text}`
    else if (piece.text !== '') blocks.push(...named([{ type: 'markdown', text: piece.text }]))
    return
  }
  const key = piece.block.type === 'task_card' ? 'task_id' : piece.block.type === 'plan' ? 'type' : undefined
  const at = key ? blocks.findIndex((block) => block.type === piece.block.type && block[key] === piece.block[key]) : -1
  if (at >= 0) blocks[at] = { ...blocks[at]!, ...piece.block }
  else blocks.push(...named([piece.block]))
}

function recipientOf(context: Context, channel: { kind: string }): string | undefined {
  const { args, state } = context
  if (channel.kind === 'im') return undefined
  if (args.recipient_team_id === undefined) throw new SlackRefusal('missing_recipient_team_id')
  if (args.recipient_user_id === undefined) throw new SlackRefusal('missing_recipient_user_id')
  const person = state.people.get(String(args.recipient_user_id))
  if (!person) throw new SlackRefusal('user_not_found')
  if (person.team !== args.recipient_team_id && !person.bot) throw new SlackRefusal('team_not_found')
  return person.id
}

function liveMessage(context: Context, stopping: boolean): Message {
  const { args, state } = context
  const channel = writableChannel(context, args.channel)
  const message = ownMessage(context, channel, args.ts, 'message_not_owned_by_app')
  const now = message.stream ? streamState(message.stream, state.clock.now()) : 'stopped'
  if (now === 'stopped_by_user' && !stopping) throw new SlackRefusal('stopped_by_user')
  if (now !== 'live') throw new SlackRefusal('message_not_in_streaming_state')
  return message
}

export const stream: Record<string, Method> = {
  'chat.startStream': {
    scope: 'chat:write',
    limit: tier(2),
    args: {
      channel: 'string!',
      thread_ts: 'ts!',
      markdown_text: 'string',
      chunks: 'json',
      recipient_team_id: 'string',
      recipient_user_id: 'string',
      task_display_mode: 'string',
      username: 'string',
      icon_emoji: 'string',
      icon_url: 'string',
    },
    run(context) {
      const { args, install, state } = context
      checkCostume(context)
      const channel = writableChannel(context, args.channel)
      const recipient = recipientOf(context, channel)
      if (
        args.task_display_mode !== undefined &&
        !['timeline', 'plan', 'dense'].includes(String(args.task_display_mode))
      )
        throw invalidArguments('must be one of: timeline, plan, dense: task_display_mode')
      const addition = readAddition(args)
      const parent = parentOf(context, channel, args.thread_ts)
      const life: Stream = {
        startedAt: state.clock.now(),
        state: 'live',
        bytes: 0,
        chunkBlocks: 0,
        ...(recipient && { recipient }),
      }
      const draft: Message = {
        ts: state.ts(),
        channel: channel.id,
        team: install.team ?? channel.team,
        user: install.botUser,
        bot: { id: install.botId, app: context.app.id },
        text: '',
        thread: parent.ts,
        reactions: [],
        stream: life,
      }
      // A refused first piece leaves no message behind.
      extend(draft, addition)
      life.first = structuredClone(draft.blocks ?? [])
      const message = state.add(draft)
      endStatus(context, channel, message)
      setSession(context, channel, parent.ts, 'processing')
      context.echo.posted(message)
      return { channel: channel.id, ts: message.ts }
    },
  },

  'chat.appendStream': {
    scope: 'chat:write',
    limit: tier(4),
    args: { channel: 'string!', ts: 'ts!', markdown_text: 'string', chunks: 'json' },
    run(context) {
      const { args, state } = context
      const addition = readAddition(args)
      if (!addition.mode) throw new SlackRefusal('markdown_text_or_chunks_required')
      const message = liveMessage(context, false)
      if (addition.bytes === 0 && addition.pieces.length <= 1) throw new SlackRefusal('no_text')
      const previous = context.echo.before(message)
      extend(message, addition)
      state.changed()
      context.echo.changed(message, previous)
      return { channel: message.channel, ts: message.ts }
    },
  },

  'chat.stopStream': {
    scope: 'chat:write',
    limit: tier(2),
    args: {
      channel: 'string!',
      ts: 'ts!',
      markdown_text: 'string',
      chunks: 'json',
      blocks: 'json',
      metadata: 'json',
      session_status: 'string',
    },
    run(context) {
      const { args, state } = context
      const status = args.session_status === undefined ? 'active' : String(args.session_status)
      if (!sessionStatuses.includes(status)) throw new SlackRefusal('invalid_status')
      const addition = readAddition(args)
      const blocks = args.blocks === undefined ? [] : checkBlocks(args.blocks, 'message', 'msg_blocks_too_many')
      const message = liveMessage(context, true)
      const previous = context.echo.before(message)
      const chunked = addition.pieces.flatMap((piece) => (piece.kind === 'block' ? [piece.block] : []))
      oneTable([...(message.blocks ?? []), ...chunked, ...blocks])
      extend(message, addition)
      if (blocks.length > 0) message.blocks = [...(message.blocks ?? []), ...named(blocks)]
      if (isObject(args.metadata)) message.metadata = args.metadata
      message.stream!.state = 'stopped'
      setSession(context, state.channels.get(message.channel)!, message.thread!, status)
      state.changed()
      context.echo.changed(message, previous)
      return { channel: message.channel, ts: message.ts, message: wireMessage(state, message) }
    },
  },
}
