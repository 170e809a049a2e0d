import { expect } from 'vitest'
import { homeOfConversation } from '../../../src/ids.ts'
import type { Claim, Lease, Step, Store } from '../../../src/store.ts'
import type { Incoming } from '../../../src/types.ts'
import { type Happening, places } from './happenings.ts'
import { answerOf, type Clock, deliveryOf, leaseMs, messageAt, messagesOf, newLease, outcomeOf } from './kit.ts'

export const maxWaiting = 4

/** What the model knows of a stored message. */
interface Known {
  incoming: Incoming
  turn: string
  conversation: string
  home: string
  draft: object | null
  answer: string | null
  stopped: boolean
  /** Someone has worked on it. */
  begun: boolean
  /** What its stored question says once it is answered; by then the one of the claim, if nothing was changed meanwhile. */
  text: string
  /** Its author deleted it before anyone worked on it. */
  dropped: boolean
  over: boolean
}

export interface World {
  happen(happening: Happening): Promise<void>
  /** Everything that ran has died; what waits is answered. */
  drain(): Promise<void>
  /** One stored answer a message, in order. */
  verify(): Promise<void>
}

/**
 * Instances over one store, and a model of it that is plain enough to be right: it foretells what each step comes to and
 * fails at the first that comes to something else.
 */
