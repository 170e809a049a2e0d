import type { JsonObject } from '../../../../src/types.ts'
import { tier } from '../limits.ts'
import { invalidArguments, isObject, SlackRefusal } from '../request.ts'
import { type Method, parentOf, writableChannel } from './method.ts'

/** Files in three steps: an address to upload to, the upload itself, and the share. */
export const files: Record<string, Method> = {
  'files.info': {
    scope: 'files:read',
    limit: tier(4),
    args: { file: 'string!', cursor: 'string', limit: 'number' },
    run({ args, state }) {
      const file = state.files.get(String(args.file))
      if (!file) throw new SlackRefusal('file_not_found')
      const { content: _, ...wire } = file
      return { file: structuredClone(wire), comments: [], response_metadata: { next_cursor: '' } }
    },
  },

  'files.getUploadURLExternal': {
    scope: 'files:write',
    limit: tier(4),
    args: { filename: 'string!', length: 'number!', alt_text: 'string', snippet_type: 'string' },
    run({ args, origin, state }) {
      if (Number(args.length) <= 0) throw invalidArguments('must be greater than 0: length')
      const id = state.id('F')
      const name = String(args.filename)
      state.files.set(id, { id, name, title: name, size: Number(args.length), mimetype: 'text/plain', uploaded: false })
      return { file_id: id, upload_url: `${origin}/upload/${id}` }
    },
  },

  'files.completeUploadExternal': {
    scope: 'files:write',
    limit: tier(4),
    args: { files: 'json!', channel_id: 'string', thread_ts: 'ts', initial_comment: 'string', blocks: 'json' },
    run(context) {
      const { args, install, state } = context
      if (!Array.isArray(args.files) || args.files.length === 0) throw invalidArguments('must be an array: files')
      const shared = args.files.map((entry): JsonObject => {
        const file = isObject(entry) ? state.files.get(String(entry.id)) : undefined
        if (!file) throw new SlackRefusal('file_not_found')
        if (file.uploaded !== true) throw new SlackRefusal('file_upload_incomplete')
        if (isObject(entry) && typeof entry.title === 'string') file.title = entry.title
        const { content: _, uploaded: __, ...wire } = file
        return wire
      })
      if (args.channel_id === undefined) return { files: shared }
      const channel = writableChannel(context, args.channel_id)
      const parent = args.thread_ts === undefined ? undefined : parentOf(context, channel, args.thread_ts)
      const message = state.add({
        channel: channel.id,
        team: install.team ?? channel.team,
        user: install.botUser,
        bot: { id: install.botId, app: context.app.id },
        text: String(args.initial_comment ?? ''),
        files: shared,
        ...(parent && { thread: parent.ts }),
      })
      context.echo.posted(message)
      return { files: shared }
    },
  },
}
