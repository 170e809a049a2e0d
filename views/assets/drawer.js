/** On small screens the list of conversations is a drawer over the page. */
import { byId } from './elements.js'

export function createDrawer() {
  const sidebar = byId('conversations', HTMLElement)
  /** What lies under the open drawer; the heading may still be read. */
  const covered = ['thread', 'dock', 'more'].map((id) => byId(id, HTMLElement))
  const app = byId('app', HTMLElement)
  const opener = byId('drawer-open', HTMLButtonElement)
  const small = matchMedia('(max-width: 52rem)')

  const isOpen = () => document.body.dataset.drawer === 'open'

  function open() {
    if (!small.matches || isOpen()) return
    document.body.dataset.drawer = 'open'
    opener.setAttribute('aria-expanded', 'true')
    for (const element of covered) element.inert = true
    byId('drawer-close', HTMLElement).focus()
  }

  /** @returns {boolean} whether it was open */
  function close() {
    if (!isOpen()) return false
    delete document.body.dataset.drawer
    opener.setAttribute('aria-expanded', 'false')
    for (const element of covered) element.inert = false
    opener.focus()
    return true
  }

  opener.addEventListener('click', open)
  byId('drawer-close', HTMLElement).addEventListener('click', (event) => {
    event.preventDefault()
    close()
  })
  document.addEventListener('click', (event) => {
    // By the way the event took: what was clicked may be gone from the page by now.
    const path = event.composedPath()
    if (isOpen() && path.includes(app) && !path.includes(sidebar) && !path.includes(opener)) close()
  })
  small.addEventListener('change', close)
  return { open, close }
}
