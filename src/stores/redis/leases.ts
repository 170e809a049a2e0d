import type { Claim, Lease, Leases, Outcome, Step } from '../../store.ts'
import { claimOf, entryOf, jsonOf, type Run } from './claims.ts'
import type { Engine } from './engine.ts'

type Stepped = [status: Step['status'], next: [entry: string, ...run: Run] | null, amended?: number]

export function openLeases(engine: Engine): Leases {
  const { connection, keys, given } = engine
  const atHome = (home: string) => [keys.home(home), keys.inbox(home), keys.due(home)]
  const withConversation = ({ home, conversation }: Claim) => [
    ...atHome(home),
    keys.conversation(home, conversation),
    keys.messages(home, conversation),
    keys.turns(home, conversation),
    keys.updated(home),
  ]

  function stepOf([status, next, amended]: Stepped, home: string, lease?: Lease): Step {
    const step: Step = amended === 1 ? { status, amended: true } : { status }
    if (!next || !lease) return step
    const [entry, ...run] = next
    return { ...step, next: claimOf(entryOf(entry), home, lease.token, run) }
  }

  return {
    async renew({ home, token, turn }, ms) {
      return (await connection.script('renew', atHome(home), given({ home, token, turn, ms }))) === 1
    },

    async save({ home, token, turn }, draft) {
      const texts = JSON.stringify(draft)
      return (await connection.script('save', [keys.home(home)], given({ token, turn }), texts)) === 1
    },

    async commit(claim, outcome, next) {
      const reply = await connection.script(
        'commit',
        withConversation(claim),
        given({ ...outcomeOf(claim, outcome), next }),
        JSON.stringify(outcome.answer),
        ...outcome.messages.flatMap(({ rating: _, ...message }) => [message.role, jsonOf(message)]),
      )
      return stepOf(reply as Stepped, claim.home, next)
    },

    async settle(claim, next) {
      const { home, token, turn, conversation } = claim
      const reply = await connection.script(
        'settle',
        withConversation(claim),
        given({ home, token, turn, conversation, next }),
      )
      return stepOf(reply as Stepped, home, next)
    },

    async release({ home, token, turn }) {
      await connection.script('release', atHome(home), given({ home, token, turn }))
    },
  }
}

/** The named values of the commit script. */
function outcomeOf({ home, token, turn, conversation, incoming }: Claim, outcome: Outcome) {
  return {
    home,
    token,
    turn,
    conversation,
    replaces: incoming.replaces,
    delivered: outcome.delivered,
    title: outcome.title,
    discard: outcome.discard,
    usage: usageOf(outcome),
    participants: outcome.participants,
  }
}

function usageOf(outcome: Outcome) {
  const sum = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
  for (const { answer } of outcome.messages) {
    sum.input += answer?.usage?.input ?? 0
    sum.output += answer?.usage?.output ?? 0
    sum.cacheRead += answer?.usage?.cacheRead ?? 0
    sum.cacheWrite += answer?.usage?.cacheWrite ?? 0
  }
  return sum
}
