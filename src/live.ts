import { chance } from './ids.ts'
import type { Bus } from './store.ts'
import type { JsonObject, LiveEvent, Log } from './types.ts'

/** One try at an answer, as it is being written. */
export interface Feed {
  append(delta: string): void
  /** The answer is stored (or this try is over without one): `stored` tells watchers to read it. */
  close(stored: boolean): void
}

type Listener = (event: LiveEvent) => void

/**
 * Text of running answers for whoever watches, on any instance. On the instance that runs the turn it stays in memory
 * and costs no store call. A watcher elsewhere announces itself over the bus, gets what is there so far and then each
 * piece; its announcement is repeated and runs out by itself.
 */
export interface Live {
  open(turn: string): Feed
  /** Watch from the event `from` on (or the beginning). `nearby` tells whether the turn runs on this instance. */
  watch(turn: string, from: string | undefined, listener: Listener): { stop(): void; nearby(): boolean }
  close(): void
}

const announceMs = 5_000
const announcedMs = 12_000
/** Pieces for other instances are merged for so long: twenty messages a second and turn, at the most. */
const mergeMs = 50
const announceChannel = 'live'

export async function createLive(bus: Bus, log: Log): Promise<Live> {
  const feeds = new Map<string, LocalFeed>()
  const watchers = new Map<string, Watchers>()
  /** Turns that someone on another instance watches, and until when we believe it. */
  const announced = new Map<string, number>()
  const instance = chance(6)

  const endAnnouncements = await bus.subscribe(announceChannel, (message) => {
    if (message.from === instance || typeof message.turn !== 'string') return
    announced.set(message.turn, Date.now() + announcedMs)
    feeds.get(message.turn)?.snapshot()
  })
  const sweep = setInterval(() => {
    for (const [turn, until] of announced) if (until < Date.now()) announced.delete(turn)
    for (const turn of watchers.keys()) if (!feeds.has(turn)) announce(turn)
  }, announceMs)
  sweep.unref()

  function publish(channel: string, message: JsonObject): void {
    bus.publish(channel, message).catch((cause) => log.debug({ err: cause }, 'live text could not be published'))
  }
  function announce(turn: string): void {
    publish(announceChannel, { from: instance, turn })
  }
  const farWatched = (turn: string): boolean => (announced.get(turn) ?? 0) > Date.now()

  function open(turn: string): Feed {
    const feed = new LocalFeed({
      near: (event, id, text) => watchers.get(turn)?.receive(event, id, text),
      far: (message) => farWatched(turn) && publish(`live:${turn}`, { ...message, by: instance }),
      watchedFar: () => farWatched(turn),
      ended: () => feeds.get(turn) === feed && feeds.delete(turn),
    })
    feeds.set(turn, feed)
    feed.begin()
    return feed
  }

  function watch(turn: string, from: string | undefined, listener: Listener): { stop(): void; nearby(): boolean } {
    let group = watchers.get(turn)
    if (!group) {
      group = new Watchers(bus, turn, instance)
      watchers.set(turn, group)
      group.subscribed.catch((cause) => log.debug({ err: cause }, 'live text of other instances cannot be followed'))
      // Only once the subscription stands, or the snapshot that answers this would be missed.
      if (!feeds.has(turn)) group.subscribed.then(() => announce(turn)).catch(() => {})
    }
    const here = group
    const leave = here.add(from, listener, feeds.get(turn))
    return {
      stop() {
        if (leave() > 0) return
        here.close()
        if (watchers.get(turn) === here) watchers.delete(turn)
      },
      nearby: () => feeds.has(turn),
    }
  }

  return {
    open,
    watch,
    close() {
      clearInterval(sweep)
      endAnnouncements()
      for (const group of watchers.values()) group.close()
    },
  }
}

interface Outlets {
  near(event: 'begin' | 'text' | 'end', id: string, text: string): void
  far(message: JsonObject): void
  watchedFar(): boolean
  ended(): void
}

class LocalFeed implements Feed {
  readonly id = chance(6)
  text = ''
  #sent = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  readonly #out: Outlets

  constructor(out: Outlets) {
    this.#out = out
  }

