import { z } from 'zod'
import type { Answer, Draft, Log, Notice, Reply } from '../../src/types.ts'
import type { Api } from './api.ts'
import { type Block, blocksOf, fallbackOf, footerOf, isRated, type Links } from './blocks.ts'
import { codeOf } from './errors.ts'
import type { Http } from './http.ts'
import { render } from './markdown.ts'
import type { CommandAddress, ThreadAddress } from './payload.ts'
import { pack, postLimits } from './segments.ts'
import { createThread } from './thread.ts'
import type { Workspaces } from './workspaces.ts'
import { createWriter, readSaved } from './writer.ts'

/** How many messages a command's address takes: five, less one in case of a failure notice. */
const mostResponses = 4
const savedState = z.object({ responded: z.number() })

/**
 * The answer to `/ask`, through the address that Slack gave with the command: it reaches the person in channels where the
 * bot is not, but shows nothing while it is written, and takes few messages within half an hour. What does not fit goes to
 * direct messages.
 */
export function createCommandReply(options: {
  api: Api
  http: Http
  workspaces: Workspaces
  address: CommandAddress
  draft: Draft
  about: { conversation: string; turn: string }
  links: Links
  log: Log
}): Reply {
  const { api, http, workspaces, address, draft, about, links, log } = options
  const responded = savedState.safeParse(draft.saved)
  let sent = responded.success ? responded.data.responded : 0

  async function settle(text: string, footer: Block[]): Promise<void> {
    const contents = pack(render(text), postLimits)
    // An earlier try went to direct messages already.
    if (draft.saved && !responded.success) return toDirectMessages(text, footer)
    if (contents.length > mostResponses) {
      if (sent === 0) await say({ text: 'The answer is long, so I send it to you as a direct message.' }, 1)
      return toDirectMessages(text, footer)
    }
    try {
      for (; sent < contents.length; ) {
        const { parts } = contents[sent]!
        const last = sent === contents.length - 1
        const blocks = [...blocksOf(parts), ...(last ? footer : [])]
        await say({ text: fallbackOf(parts), blocks }, sent + 1)
      }
    } catch (thrown) {
      if (codeOf(thrown) !== 'refused') throw thrown
      log.info({}, 'the address of a command takes no more; its answer goes to direct messages')
      await toDirectMessages(text, footer)
    }
  }

  /**
   * There is no way to look whether a lost one arrived. Only one person sees it as a rule, so it is rather shown twice than
   * never.
   */
  async function say(body: Record<string, unknown>, count: number): Promise<void> {
    const type = address.inChannel ? 'in_channel' : 'ephemeral'
    await http.respond(address.respond, { response_type: type, replace_original: false, ...body })
    sent = count
    await draft.save({ responded: sent })
  }

  async function toDirectMessages(text: string, footer: Block[]): Promise<void> {
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
    await createWriter({ thread, address: there, draft, saved, log }).write(text, footer)
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
    done: (final: Answer) => settle(final.text, footer({ ...final, rated: isRated(final) })),
    async stopped(final: Answer) {
      if (final.text.trim() !== '') await settle(final.text, footer({ ...final, rated: false }))
      else if (final.notice) await settle(final.notice.text, [])
    },
    failed: (notice: Notice) => settle(notice.text, notice.retry ? footer({ rated: false }) : []),
  }
}
