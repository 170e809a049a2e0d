import type { Readable } from 'node:stream'
import type { ConverseStreamCommandInput } from '@aws-sdk/client-bedrock-runtime'
import type { BedrockClient } from './client.ts'
import { CutError, SilenceError, StreamFault } from './faults.ts'
import { createFrameDecoder, type FrameHeaders } from './frames.ts'

/** Token counts as they stand on the wire. */
export interface WireUsage {
  inputTokens?: number
  outputTokens?: number
  totalTokens?: number
  cacheReadInputTokens?: number
  cacheWriteInputTokens?: number
}

/** A turn that the model brought to an end: `messageStop` was seen. */
export interface Ending {
  stop: string
  usage?: WireUsage
}

/** One request and its stream. */
export interface Attempt {
  /** The text that came since the last call, or how the turn ended. Rejects when it will not come to an end. */
  read(): Promise<string | Ending>
  /** Must be called in the end, whatever happened: without it the socket would stay open for ever. */
  close(): void
}

export interface AttemptOptions {
  client: BedrockClient
  input: ConverseStreamCommandInput
  /** The longest wait for the first content, text or reasoning, from the beginning on. */
  firstTokenMs: number
  /** The longest silence after that. */
  idleMs: number
  /**
   * How long to wait for the token counts after the turn has ended, and then for the response to end, so that its
   * connection can be used again. Both take milliseconds, if they come at all.
   */
  tailMs: number
  /** The caller's. */
  signal: AbortSignal
}

/** With so much text unread, the stream waits for its reader. */
const highWater = 256 * 1024

export function startAttempt({ client, input, firstTokenMs, idleMs, tailMs, signal }: AttemptOptions): Attempt {
  const aborter = new AbortController()
  const decoder = createFrameDecoder()
  let body: Readable | undefined
  let text = ''
  let stop: string | undefined
  let ending: Ending | undefined
  let failure: { thrown: unknown } | undefined
  let wake: (() => void) | undefined
  /** The reader is slow, and the stream waits for it. */
  let held = false
  let heard = false
  let phase: 'first' | 'flow' | 'tail' = 'first'
  let watchdog = setTimeout(onSilence, firstTokenMs)
  let drain: NodeJS.Timeout | undefined

  const onAbort = () => give({ thrown: signal.reason })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })

  client.send(input, aborter.signal).then(follow, fail)

  function follow(stream: Readable): void {
    body = stream
    // It may fail once more while it is torn down, and an error that nobody hears would end the process.
    stream.on('error', fail)
    if (aborter.signal.aborted) {
      stream.destroy()
      return
    }
    stream.on('readable', onReadable)
    stream.on('end', onEnd)
    stream.on('close', onClose)
  }

  /** Takes all that came at once: in flowing mode a burst would pass through the stream frame by frame. */
  function onReadable(): void {
    while (text.length <= highWater) {
      const chunk: Buffer | null = body?.read() ?? null
      if (chunk === null) return
      onData(chunk)
    }
    held = true
  }

  function onData(chunk: Buffer): void {
    if (ending || failure) return
    heard = false
    try {
      decoder.push(chunk, take)
    } catch (thrown) {
      fail(thrown)
    }
    // Silence ends with a frame, not with a byte: one that never becomes whole says nothing.
    if (heard && phase === 'flow' && !failure) watchdog.refresh()
    if (text !== '') wake?.()
  }

  function take({ kind, name, message }: FrameHeaders, payload: object): void {
    const event = payload as { delta?: { text?: string }; stopReason?: string; usage?: WireUsage; message?: string }
    if (kind !== 'event') throw new StreamFault(name, message ?? event.message ?? '')
    heard = true
    if (name === 'contentBlockDelta') {
      if (typeof event.delta?.text === 'string') text += event.delta.text
      if (phase === 'first') enter('flow', idleMs)
    } else if (name === 'messageStop') {
      stop = event.stopReason ?? 'unknown'
      enter('tail', tailMs)
    } else if (name === 'metadata' && stop !== undefined) finish(event.usage)
  }

  function enter(next: typeof phase, ms: number): void {
    phase = next
    clearTimeout(watchdog)
    watchdog = setTimeout(onSilence, ms)
  }

  function onSilence(): void {
    if (phase === 'tail') {
      finish()
      tearDown()
      return
    }
    // The server cannot be heard while we do not listen.
    if (held) {
      watchdog.refresh()
      return
    }
    const ms = phase === 'first' ? firstTokenMs : idleMs
    fail(new SilenceError(`nothing came for ${ms} ms (${phase === 'first' ? 'first content' : 'in mid-stream'})`))
  }

  function onEnd(): void {
    clearTimeout(drain)
    try {
      decoder.end()
      if (stop === undefined) throw new CutError('the stream ended without messageStop')
      finish()
    } catch (thrown) {
      fail(thrown)
    }
  }

  function onClose(): void {
    if (!ending && !failure) fail(new CutError('the connection was closed'))
  }

  /** The turn is whole. What is left of the response is read to its end, and the connection can be used again. */
  function finish(usage?: WireUsage): void {
    if (ending || failure) return
    ending = { stop: stop ?? 'unknown', ...(usage && { usage }) }
    clearTimeout(watchdog)
    if (!body?.readableEnded) drain = setTimeout(tearDown, tailMs).unref()
    wake?.()
  }

  function fail(thrown: unknown): void {
    if (ending || failure) return
    if (stop === undefined) {
      give({ thrown })
    } else {
      // Only the token counts are lost.
      finish()
      tearDown()
    }
  }

  function give(up: { thrown: unknown }): void {
    failure ??= up
    clearTimeout(watchdog)
    tearDown()
    wake?.()
  }

  function tearDown(): void {
    aborter.abort()
    body?.destroy()
  }

  return {
    async read() {
      for (;;) {
        if (signal.aborted) throw signal.reason
        if (text !== '') {
          const part = text
          text = ''
          if (held) {
            held = false
            onReadable()
          }
          return part
        }
        if (ending) return ending
        if (failure) throw failure.thrown
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close() {
      signal.removeEventListener('abort', onAbort)
      if (!ending && !failure) give({ thrown: new CutError('nobody reads any more') })
    },
  }
}