export function createWorld(stores: Store[], clock: Clock): World {
  const known: Known[] = []
  const sent: Incoming[] = []
  const pointers = new Map<number, string>()
  /** Whether a conversation is of one person only. */
  const direct = new Map<string, boolean>()
  const muted = new Set<number>()
  /** Who may work on a home, and until when. */
  const holders = new Map<string, { token: string; until: number }>()
  /** What each instance believes that it works on. */
  const held: Claim[][] = stores.map(() => [])
  let answers = 0
  let changes = 0

  const waiting = (home: string) => known.filter((one) => one.home === home && !one.over)
  const isHeld = (home: string) => (holders.get(home)?.until ?? 0) > clock.now()
  const owns = (claim: Claim) => holders.get(claim.home)?.token === claim.token
  const nth = <T>(list: T[], n: number): T | undefined => list[n % Math.max(list.length, 1)]

  function gain(by: number, claim: Claim): void {
    const [oldest] = waiting(claim.home)
    expect(claim.turn).toBe(oldest?.turn)
    expect(isHeld(claim.home)).toBe(false)
    expect(claim).toMatchObject({
      conversation: oldest?.conversation,
      incoming: oldest?.incoming,
      draft: oldest?.draft,
    })
    expect(claim.answer?.text ?? null).toBe(oldest?.answer)
    if (!oldest?.answer) expect(claim.stopped).toBe(oldest?.stopped)
    holders.set(claim.home, { token: claim.token, until: clock.now() + leaseMs })
    if (oldest) oldest.begun = true
    held[by]!.push(claim)
  }

  async function deliver(by: number, incoming: Incoming, claim: boolean, twice: boolean): Promise<void> {
    const place = places.findIndex((one) => one.channel === incoming.place.channel)
    const delivery = deliveryOf(incoming)
    const lease = claim ? newLease() : undefined
    const result = await stores[by]!.inbox.accept(delivery, lease)
    const isLike = (conversation: string) => direct.get(conversation) === incoming.place.direct
    if (incoming.conversation && !isLike(incoming.conversation)) {
      expect(result).toEqual({ accepted: { status: 'denied' } })
      return
    }
    // A place that points across the border between private and shared begins a fresh one.
    const pointed = isLike(pointers.get(place) ?? '') ? pointers.get(place) : undefined
    if (incoming.followUp && !incoming.conversation && (pointed === undefined || muted.has(place))) {
      expect(result).toEqual({ accepted: { status: 'ignored' } })
      return
    }
    if (!incoming.followUp && !incoming.conversation) muted.delete(place)
    const conversation = incoming.conversation ?? pointed ?? delivery.conversation
    const home = homeOfConversation(conversation)
    const before = waiting(home).length
    if (before >= maxWaiting) {
      expect(result).toEqual({ accepted: { status: 'full' } })
      return
    }
    expect(result.accepted).toEqual({ status: 'accepted', conversation, turn: delivery.turn })
    if (!incoming.conversation) pointers.set(place, conversation)
    if (conversation === delivery.conversation) direct.set(conversation, incoming.place.direct)
    const { turn } = delivery
    known.push({
      incoming: { ...incoming },
      turn,
      conversation,
      home,
      draft: null,
      answer: null,
      stopped: false,
      begun: false,
      text: incoming.text,
      dropped: false,
      over: false,
    })
    expect(result.claim !== undefined).toBe(claim && before === 0)
    if (result.claim) gain(by, result.claim)
    if (twice) expect(await stores[by]!.inbox.accept(delivery, lease)).toEqual(result)
  }

  async function redeliver(happening: Happening & { type: 'redeliver' }): Promise<void> {
    const { by, claim } = happening
    const incoming = nth(sent, happening.message)
    if (!incoming) return
    const entry = known.find((one) => one.incoming.ids[0] === incoming.ids[0])
    if (!entry) return deliver(by, incoming, claim, false)
    if (happening.ids === 'more') incoming.ids = [...incoming.ids, `${entry.turn}-${incoming.ids.length}`]
    const ids = { first: incoming.ids.slice(0, 1), last: incoming.ids.slice(-1), more: incoming.ids }[happening.ids]
    const again = deliveryOf({ ...incoming, ids })
    const result = await stores[by]!.inbox.accept(again, claim ? newLease() : undefined)
    expect(result.accepted).toEqual({ status: 'duplicate', conversation: entry.conversation, turn: entry.turn })
    expect(result.claim).toBeUndefined()
  }

  async function point(happening: Happening & { type: 'point' }): Promise<void> {
    const entry = happening.at === null ? undefined : nth(known, happening.at)
    await stores[happening.by]!.places.point(places[happening.place]!, entry?.conversation ?? null)
    muted.delete(happening.place)
    if (entry && exists(entry.conversation)) pointers.set(happening.place, entry.conversation)
    else pointers.delete(happening.place)
  }

  /** A conversation is gone when all of its messages were deleted before anyone worked on them. */
  const exists = (conversation: string) => known.some((one) => one.conversation === conversation && !one.dropped)

  async function amend({ by, message, deleted }: Happening & { type: 'amend' }): Promise<void> {
    const entry = nth(known, message)
    if (!entry) return
    changes += 1
    const text = deleted ? null : `changed ${changes} ,"text":"x"}`
    const { place, ids } = entry.incoming
    const amended = await stores[by]!.places.amend(place, nth(ids, message)!, { text, title: text ?? '' })
    if (entry.dropped) {
      expect(amended).toEqual({ when: 'unknown', stopped: [] })
      return
    }
    const when = entry.answer !== null ? 'answered' : entry.begun ? 'running' : 'waiting'
    const { turn, conversation } = entry
    expect(amended).toEqual({ when, conversation, turn, stopped: deleted && when === 'running' ? [turn] : [] })
    entry.text = text ?? ''
    entry.incoming.text = entry.text
    if (deleted && when === 'running') entry.stopped = true
    if (!deleted || when !== 'waiting') return
    entry.dropped = true
    entry.over = true
    if (exists(conversation)) return
    for (const [place, pointed] of pointers) {
      if (pointed !== conversation) continue
      pointers.delete(place)
      muted.delete(place)
    }
  }

  async function sweep(by: number, count: number): Promise<Claim[]> {
    const due = new Set(known.filter((one) => !one.over && !isHeld(one.home)).map((one) => one.home))
    const claims = await stores[by]!.inbox.sweep(Array.from({ length: count }, () => newLease()))
    expect(claims).toHaveLength(Math.min(count, due.size))
    for (const claim of claims) gain(by, claim)
    return claims
  }

  async function hold(happening: Happening & { type: 'renew' | 'save' | 'release' | 'forget' }): Promise<void> {
    const mine = held[happening.by]!
    const claim = nth(mine, happening.claim)
    if (!claim) return
    const { leases } = stores[happening.by]!
    const mayWrite = owns(claim)
    const keep = happening.type === 'renew' || happening.type === 'save'
    if (happening.type === 'renew') {
      expect(await leases.renew(claim, leaseMs)).toBe(mayWrite)
      if (mayWrite) holders.set(claim.home, { token: claim.token, until: clock.now() + leaseMs })
    } else if (happening.type === 'save') {
      const draft = { shown: `${claim.token} ${clock.now()}` }
      expect(await leases.save(claim, draft)).toBe(mayWrite)
      if (mayWrite) entryOf(claim).draft = draft
    } else if (happening.type === 'release') {
      await leases.release(claim)
      if (mayWrite) holders.delete(claim.home)
    }
    if (!keep || !mayWrite) mine.splice(mine.indexOf(claim), 1)
  }

  function entryOf(claim: Claim): Known {
    return known.find((one) => one.turn === claim.turn)!
  }

  /** Commit, or settle where the answer is stored already; as often as the reply is lost. */
  async function finish(by: number, claim: Claim, delivered: boolean, lease?: Lease, replyLost = false): Promise<void> {
    const { leases } = stores[by]!
    const entry = entryOf(claim)
    const mayWrite = owns(claim)
    answers += 1
    const answer = claim.answer ?? answerOf(`answer ${answers}`)
    const outcome = outcomeOf(claim, { answer, delivered })
    const call = (): Promise<Step> =>
      claim.answer ? leases.settle(claim, lease) : leases.commit(claim, outcome, lease)
    const changed = claim.incoming.text !== entry.incoming.text
    const step = await call()
    if (mayWrite) expect(step.status).toBe('ok')
    // Who lost a turn that is over by now may be told either: it is idempotent by turn, and there is nothing left to do.
    else if (!entry.over) expect(step.status).toBe('lost')
    if (mayWrite && !claim.answer) expect(step.amended ?? false).toBe(changed)

    held[by] = held[by]!.filter((one) => one.token !== claim.token)
    if (mayWrite) {
      entry.answer ??= answer.text
      if (claim.answer || delivered) {
        entry.over = true
        holders.delete(claim.home)
        expect(step.next !== undefined).toBe(lease !== undefined && waiting(claim.home).length > 0)
      } else {
        expect(step.next).toBeUndefined()
        held[by]!.push({ ...claim, answer })
      }
    }
    if (step.next) gain(by, step.next)
    if (replyLost && mayWrite) expect(await call()).toEqual(step)
  }

  async function stop(by: number, message: number): Promise<void> {
    const entry = nth(known, message)
    if (!entry) return
    const stopped = await stores[by]!.inbox.stop(entry.conversation)
    const open = known.filter((one) => one.conversation === entry.conversation && !one.over)
    expect(open.map((one) => one.turn)).toEqual(expect.arrayContaining(stopped))
    const unanswered = open.filter((one) => one.answer === null)
    expect(stopped).toEqual(expect.arrayContaining(unanswered.map((one) => one.turn)))
    for (const one of unanswered) one.stopped = true
  }

  async function happen(happening: Happening): Promise<void> {
    switch (happening.type) {
      case 'deliver': {
        const named = happening.into === null ? undefined : nth(known, happening.into)
        if (named && !exists(named.conversation)) return
        const into = named ? { conversation: named.conversation } : {}
        const addressed = happening.followUp ? { followUp: true as const } : {}
        const incoming = messageAt(places[happening.place]!, { user: 'ann', ...into, ...addressed })
        sent.push(incoming)
        return deliver(happening.by, incoming, happening.claim, happening.twice)
      }
      case 'redeliver':
        return redeliver(happening)
      case 'point':
        return point(happening)
      case 'mute':
        await stores[happening.by]!.places.mute(places[happening.place]!)
        if (pointers.has(happening.place)) muted.add(happening.place)
        return
      case 'amend':
        return amend(happening)
      case 'sweep':
        await sweep(happening.by, happening.leases)
        return
      case 'finish': {
        const claim = nth(held[happening.by]!, happening.claim)
        const lease = happening.next ? newLease() : undefined
        if (claim) await finish(happening.by, claim, happening.delivered, lease, happening.replyLost)
        return
      }
      case 'stop':
        return stop(happening.by, happening.message)
      case 'crash':
        held[happening.by] = []
        return
      case 'time':
        clock.advance(happening.ms)
        return
      default:
        return hold(happening)
    }
  }

  async function drain(): Promise<void> {
    clock.advance(leaseMs + 1)
    for (const list of held) list.length = 0
    for (let round = 0; known.some((one) => !one.over); round++) {
      expect(round).toBeLessThan(200)
      const by = round % stores.length
      for (const claim of await sweep(by, 3)) await finish(by, claim, true)
    }
  }

  async function verify(): Promise<void> {
    for (const conversation of new Set(known.map((one) => one.conversation))) {
      const turns = known.filter((one) => one.conversation === conversation && !one.dropped)
      const stored = await messagesOf(stores[0]!, conversation)
      expect(stored.map((one) => [one.seq, one.turn, one.role, one.text])).toEqual(
        turns.flatMap((one, n) => [
          [2 * n, one.turn, 'user', one.text],
          [2 * n + 1, one.turn, 'assistant', one.answer],
        ]),
      )
      expect(await stores[0]!.inbox.pending(conversation)).toEqual([])
    }
    for (const home of new Set(known.map((one) => one.home))) {
      const numbers = known
        .filter((one) => one.home === home && !one.dropped)
        .map((one) => Number(one.answer?.slice('answer '.length)))
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
  }

  return { happen, drain, verify }
}
