import type { Request, Response } from 'express'
import { Fault } from '../../src/errors.ts'
import type { Log } from '../../src/types.ts'
import type { Limits } from './config.ts'

/** One open event stream. */
export interface Stream {
  /** False: it is closed, or was closed for this, because its client does not read. */
  send(event: string, data: object, id?: string): boolean
  /** Ends it; a browser comes back by itself unless it was told that all is said. */
  close(): void
  /** A line that browsers ignore and proxies see. */
  comment(): void
  onClose(listener: () => void): void
}

export interface Streams {
  /** Throws `too_many_attempts` when this user has too many open. */
  open(request: Request, response: Response, owner: Owner): Stream
  /** Close the streams of a session that is over. */
  end(session: string): void
  /** Close all; no more can be opened. */
  close(): void
}

interface Owner {
  session: string
  user: string
}

/** How long a browser waits before it comes back. */
const retryMs = 1_500

/**
 * Server-sent events. Streams send a comment when silent, are closed when their client does not read, and every few
 * seconds it is asked for each session behind them whether it may still see anything.
 */
export function createStreams(options: {
  limits: Limits
  /** Whether this session stands and its user may be here. */
  allowed(owner: Owner): Promise<boolean>
  log: Log
}): Streams {
  const { limits, log } = options
  const open = new Map<Stream, Owner>()
  let closed = false

  const beats = setInterval(() => {
    for (const stream of open.keys()) stream.comment()
  }, limits.heartbeatMs)
  const checks = setInterval(() => void check(), limits.checkMs)
  beats.unref()
  checks.unref()

  async function check(): Promise<void> {
    const owners = new Map([...open.values()].map((owner) => [owner.session, owner]))
    for (const owner of owners.values()) {
      try {
        if (!(await options.allowed(owner))) end(owner.session)
      } catch (cause) {
        // The store is away: whoever was let in stays until it can say otherwise.
        log.debug({ err: cause }, 'open streams could not be checked')
        return
      }
    }
  }

  function end(session: string): void {
    for (const [stream, owner] of open) if (owner.session === session) stream.close()
  }

  return {
    end,
    open(request, response, owner) {
      if (closed) throw new Fault('draining')
      const mine = [...open.values()].filter(({ user }) => user === owner.user).length
      if (mine >= limits.streamsPerUser) {
        throw new Fault('too_many_attempts', {
          text: 'This conversation is open in too many places. Close some of them.',
        })
      }
      const stream = streamOver(request, response, limits.streamBytes, log)
      open.set(stream, owner)
      stream.onClose(() => open.delete(stream))
      return stream
    },
    close() {
      closed = true
      clearInterval(beats)
      clearInterval(checks)
      for (const stream of open.keys()) stream.close()
    },
  }
}

function streamOver(request: Request, response: Response, mostBytes: number, log: Log): Stream {
  const listeners: (() => void)[] = []
  let over = false
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    // nginx would hold events back until its buffer is full.
    'X-Accel-Buffering': 'no',
  })
  request.socket.setNoDelay(true)
  response.once('close', finish)

  function finish(): void {
    if (over) return
    over = true
    for (const listener of listeners) listener()
  }
  function write(chunk: string): boolean {
    if (over) return false
    response.write(chunk)
    // What the socket has not taken yet waits in our memory.
    if (response.writableLength <= mostBytes) return true
    log.info({ waiting: response.writableLength }, 'an event stream was closed because its client does not read')
    response.destroy()
    finish()
    return false
  }

  write(`retry: ${retryMs}\n\n`)
  return {
    comment: () => void write(': still here\n\n'),
    // JSON has no line breaks of its own, so each event is one data line.
    send: (event, data, id) =>
      write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`),
    close() {
      if (!over) response.end()
      finish()
    },
    onClose(listener) {
      if (over) listener()
      else listeners.push(listener)
    },
  }
}
