import { perMinute, tier } from '../limits.ts'
import { invalidArguments, isObject, SlackRefusal } from '../request.ts'
import type { Channel } from '../state.ts'
import { type Context, type Method, requireScope, seenChannel, writableChannel } from './method.ts'

export const sessionStatuses = ['active', 'processing', 'suspended', 'closed']

/** A session and the assistant's status share one line on the screen; who writes last is seen. */
export function setSession({ state }: Context, channel: Channel, threadTs: string, status: string): void {
  const thread = state.thread(channel.id, threadTs)
  thread.session = { ...thread.session, status }
  if (status === 'processing') thread.line = { text: 'is working…', at: state.clock.now(), by: 'session' }
  else delete thread.line
  state.changed()
}

function checkCostume(context: Context): void {
  const { username, icon_emoji, icon_url } = context.args
  if (username !== undefined || icon_emoji !== undefined || icon_url !== undefined)
    requireScope(context, 'chat:write.customize')
}

function threadRoot(context: Context, channel: Channel): string {
  const ts = String(context.args.thread_ts)
  const root = context.state.message(channel.id, ts)
  if (!root || (root.thread && root.thread !== root.ts)) throw new SlackRefusal('invalid_thread_ts')
  return ts
}

function sessionChannel(context: Context): { channel: Channel; threadTs: string } {
  const { args } = context
  if (args.channel_id === undefined) throw new SlackRefusal('channel_not_found')
  const channel = seenChannel(context, args.channel_id)
  if (!channel.members.has(context.install.botUser)) throw new SlackRefusal('not_authorized')
  if (args.thread_ts === undefined) throw new SlackRefusal('thread_ts_required')
  return { channel, threadTs: threadRoot(context, channel) }
}

const costume = { username: 'string', icon_emoji: 'string', icon_url: 'string' } as const

export const threads: Record<string, Method> = {
  'assistant.threads.setStatus': {
    limit: { ...perMinute(60), perChannel: true },
    args: { channel_id: 'string!', thread_ts: 'ts!', status: 'string!', loading_messages: 'json', ...costume },
    run(context) {
      const { args, state } = context
      requireScope(context, 'chat:write', 'assistant:write')
      checkCostume(context)
      const channel = writableChannel(context, args.channel_id)
      const threadTs = threadRoot(context, channel)
      const messages = args.loading_messages
      if (messages !== undefined) {
        if (!Array.isArray(messages) || !messages.every((message) => typeof message === 'string' && message !== ''))
          throw invalidArguments('must be an array of strings: loading_messages')
        if (messages.length > 10) throw invalidArguments('no more than 10 items allowed: loading_messages')
      }
      const thread = state.thread(channel.id, threadTs)
      const status = String(args.status)
      if (status === '') delete thread.line
      else thread.line = { text: status, at: state.clock.now(), by: 'assistant' }
      state.changed()
      return {}
    },
  },

  'assistant.threads.setTitle': {
    scope: 'assistant:write',
    limit: tier(3),
    args: { channel_id: 'string!', thread_ts: 'ts!', title: 'string!' },
    run(context) {
      const channel = writableChannel(context, context.args.channel_id)
      context.state.thread(channel.id, threadRoot(context, channel)).title = String(context.args.title)
      context.state.changed()
      return {}
    },
  },

  'assistant.threads.setSuggestedPrompts': {
    scope: 'assistant:write',
    limit: tier(3),
    args: { channel_id: 'string!', thread_ts: 'ts', prompts: 'json!', title: 'string' },
    run(context) {
      const { args, state } = context
      const channel = writableChannel(context, args.channel_id)
      const { prompts } = args
      if (!Array.isArray(prompts) || prompts.length === 0) throw invalidArguments('must be an array: prompts')
      if (prompts.length > 4) throw invalidArguments('no more than 4 items allowed: prompts')
      const read = prompts.map((prompt) => {
        if (!isObject(prompt) || typeof prompt.title !== 'string' || typeof prompt.message !== 'string')
          throw invalidArguments('must have title and message: prompts')
        if (prompt.title === '' || prompt.message === '') throw invalidArguments('must not be empty: prompts')
        return { title: prompt.title, message: prompt.message }
      })
      const threadTs = args.thread_ts === undefined ? undefined : threadRoot(context, channel)
      state.thread(channel.id, threadTs).prompts = {
        prompts: read,
        ...(typeof args.title === 'string' && { title: args.title }),
      }
      state.changed()
      return {}
    },
  },

  'agents.sessions.setStatus': {
    scope: 'chat:write',
    limit: tier(3),
    args: {
      channel_id: 'string',
      thread_ts: 'ts',
      status: 'string!',
      title: 'string',
      initiator_user_id: 'string',
      ...costume,
    },
    run(context) {
      const { args, app, state } = context
      checkCostume(context)
      const { channel, threadTs } = sessionChannel(context)
      const status = String(args.status)
      if (!sessionStatuses.includes(status)) throw new SlackRefusal('invalid_status')
      if (typeof args.title === 'string' && args.title.length > 200)
        throw invalidArguments('must be less than 201 characters: title')
      if (args.initiator_user_id !== undefined && !channel.members.has(String(args.initiator_user_id)))
        throw new SlackRefusal('user_not_found')
      const existing = state.thread(channel.id, threadTs).session
      setSession(context, channel, threadTs, status)
      const session = state.thread(channel.id, threadTs).session!
      // Both count only for a new session.
      if (!existing && typeof args.title === 'string') session.title = args.title
      if (!existing && typeof args.initiator_user_id === 'string') session.initiator = args.initiator_user_id
      const warn = status === 'processing' && !app.events.has('agent_session_stopped')
      return {
        status,
        agent_status: status,
        ...(session.title && { title: session.title }),
        ...(warn && { warning: 'missing_agent_session_stopped_event_subscription' }),
      }
    },
  },

  'agents.sessions.rename': {
    scope: 'chat:write',
    limit: tier(3),
    args: { channel_id: 'string', thread_ts: 'ts', title: 'string!' },
    run(context) {
      const { channel, threadTs } = sessionChannel(context)
      const title = String(context.args.title)
      if (title === '' || title.length > 200) throw new SlackRefusal('invalid_name')
      const { session } = context.state.thread(channel.id, threadTs)
      if (!session) throw new SlackRefusal('session_not_found')
      session.title = title
      context.state.changed()
      return { title }
    },
  },
}
