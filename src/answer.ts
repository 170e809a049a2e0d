import { setTimeout as sleep } from 'node:timers/promises'
import { mayGoOn } from './access.ts'
import type { CommittedTurn } from './afterwards.ts'
import { failed, knownUser, outcomeOf, prepare } from './asked.ts'
import { type Beginning, createBeginning } from './beginning.ts'
import { type Composed, type Composer, promptWindow } from './compose.ts'
import { asFault, Fault, messageOf, notice } from './errors.ts'
import type { Feed, Live } from './live.ts'
import type { People } from './people.ts'
import { createPreview } from './pump.ts'
import type { Claim, Outcome, Store } from './store.ts'
import type { Run, Work } from './turns.ts'
import type { Adapter, Answer, Draft, Log, Metrics, Reply, Surface, User } from './types.ts'

/** After so many claims a turn is given up: something about it ends the process that tries it. */
const maxAttempts = 4
/** How long a finished answer is offered to a platform that does not take it. It stays readable on the web page. */
const deliverForMs = 5 * 60_000

export interface AnswerOptions {
  store: Pick<Store, 'leases' | 'conversations' | 'users' | 'places'>
  composer: Composer
  adapters: ReadonlyMap<Surface, Adapter>
  people: People
  live: Live
  log: Log
  metrics: Metrics
  /** Told of each committed turn: titles and summaries are made in its wake. */
  committed(turn: CommittedTurn): void
}

