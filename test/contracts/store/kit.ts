import { afterEach, beforeEach } from 'vitest'
import { homeOf, newConversationId, newId } from '../../../src/ids.ts'
import type { Claim, Delivery, Lease, Outcome, Store, StoreOptions } from '../../../src/store.ts'
import type { Answer, Incoming, Message, Place, User } from '../../../src/types.ts'

/**
 * Opens a store on empty data; with `fresh: false` a second instance on the data of the last fresh one. Every option must
 * be honoured: leases, windows and expiry follow `now` alone, so that no test has to wait.
 */
export type Open = (options?: StoreOptions & { fresh?: boolean }) => Promise<Store>

/** In what the engines may differ. */
export interface Traits {
  /** A message on the bus of one instance is heard by the others. */
  sharedBus?: boolean
}

export interface Clock {
  now(): number
  advance(ms: number): void
}

/** Begins far in the future, so that an engine's real clock never ends anything before the test's clock does. */
export function fakeClock(start = Date.UTC(2100, 0, 1)): Clock {
  let at = start
  return {
    now: () => at,
    advance: (ms) => {
      at += ms
    },
  }
}

/** The stores of one test: a fresh one before each, all closed after it. */
export interface Bed {
  readonly store: Store
  readonly clock: Clock
  /** A second instance on the same data. */
  again(options?: StoreOptions): Promise<Store>
  /** The same data seen by an instance with other options, e.g. a smaller inbox. */
  fresh(options: StoreOptions): Promise<Store>
}

export function bedFor(open: Open): Bed {
  let store: Store | undefined
  let clock = fakeClock()
  const opened: Store[] = []
  async function keep(options: StoreOptions & { fresh?: boolean }): Promise<Store> {
    const made = await open({ now: clock.now, ...options })
    opened.push(made)
    return made
  }
  beforeEach(async () => {
    clock = fakeClock()
    store = await keep({ fresh: true })
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()))
  })
  return {
    get store() {
      if (!store) throw new Error('The store is open during tests only.')
      return store
    },
    get clock() {
      return clock
    },
    again: (options = {}) => keep({ ...options, fresh: false }),
    fresh: (options) => keep({ ...options, fresh: true }),
  }
}

export const leaseMs = 10_000

let serial = 0

export function placeOf(channel: string, over: Partial<Place> = {}): Place {
  return { surface: 'web', workspace: 'local', channel, direct: true, ...over }
}

/** A message nobody has sent before. */
export function messageAt(place: Place, over: Partial<Incoming> = {}): Incoming {
  serial += 1
  return {
    ids: [`message-${serial}`, `event-${serial}`],
    sender: { surface: place.surface, workspace: place.workspace, id: 'ann' },
    place,
    text: `question ${serial}`,
    sentAt: 1_000 + serial,
    address: { channel: place.channel, serial },
    ...over,
  }
}

export function deliveryOf(incoming: Incoming): Delivery {
  return { incoming, turn: newId(), conversation: newConversationId(homeOf(incoming.place)) }
}

export function newLease(ms = leaseMs): Lease {
  return { token: newId(), ms }
}

export function answerOf(text: string, over: Partial<Answer> = {}): Answer {
  return {
    text,
    stop: 'end',
    model: 'a-model',
    usage: { input: 10, output: 5, cacheRead: 2, cacheWrite: 1 },
    ...over,
  }
}

/** A whole outcome of a turn: its question and an answer that names it. */
export function outcomeOf(claim: Claim, over: Partial<Outcome> & { at?: number } = {}): Outcome {
  const { at = claim.acceptedAt, ...rest } = over
  const answer = rest.answer ?? answerOf(`answer to ${claim.incoming.text}`)
  const { text, ...how } = answer
  const common = { turn: claim.turn, at, surface: claim.incoming.place.surface }
  const messages: Omit<Message, 'seq'>[] = [
    { ...common, role: 'user', text: claim.incoming.text, author: { user: 'ann', name: 'Ann' } },
    { ...common, role: 'assistant', text, answer: how },
  ]
  return { messages, delivered: true, answer, participants: ['ann'], ...rest }
}

/** Store a message and claim it; fails the test when that does not work. */
export async function claimNew(store: Store, incoming: Incoming, lease = newLease()): Promise<Claim> {
  const { accepted, claim } = await store.inbox.accept(deliveryOf(incoming), lease)
  if (!claim) throw new Error(`Expected a claim, got ${JSON.stringify(accepted)}`)
  return claim
}

/** One finished turn at a place. Returns its claim. */
export async function say(store: Store, incoming: Incoming, over: Partial<Outcome> = {}): Promise<Claim> {
  const claim = await claimNew(store, incoming)
  const step = await store.leases.commit(claim, outcomeOf(claim, over))
  if (step.status !== 'ok') throw new Error(`Expected the turn to be stored, it was ${step.status}`)
  for (const user of over.participants ?? ['ann']) await store.conversations.join(claim.conversation, user)
  return claim
}

/** Let the lease run out and another instance take the turn. */
export async function takeOver(bed: Bed, by: Store = bed.store): Promise<Claim> {
  bed.clock.advance(leaseMs + 1)
  const [claim] = await by.inbox.sweep([newLease()])
  if (!claim) throw new Error('There was nothing to take over.')
  return claim
}

/** All messages of a conversation. */
export async function messagesOf(store: Store, conversation: string): Promise<Message[]> {
  const found = await store.conversations.read(conversation, { messages: 10_000 })
  return found?.messages ?? []
}

export function newUser(over: Partial<User> = {}): User {
  const id = over.id ?? newId()
  return {
    id,
    name: 'Ann',
    emails: [],
    roles: ['member'],
    state: 'active',
    identities: [`web:local:${id}`],
    createdAt: 1,
    seenAt: 1,
    ...over,
  }
}
