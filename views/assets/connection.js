/**
 * Whether the server can be reached, told in a line above the message field. While it cannot, it is asked again and
 * again; when it answers, whoever wants to know is told.
 */
import { announce } from './announce.js'
import { byId } from './elements.js'

/** Waits between questions, in milliseconds; the last one is repeated. */
const askAfter = [1_000, 2_000, 4_000, 8_000, 15_000]
const goodNewsMs = 2_500

/**
 * @param {object} options
 * @param {() => Promise<unknown>} options.check
 * @param {() => void} options.healed
 */
export function createConnection({ check, healed }) {
  const banner = byId('connection', HTMLElement)
  const words = byId('connection-text', HTMLElement)
  const status = { request: true, stream: true }
  let shown = true
  let attempts = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  function update() {
    const good = status.request && status.stream
    if (good === shown) return
    shown = good
    clearTimeout(timer)
    banner.hidden = false
    banner.dataset.state = good ? 'good' : 'lost'
    words.textContent = good ? 'Connected again.' : 'Connection lost. Trying again…'
    announce(words.textContent)
    if (good) {
      attempts = 0
      timer = setTimeout(() => {
        banner.hidden = true
      }, goodNewsMs)
      healed()
    } else ask()
  }

  function ask() {
    clearTimeout(timer)
    timer = setTimeout(now, askAfter[Math.min(attempts++, askAfter.length - 1)])
  }

  /** The request itself reports how it went, see `request` below. */
  function now() {
    if (shown) return
    check().then(
      () => !shown && ask(),
      () => !shown && ask(),
    )
  }

  addEventListener('online', now)
  addEventListener('offline', () => {
    status.request = false
    update()
  })

  return {
    /** A request was answered, or not. @param {boolean} reached */
    request(reached) {
      status.request = reached
      update()
    },
    /** The event stream stands, or not; none at all is as good as one that stands. @param {boolean} open */
    stream(open) {
      status.stream = open
      update()
    },
  }
}
