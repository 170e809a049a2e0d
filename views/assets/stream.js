/**
 * Follows one turn's text. The browser's EventSource resumes by itself after a short loss; when it gives up (the server
 * answered with an error, or was gone for long), a new one is opened from the last place that was read.
 * @import { Message } from '../api.d.ts'
 */

/** Waits before the stream is opened anew, in milliseconds; the last one is repeated. */
const reopenAfter = [500, 1_000, 2_000, 4_000, 8_000, 15_000]

/**
 * @param {object} options
 * @param {(from: string | undefined) => string} options.path
 * @param {(text: string, offset: number) => void} options.text
 * @param {(text: string) => void} options.reset
 * @param {(messages: Message[]) => void} options.end
 * @param {(open: boolean) => void} options.connected
 * @param {() => Promise<unknown>} options.check asks the server something small: finds out that one is signed out
 * @param {typeof globalThis.EventSource} [options.Source]
 */
export function followTurn({ path, text, reset, end, connected, check, Source = globalThis.EventSource }) {
  /** @type {string | undefined} */
  let place
  /** @type {EventSource | undefined} */
  let source
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let attempts = 0
  let over = false

  function open() {
    clearTimeout(timer)
    source?.close()
    const current = new Source(path(place))
    source = current
    current.onopen = () => {
      attempts = 0
      connected(true)
    }
    current.onerror = () => {
      if (over || current !== source) return
      connected(false)
      if (current.readyState === Source.CLOSED) later()
    }
    /** @param {string} name @param {(data: any) => void} take */
    const on = (name, take) =>
      current.addEventListener(name, (event) => {
        if (over || current !== source) return
        if (event.lastEventId) place = event.lastEventId
        take(JSON.parse(event.data || '{}'))
      })
    on('text', (data) => text(data.text, data.offset))
    on('reset', (data) => reset(data.text))
    on('end', (data) => {
      close()
      end(data.messages ?? [])
    })
  }

  function later() {
    const ms = reopenAfter[Math.min(attempts++, reopenAfter.length - 1)]
    timer = setTimeout(() => {
      // An event stream's error has no status; a plain request says what is wrong.
      check().then(
        () => !over && open(),
        () => !over && later(),
      )
    }, ms)
  }

  function close() {
    over = true
    clearTimeout(timer)
    source?.close()
  }

  open()
  return {
    /** The network is back, or the page is looked at again: do not wait. */
    reopen() {
      if (!over && source?.readyState !== Source.OPEN) open()
    },
    /** Lets go of the connection and remembers the place. Browsers open few at a time to one server, over all tabs. */
    pause() {
      clearTimeout(timer)
      source?.close()
    },
    /** Reads the text from its beginning. */
    restart() {
      place = undefined
      if (!over) open()
    },
    close,
  }
}

/** @typedef {ReturnType<typeof followTurn>} Stream */
