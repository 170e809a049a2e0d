import { z } from 'zod'
import type { Answer, Draft, Log, Notice, Reply } from '../../src/types.ts'
import type { Api } from './api.ts'
import { type Block, blocksOf, fallbackOf, footerOf, isRated, type Links } from './blocks.ts'
import type { Limits } from './config.ts'
import { SlackError } from './errors.ts'
import type { Clock } from './gates.ts'
import type { Http } from './http.ts'
import { render } from './markdown.ts'
import type { CommandAddress, ThreadAddress } from './payload.ts'
import { readSaved } from './saved.ts'
import { pack, postLimits } from './segments.ts'
import { createStrays, isLost } from './strays.ts'
import { createThread } from './thread.ts'
import type { Workspaces } from './workspaces.ts'
import { createWriter, type Writer } from './writer.ts'

/** How many messages a command's address takes: five, less one in case of a failure notice. */
const mostResponses = 4
/** `responding`: one more was being sent. Nobody knows of it if whoever did died. */
const savedState = z.object({ responded: z.number(), responding: z.boolean().optional() })

/**
 * The answer to `/ask`, through the address that Slack gave with the command: it reaches the person in channels where the
 * bot is not, but shows nothing while it is written, and takes few messages within half an hour. What does not fit goes to
 * direct messages.
 */
export function createCommandReply(options: {
  api: Api
  http: Http
  workspaces: Workspaces
  clock: Clock
  limits: Pick<Limits, 'carriedOutMs'>
  address: CommandAddress
  draft: Draft
  about: { conversation: string; turn: string }
  links: Links
  log: Log
}): Reply {
  const { api, http, workspaces, clock, limits, address, draft, about, links, log } = options
  const responded = savedState.safeParse(draft.saved)
  let sent = responded.success ? responded.data.responded : 0
  let unconfirmed = responded.success && responded.data.responding === true
  let direct: Writer | undefined

  async function settle(text: string, footer: Block[]): Promise<void> {
    // This try or an earlier one went to direct messages already.
    if (direct || (draft.saved && !responded.success)) return toDirectMessages(text, footer)
    const contents = pack(render(text), postLimits)
    const long = contents.length > mostResponses
    const bodies = contents.map(({ parts }, index) => ({
      text: fallbackOf(parts),
      blocks: [...blocksOf(parts), ...(index === contents.length - 1 ? footer : [])],
    }))
    const said = await sayAll(
      long ? [{ text: 'The answer is long, so I send it to you as a direct message.' }] : bodies,
    )
    if (said && !long) return
    await toDirectMessages(text, unconfirmed ? [...footer, unconfirmedNote(address.channel)] : footer)
  }

  /** False: the rest is not taken, or nobody knows what of it was. */
  async function sayAll(bodies: readonly Record<string, unknown>[]): Promise<boolean> {
    try {
      for (; sent < bodies.length && !unconfirmed; ) await say(bodies[sent]!, sent + 1)
      return !unconfirmed
    } catch (thrown) {
      // What was surely not sent may be sent again.
      if (!(thrown instanceof SlackError) || (thrown.code !== 'refused' && !isLost(thrown))) throw thrown
      const { code } = thrown
      log.info({ code }, 'the address of a command does not take its answer; it goes to direct messages')
      unconfirmed = code !== 'refused'
      return false
    }
  }

  /**
   * There is no way to look whether a lost one arrived, and for all in the channel to read it twice is worse than for one
   * to find it in two places: so it is never repeated, but comes as a direct message too, where we can look.
   */
  async function say(body: Record<string, unknown>, count: number): Promise<void> {
    const type = address.inChannel ? 'in_channel' : 'ephemeral'
    await draft.save({ responded: sent, responding: true })
    await http.respond(address.respond, { response_type: type, replace_original: false, ...body })
    sent = count
    await draft.save({ responded: sent })
  }

  async function toDirectMessages(text: string, footer: Block[]): Promise<void> {
    direct ??= await openDirect()
    await direct.write(text, footer)
    await direct.tidy()
  }

  async function openDirect(): Promise<Writer> {
    const { install, user, home, userTeam } = address
    const opened = await api.call(install, 'conversations.open', { users: user }, { about: user })
    const channel = String((opened.channel as { id?: string } | undefined)?.id)
    const there: ThreadAddress = {
      kind: 'thread',
      install,
      channel,
      thread: '',
      ts: '',
      user,
      home,
      userTeam,
      direct: true,
    }
    const thread = createThread({ api, workspaces, address: there, turn: about.turn }).at(channel)
    const saved = responded.success ? null : readSaved(draft)
    const strays = createStrays(clock, limits.carriedOutMs)
    return createWriter({ thread, address: there, draft, saved, strays, clock, log })
  }

  function footer(final: { notice?: Notice; rated: boolean }): Block[] {
    return footerOf({
      about: { c: about.conversation, t: about.turn, w: 'a' },
      links,
      rated: final.rated,
      ...(final.notice && { notice: final.notice }),
    })
  }

  return {
    // Nothing can be shown before the end.
    paceMs: 60_000,
    async started() {},
    async text() {},
    async done(final: Answer) {
      if (final.text.trim() !== '') await settle(final.text, footer({ ...final, rated: isRated(final) }))
      else if (final.notice) await settle(final.notice.text, footer({ rated: false }))
    },
    async stopped(final: Answer) {
      if (final.text.trim() !== '') await settle(final.text, footer({ ...final, rated: false }))
      else if (final.notice) await settle(final.notice.text, [])
    },
    failed: (notice: Notice) => settle(notice.text, notice.retry ? footer({ rated: false }) : []),
  }
}

function unconfirmedNote(channel: string): Block {
  const text = `Slack did not confirm that my answer reached <#${channel}>, so here it is.`
  return { type: 'context', elements: [{ type: 'mrkdwn', text }] }
}
