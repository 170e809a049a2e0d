/** The chat page's entry: makes the parts, ties them together, and gives keys and buttons their meaning. */
import { announce } from './announce.js'
import { createApi, newMessageId } from './api.js'
import { createChat } from './chat.js'
import { createComposer } from './composer.js'
import { createConnection } from './connection.js'
import { createDrafts } from './drafts.js'
import { createDrawer } from './drawer.js'
import { byId } from './elements.js'
import { copy } from './highlight.js'
import { createMenu } from './menu.js'
import { rate } from './rating.js'
import { createScroll } from './scroll.js'
import { createSidebar } from './sidebar.js'
import { createTabs } from './tabs.js'
import { createThread } from './thread.js'

/** @type {import('../api.d.ts').Boot} */
const boot = JSON.parse(byId('boot', HTMLScriptElement).textContent)
const drafts = createDrafts(boot.base, boot.user.id)
const api = createApi({
  base: boot.base,
  csrf: document.querySelector('meta[name=csrf]')?.getAttribute('content') ?? '',
  // What is written is kept; after the sign-in it is there again.
  signedOut: () => location.assign(`${boot.base}/login?${new URLSearchParams({ next: location.pathname })}`),
  reached: (reached) => connection.request(reached),
})
const thread = createThread()
const connection = createConnection({ check: api.me, healed: () => chat.resume() })
const tell = createTabs(boot.base, boot.user.id, (news) => {
  if (news.type === 'turn' && news.conversation === chat.id) chat.refresh()
  else sidebar.refresh()
})
const chat = createChat({ boot, api, drafts, thread, connection, tell, view: () => ({ composer, sidebar, scroll }) })
const composer = createComposer({ drafts, maxLength: boot.maxLength, send: chat.send, stop: () => chat.stop() })
const sidebar = createSidebar({ base: boot.base, api, boot, opened: () => chat.id })
const drawer = createDrawer()
createMenu({
  api,
  opened: () => chat.id,
  itemOf: (id) => (chat.item?.id === id ? chat.item : sidebar.get(id)),
  renamed(id, title) {
    sidebar.change(id, { title, titledBy: 'user' })
    if (id === chat.id) chat.renamed(title)
    tell({ type: 'list' })
  },
  removed(id) {
    sidebar.remove(id)
    if (id === chat.id) chat.newChat()
    tell({ type: 'list' })
  },
})

thread.adopt(boot.open?.ratings ?? {})
const scroll = createScroll({ older: chat.older })
chat.start()
composer.focus()

// --- moving between conversations ------------------------------------------------------------------------------------

/** The id in a path of ours, `undefined` for the new chat, `null` for any other page. @param {string} path */
function conversationIn(path) {
  if (path === `${boot.base}/`) return undefined
  const start = `${boot.base}/c/`
  return path.startsWith(start) ? decodeURIComponent(path.slice(start.length)) : null
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (
    !link ||
    event.defaultPrevented ||
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return
  if (link.target || link.hasAttribute('download') || link.origin !== location.origin || link.hash) return
  const id = conversationIn(link.pathname)
  if (id === null || link.search) return
  event.preventDefault()
  drawer.close()
  if (id === undefined) chat.newChat()
  else chat.open(id)
})

addEventListener('popstate', () => {
  const id = conversationIn(location.pathname)
  if (id === null) location.reload()
  else if (id === undefined) chat.newChat({ history: false })
  else chat.open(id, { history: false })
})

byId('older-link', HTMLAnchorElement).addEventListener('click', (event) => {
  event.preventDefault()
  chat.older()
})

// --- buttons in the thread -------------------------------------------------------------------------------------------

/** @type {Record<string, (turn: HTMLElement, button: HTMLElement) => unknown>} */
const actions = {
  edit: (turn) => composer.edit(questionOf(turn), turn.dataset.turn ?? ''),
  retry: (turn) => chat.send({ id: newMessageId(), text: questionOf(turn), replaces: turn.dataset.turn }),
  withdraw: (turn) => chat.stop(turn.dataset.turn),
  up: (turn) => rate(turn, 'up', saveRating(turn)),
  down: (turn) => rate(turn, 'down', saveRating(turn)),
  async copy(turn, button) {
    const prose = /** @type {HTMLElement | undefined} */ (turn.querySelector('.prose')?.cloneNode(true))
    for (const head of prose?.querySelectorAll('.code-head') ?? []) head.remove()
    const kinds = { 'text/plain': await chat.source(turn).catch(() => ''), 'text/html': prose?.innerHTML ?? '' }
    announce((await copy(button, kinds)) ? 'Answer copied.' : 'This browser did not let the page copy.')
  },
  async 'copy-code'(_turn, button) {
    const code = button.closest('.code')?.querySelector('code')?.textContent ?? ''
    announce((await copy(button, { 'text/plain': code })) ? 'Code copied.' : 'This browser did not let the page copy.')
  },
}

/** @param {HTMLElement} turn */
function questionOf(turn) {
  return turn.querySelector('.bubble')?.textContent ?? ''
}

/** @param {HTMLElement} turn @returns {Parameters<typeof rate>[2]} */
function saveRating(turn) {
  const conversation = chat.id ?? ''
  return (rating) => api.rate(conversation, turn.dataset.turn ?? '', rating)
}

thread.root.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-action]') : null
  const turn = button?.closest('.turn')
  if (button instanceof HTMLElement && turn instanceof HTMLElement) actions[button.dataset.action ?? '']?.(turn, button)
})

byId('empty', HTMLElement).addEventListener('click', (event) => {
  const prompt = event.target instanceof Element ? event.target.closest('[data-prompt]') : null
  if (prompt instanceof HTMLElement) composer.fill(prompt.dataset.prompt ?? '')
})

byId('logout', HTMLFormElement).addEventListener('submit', () => drafts.clear())

// --- keys ------------------------------------------------------------------------------------------------------------

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing) return
  const target = event.target instanceof HTMLElement ? event.target : document.body
  const writing = target.matches('input, textarea, select') || target.isContentEditable
  if (event.key === '/' && !writing && !event.metaKey && !event.ctrlKey && !event.altKey) {
    event.preventDefault()
    drawer.open()
    sidebar.search.focus()
  }
  if (event.key === 'Escape' && !document.querySelector('dialog[open], :popover-open')) {
    if (!drawer.close() && !composer.cancelEdit() && chat.isRunning()) chat.stop()
  }
})

// --- coming back -----------------------------------------------------------------------------------------------------

document.addEventListener('visibilitychange', () => {
  if (document.hidden) chat.pause()
  else chat.resume()
})
addEventListener('focus', () => chat.resume())
// Brought back from the browser's memory of pages: as old as when it was left.
addEventListener('pageshow', (event) => event.persisted && chat.resume())