/** One turn from its claim to its settled answer: who asks, what the model says, store it, deliver it. */
export function createAnswer(options: AnswerOptions): Work {
  const { store, composer, adapters, people, live, metrics } = options

  return async function work(claim: Claim, run: Run): Promise<Claim | undefined> {
    const { surface } = claim.incoming.place
    const log = options.log.child({ turn: claim.turn, conversation: claim.conversation, surface })
    const adapter = adapters.get(surface)
    const reply = adapter && opened(adapter, claim, log)
    if (!reply) {
      // It may be this instance alone (a surface switched off, an older version): the lease runs out for another one.
      if (claim.attempt <= maxAttempts) throw new Error(`no answer can be shown on ${surface}`)
      return abandon(claim, run, log)
    }
    if (claim.answer) return deliver(claim, claim.answer, reply, run, log)

    const feed = live.open(claim.turn)
    const beginning = createBeginning(reply, log)
    let stored = false
    try {
      const { outcome, committed } = await answer(claim, adapter, reply, beginning, feed, run, log)
      const step = await persist(run, log, () => store.leases.commit(claim, outcome, next(outcome, run)))
      if (step.status === 'lost') throw lost()
      stored = true
      report(claim, outcome, log)
      // No title is made of words that their author took back.
      if (step.status === 'ok' && committed && !step.amended) options.committed(committed)
      if (outcome.delivered) return step.next
      feed.close(true)
      if (step.status === 'ok') return await deliver(claim, outcome.answer, reply, run, log)
      // The conversation was deleted: only what the surface still shows is brought to an end.
      await send(reply, { ...outcome.answer, text: '', stop: 'stopped' }).catch((thrown) =>
        log.warn({ err: thrown }, 'a deleted answer could not be cleared'),
      )
      return step.next
    } finally {
      beginning.over()
      feed.close(stored)
    }
  }

  function opened(adapter: Adapter, claim: Claim, log: Log): Reply | undefined {
    try {
      return adapter.openReply(claim.incoming.address, draftOf(claim), claim)
    } catch (thrown) {
      log.error({ err: thrown }, 'a reply could not be opened')
      return undefined
    }
  }

  /** A turn that nobody can answer must not hold up those behind it for ever. */
  async function abandon(claim: Claim, run: Run, log: Log): Promise<Claim | undefined> {
    log.error({ attempt: claim.attempt }, 'gave up on a turn that cannot be shown')
    const outcome: Outcome = {
      messages: [],
      delivered: true,
      answer: failed(new Fault('gave_up')),
      participants: [],
      discard: true,
    }
    const step = await persist(run, log, () =>
      claim.answer ? store.leases.settle(claim, run.nextLease()) : store.leases.commit(claim, outcome, run.nextLease()),
    )
    return step.next
  }

  function next(outcome: Outcome, run: Run) {
    return outcome.delivered ? run.nextLease() : undefined
  }

  /** The outcome of a turn, whatever happens; throws only when the turn is not ours to finish. */
  async function answer(
    claim: Claim,
    adapter: Adapter,
    reply: Reply,
    beginning: Beginning,
    feed: Feed,
    run: Run,
    log: Log,
  ): Promise<{ outcome: Outcome; committed?: CommittedTurn }> {
    const delivered = adapter.delivery === 'pull'
    if (claim.attempt > maxAttempts) log.error({ attempt: claim.attempt }, 'gave up on a turn')
    const preview = createPreview(reply, (thrown) => log.warn({ err: thrown }, 'the preview of an answer ended early'))
    // The model waits for this alone. What a surface shows and writes down as it begins comes once the model is asked, as
    // does whoever takes part: a store that syncs each write to its disk would answer all together, milliseconds later.
    const reading = claim.found
      ? Promise.resolve(claim.found)
      : persist(run, log, () => store.conversations.read(claim.conversation, promptWindow))
    reading.then(
      () => setImmediate(() => interrupted(run) || beginning.start()),
      () => {},
    )
    let user: User
    try {
      user = await persist(run, log, () => people.resolve(claim.incoming.sender, knownUser(claim)))
    } catch (thrown) {
      if (interrupted(run)) throw thrown
      await reading.catch(() => {})
      beginning.start()
      return { outcome: refusal(thrown, delivered, log) }
    }
    const found = await reading
    const takesPart = found?.conversation.participants.includes(user.id)
    if (found && !takesPart && !(await persist(run, log, () => mayGoOn(store, user, found.conversation)))) {
      await persist(run, log, () => beginAnew(claim))
      beginning.start()
      return { outcome: refusal(new Fault('parted'), delivered, log) }
    }
    const join = onceOf(() => {
      const joined = persist(run, log, () => store.conversations.join(claim.conversation, user.id, takesPart))
      joined.catch(() => {})
      return joined
    })
    setImmediate(() => interrupted(run) || join())
    const asked = await prepare(claim, claim.attempt > maxAttempts ? undefined : adapter, found, log)
    let first = true
    const composed: Composed = await (claim.attempt > maxAttempts
      ? { answer: failed(new Fault('gave_up')), dropped: 0 }
      : composer.compose({ claim, user, run, log, ...asked }, (delta) => {
          if (first) metrics.firstText(claim.incoming.place.surface, Date.now() - claim.acceptedAt)
          first = false
          feed.append(delta)
          beginning.start()
          beginning.over()
          preview.push(delta)
        }))
    beginning.over()
    await preview.finish()
    if (interrupted(run)) throw lost()
    beginning.start()
    await join()
    const outcome = outcomeOf(claim, user, asked, composed.answer, delivered)
    const committed = {
      turn: claim.turn,
      conversation: claim.conversation,
      asker: { user: user.id, surface: claim.incoming.place.surface, workspace: claim.incoming.place.workspace },
      before: asked.conversation,
      question: asked.text,
      ...composed,
    }
    return { outcome, committed }
  }

  /** What the place continued is not for who writes there now. */
  async function beginAnew({ incoming: { place }, conversation }: Claim): Promise<void> {
    if ((await store.places.read(place))?.conversation === conversation) await store.places.point(place, null)
  }

  function refusal(thrown: unknown, delivered: boolean, log: Log): Outcome {
    const fault = asFault(thrown)
    if (fault.code === 'internal') log.error({ err: thrown }, 'could not find out who is asking')
    else log.info({ code: fault.code }, 'refused')
    return { messages: [], delivered, answer: failed(fault), participants: [], discard: true }
  }

  /** Offer the stored answer to the surface until it takes it, then end the turn. */
  async function deliver(claim: Claim, final: Answer, reply: Reply, run: Run, log: Log): Promise<Claim | undefined> {
    const until = Date.now() + deliverForMs
    for (let attempt = 0; ; attempt++) {
      try {
        await send(reply, final)
        break
      } catch (thrown) {
        if (interrupted(run)) throw thrown
        const hopeless = thrown instanceof Fault && !thrown.notice.retry
        if (hopeless || Date.now() > until) {
          log.error({ err: thrown }, 'an answer could not be delivered; it can be read on the web page')
          break
        }
        log.warn({ reason: messageOf(thrown), attempt }, 'an answer was not taken by its surface, trying again')
        await pause(run, Math.min(1_000 * 2 ** attempt, 30_000))
      }
    }
    const step = await persist(run, log, () => store.leases.settle(claim, run.nextLease()))
    if (step.status === 'lost') throw lost()
    return step.next
  }

  function draftOf(claim: Claim): Draft {
    return {
      saved: claim.draft,
      async save(state) {
        if (!(await store.leases.save(claim, state))) throw lost()
      },
    }
  }

  function report(claim: Claim, outcome: Outcome, log: Log): void {
    const refused = outcome.messages.length === 0
    const ms = Date.now() - claim.acceptedAt
    metrics.done(claim.incoming.place.surface, refused ? 'refused' : outcome.answer.stop, ms)
    const { stop, model, usage, cached, notice: words } = outcome.answer
    log.info({ stop, model, usage, cached, code: words?.code, ms, attempt: claim.attempt }, 'answered')
  }

  /** The store may be gone for a moment: what must reach it is repeated until it does or the lease is not ours any more. */
  async function persist<T>(run: Run, log: Log, step: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await step()
      } catch (thrown) {
        if (interrupted(run) || !(thrown instanceof Fault) || thrown.code !== 'store_unavailable') throw thrown
        if (attempt === 0) log.warn({ reason: messageOf(thrown) }, 'the store did not answer, trying again')
        await pause(run, Math.min(100 * 2 ** attempt, 2_000))
      }
    }
  }
}

function send(reply: Reply, answer: Answer): Promise<void> {
  if (answer.stop === 'failed') return reply.failed(answer.notice ?? notice('internal'))
  return answer.stop === 'stopped' ? reply.stopped(answer) : reply.done(answer)
}

function interrupted(run: Run): boolean {
  return run.state === 'lost' || run.state === 'handover'
}

function lost(): Error {
  return new Error('the turn belongs to another instance now')
}

async function pause(run: Run, ms: number): Promise<void> {
  // A stop does not cut the pause short: what is being stored then is the stopped answer itself.
  await sleep(ms, undefined, run.state === 'running' ? { signal: run.signal } : undefined).catch(() => {})
  if (interrupted(run)) throw lost()
}

/** The same result at every call. */
function onceOf<T>(make: () => T): () => T {
  let made: { result: T } | undefined
  return () => {
    made ??= { result: make() }
    return made.result
  }
}
