import { notice } from '../../src/errors.ts'
import { identityOf } from '../../src/ids.ts'
import type { Activity } from './activity.ts'
import { createAttendance } from './attendance.ts'
import { systemClock } from './clock.ts'
import { defaults, faultsOf } from './config.ts'
import { createAnswers, createDesk } from './desk.ts'
import { createDoor } from './door.ts'
import { take } from './events.ts'
import { takeFeedback } from './feedback.ts'
import { type Address, readAddress, whereabouts } from './incoming.ts'
import type { Teams, TeamsOptions } from './index.ts'
import { createPeople } from './people.ts'
import { createReplies } from './replies.ts'
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
    cache: options.cache,
    counters: options.counters,
  })
  const replies = createReplies(desk)
  const attendance = createAttendance(desk)

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
      take: (activity) => take({ desk, replies, attendance }, activity),
      async invoke(activity) {
        const taken = takeFeedback(desk, activity)
        const late = desk.clock.sleep(limits.invokeMs).then(() => 'late' as const)
        const first = await Promise.race([taken, late])
        if (first !== 'late') return first ? 200 : 501
        // Only what is feedback takes so long: looking up who it is from.
        desk.background('feedback', () => taken)
        return 200
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
        return replies.open(address, draft, about)
      },
      prepare: async (incoming, first) => replies.prepare(incoming, first),
    },
  }
}
