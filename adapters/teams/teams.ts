import { LRUCache } from 'lru-cache'
import { messageOf, notice } from '../../src/errors.ts'
import { identityOf } from '../../src/ids.ts'
import type { Incoming, Sender } from '../../src/types.ts'
import type { Activity } from './activity.ts'
import { systemClock } from './clock.ts'
import { defaults, faultsOf } from './config.ts'
import { createAnswers, createDesk } from './desk.ts'
import { createDoor } from './door.ts'
import { take } from './events.ts'
import { takeFeedback } from './feedback.ts'
import { type Address, readAddress, whereabouts } from './incoming.ts'
import type { Teams, TeamsOptions } from './index.ts'
import { createPeople } from './people.ts'
import { createReply } from './reply.ts'
import { createTokens } from './tokens.ts'
import { openTransport } from './transport.ts'

export async function openTeams(options: TeamsOptions): Promise<Teams> {
  const { config, chat, log, clock = systemClock } = options
  const faults = faultsOf(config)
  if (faults.length > 0) throw new Error(`Teams is not configured completely: ${faults.join('; ')}`)
  const limits = { ...defaults, ...config.limits }
  const transport = await openTransport(config)
  const people = createPeople({ config, transport, clock, limits })
  const answers = createAnswers(options.cache)
  const { desk, idle } = createDesk({
    chat,
    transport,
    people,
    config,
    limits,
    clock,
    log,
    answers,
    counters: options.counters,
  })
  /** Questions in the middle of a thread of which we saw nothing else. */
  const blind = new LRUCache<string, true>({ max: 1_000 })

  const routes = createDoor({
    config,
    limits,
    tokens: config.anonymous
      ? null
      : createTokens({
          appId: config.appId ?? '',
          now: clock.now,
          ...(config.standIn && { metadata: config.standIn.openIdMetadata }),
        }),
    intake: {
      take: (activity) => take(desk, activity),
      async invoke(activity) {
        return (await takeFeedback(desk, activity)) ? 200 : 501
      },
      refused: (activity) => sayNo(activity),
    },
    log,
  })

  /** Once in a while, to those who write to us from an organisation that may not. */
  function sayNo(activity: Activity): void {
    if (activity.type !== 'message') return
    const about = whereabouts(activity, activity.recipient?.id ?? '', clock.now())
    if (!about?.place.direct) return
    const work = async (): Promise<void> => desk.tell(about.address, { text: notice('refused_guest').text })
    desk.background('a refusal', () => desk.once(`refused:${identityOf(about.sender)}`, work))
  }

  /** Teams' own Stop has ended what is shown; the turn ends too. */
  async function stopTurn(sender: Sender, conversation: string, turn: string): Promise<void> {
    const user = await chat.who(sender)
    await chat.stop(user.id, conversation, turn)
  }

  return {
    routes,
    async close() {
      const grace = AbortSignal.timeout(limits.graceMs)
      await Promise.race([idle(), new Promise((resolve) => grace.addEventListener('abort', resolve))])
    },
    adapter: {
      surface: 'teams',
      delivery: 'push',
      profile: people.profile,
      openReply(saved, draft, about) {
        const address: Address = readAddress(saved)
        people.met(address)
        const turnLog = log.child({ turn: about.turn })
        const sender: Sender = { surface: 'teams', workspace: address.tenant, id: address.from.person }
        return createReply({
          transport,
          address,
          draft,
          about: { conversation: about.conversation, turn: about.turn },
          clock,
          limits,
          log: turnLog,
          web: desk.webLink(about.conversation),
          notes: () => notesOn(address, blind.delete(keyOf(address))),
          cancelled: () => desk.background('stopping a turn', () => stopTurn(sender, about.conversation, about.turn)),
          posted(id) {
            answers
              .remember(address, id, about)
              .catch((thrown: unknown) => turnLog.warn({ reason: messageOf(thrown) }, 'an answer cannot be rated'))
          },
        })
      },
      async prepare(incoming: Incoming, first: boolean) {
        const address = readAddress(incoming.address)
        // Teams shows a bot nothing of a thread but what mentions it: the person should know.
        if (first && address.inThread) blind.set(keyOf(address), true)
        return { text: incoming.text }
      },
    },
  }
}

/** A conversation of Teams gets one answer at a time. */
function keyOf({ tenant, conversation }: Address): string {
  return `${tenant}:${conversation}`
}

function notesOn(address: Address, blind: boolean): string[] {
  const notes: string[] = []
  if (blind)
    notes.push('I only see the messages of this thread that mention me, so I do not know what was said before.')
  if (address.files) {
    const names = address.files
      .map((name) => `“${name.slice(0, 60)}”`)
      .slice(0, 5)
      .join(', ')
    notes.push(`I cannot read attached files yet (${names}), so this is about the text alone.`)
  }
  return notes
}
