import type { JsonObject } from '../../../src/types.ts'
import type { Answer, Call } from './api.ts'
import type { Attempt } from './delivery.ts'
import { readContent } from './methods/chat.ts'
import type { AppFacts, Echo } from './methods/method.ts'
import { installedIn } from './methods/method.ts'
import { isObject, SlackRefusal } from './request.ts'
import { type Install, randomHex, type State } from './state.ts'

/** A `response_url` lives so long, for so many uses. */
export const responseMs = 30 * 60_000
export const responseUses = 5

interface Origin {
  user: string
  channel: string
  /** The message the pressed button belongs to. */
  original?: string
  thread?: string
}

const allowed = new Set([
  'text',
  'blocks',
  'attachments',
  'markdown_text',
  'response_type',
  'replace_original',
  'delete_original',
  'thread_ts',
  'mrkdwn',
  'unfurl_links',
  'unfurl_media',
  'metadata',
])

/** Answers by `response_url`, and the ones in the reply to a slash command. */
export function createResponses(options: { state: State; app: AppFacts; echo: () => Echo; origin: () => string }) {
  const { state, app } = options
  const open = new Map<string, Origin & { at: number; uses: number }>()

  function installFor(channel: string): Install | undefined {
    const place = state.channels.get(channel)
    return state.installs.find((install) =>
      [place?.team ?? '', ...(place?.sharedWith ?? [])].some((team) => installedIn(state, install, team)),
    )
  }

  /** Show what an answer says to. */
  function apply(origin: Origin, body: JsonObject): void {
    const unknown = Object.keys(body).filter((key) => !allowed.has(key))
    if (unknown.length > 0) throw new SlackRefusal('invalid_payload', { unexpected: unknown })
    const original = origin.original ? state.message(origin.channel, origin.original) : undefined
    if (body.delete_original === true) {
      if (original) state.remove(original)
      return
    }
    const shown = readContent(body)
    if (body.replace_original === true && original) {
      const previous = options.echo().before(original)
      original.text = shown.text
      if (shown.blocks) original.blocks = shown.blocks
      else delete original.blocks
      state.changed()
      if (!original.ephemeral) options.echo().changed(original, previous)
      return
    }
    const install = installFor(origin.channel)
    if (!install) throw new SlackRefusal('no_service')
    const thread = typeof body.thread_ts === 'string' ? body.thread_ts : undefined
    const everyone = body.response_type === 'in_channel'
    const message = state.add({
      channel: origin.channel,
      team: install.team ?? state.channels.get(origin.channel)!.team,
      user: install.botUser,
      bot: { id: install.botId, app: app.id },
      ...shown,
      ...(thread && { thread }),
      ...(!everyone && { ephemeral: origin.user }),
    })
    if (everyone) options.echo().posted(message)
  }

  return {
    open(origin: Origin): string {
      const id = randomHex(12)
      open.set(id, { ...origin, at: state.clock.now(), uses: 0 })
      return `${options.origin()}/response/${id}`
    },

    /** What came back in the reply to a command itself. */
    immediate(origin: Origin, attempt: Attempt): void {
      if (attempt.failure || !attempt.body) return
      const json = attempt.headers?.['content-type']?.includes('json') ?? attempt.body.startsWith('{')
      const body = json ? (JSON.parse(attempt.body) as JsonObject) : { text: attempt.body }
      if (isObject(body) && Object.keys(body).length > 0) apply(origin, body)
    },

    /** What came for a `response_url`. */
    async take(text: string, id: string, call: Call): Promise<Answer> {
      const origin = open.get(id)
      const fail = (status: number, error: string): Answer => ({ status, body: { ok: false, error }, headers: {} })
      if (!origin || state.clock.now() - origin.at > responseMs) return fail(404, 'expired_url')
      if (origin.uses >= responseUses) return fail(404, 'used_url')
      try {
        const body = JSON.parse(text) as JsonObject
        call.args = body
        origin.uses++
        apply(origin, body)
      } catch (thrown) {
        if (thrown instanceof SlackRefusal) return fail(thrown.error === 'no_service' ? 404 : 400, thrown.error)
        return fail(400, 'invalid_payload')
      }
      call.done = true
      return { status: 200, body: { ok: true }, headers: {} }
    },
  }
}

export type Responses = ReturnType<typeof createResponses>