  begin(): void {
    this.#out.near('begin', this.id, '')
    this.#out.far({ type: 'text', feed: this.id, offset: 0, text: '' })
  }

  append(delta: string): void {
    this.text += delta
    this.#out.near('text', this.id, this.text)
    // Nearly always nobody does, and twenty timers a second cost more than the text itself.
    if (this.#out.watchedFar()) this.#timer ??= setTimeout(() => this.#flush(), mergeMs)
  }

  close(stored: boolean): void {
    if (this.#closed) return
    this.#closed = true
    this.#flush()
    this.#out.ended()
    if (!stored) return
    this.#out.near('end', this.id, this.text)
    this.#out.far({ type: 'end', feed: this.id })
  }

  /** All there is so far, for someone who came late. */
  snapshot(): void {
    this.#out.far({ type: 'text', feed: this.id, offset: 0, text: this.text })
    this.#sent = this.text.length
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#sent === this.text.length) return
    this.#out.far({ type: 'text', feed: this.id, offset: this.#sent, text: this.text.slice(this.#sent) })
    this.#sent = this.text.length
  }
}

/** Those who watch one turn from this instance. */
class Watchers {
  readonly subscribed: Promise<void>
  readonly #members = new Set<Watcher>()
  #unsubscribe: (() => void) | undefined
  #closed = false
  /** What is known of a feed on another instance. */
  #far = { feed: '', text: '' }

  constructor(bus: Bus, turn: string, instance: string) {
    this.subscribed = bus
      .subscribe(`live:${turn}`, (message) => {
        if (message.by !== instance) this.#hear(message)
      })
      .then((unsubscribe) => {
        if (this.#closed) unsubscribe()
        else this.#unsubscribe = unsubscribe
      })
  }

  add(from: string | undefined, listener: Listener, feed: LocalFeed | undefined): () => number {
    const watcher = new Watcher(from, listener)
    this.#members.add(watcher)
    if (feed) watcher.show(feed.id, feed.text)
    else if (this.#far.feed) watcher.show(this.#far.feed, this.#far.text)
    return () => {
      this.#members.delete(watcher)
      return this.#members.size
    }
  }

  receive(event: 'begin' | 'text' | 'end', id: string, text: string): void {
    for (const member of [...this.#members]) {
      if (event === 'end') member.end()
      else member.show(id, text)
    }
  }

  #hear(message: JsonObject): void {
    if (message.type === 'end') {
      this.receive('end', '', '')
      return
    }
    const { feed, offset, text } = message
    if (typeof feed !== 'string' || typeof offset !== 'number' || typeof text !== 'string') return
    if (this.#far.feed !== feed) this.#far = { feed, text: '' }
    // A gap means that a message was lost; the next announcement brings all of it.
    if (offset > this.#far.text.length) return
    if (offset + text.length > this.#far.text.length) this.#far.text = this.#far.text.slice(0, offset) + text
    this.receive('text', feed, this.#far.text)
  }

  close(): void {
    this.#closed = true
    this.#unsubscribe?.()
  }
}

class Watcher {
  #feed = ''
  #length = 0
  #started = false
  readonly #listener: Listener

  constructor(from: string | undefined, listener: Listener) {
    const dot = from?.lastIndexOf('.') ?? -1
    const length = Number(from?.slice(dot + 1))
    if (from && dot > 0 && Number.isSafeInteger(length) && length >= 0) {
      this.#feed = from.slice(0, dot)
      this.#length = length
      this.#started = true
    }
    this.#listener = listener
  }

  /** Bring the watcher to `text` of the feed `id`. */
  show(id: string, text: string): void {
    if (!this.#started) this.#listener({ type: 'started' })
    const knows = this.#feed === '' || (this.#feed === id && this.#length <= text.length)
    const offset = knows ? this.#length : 0
    this.#started = true
    this.#feed = id
    this.#length = text.length
    const place = `${id}.${text.length}`
    if (!knows) this.#listener({ type: 'reset', id: place, text })
    else if (text.length > offset) this.#listener({ type: 'text', id: place, offset, text: text.slice(offset) })
  }

  end(): void {
    this.#listener({ type: 'end' })
  }
}
