/**
 * The list of conversations: by day, searched, continued when its end comes into view; a drawer on small screens.
 * @import { ConversationItem } from '../api.d.ts'
 * @import { Api } from './api.js'
 */
import { announce } from './announce.js'
import { ApiError } from './api.js'
import { byId, find, fromTemplate } from './elements.js'
import { byDay } from './time.js'

/** A search begins when typing rests this long. */
const searchAfterMs = 180
const surfaceNames = { slack: 'Slack', teams: 'Teams', web: 'Web' }

/**
 * @param {object} options
 * @param {string} options.base
 * @param {Api} options.api
 * @param {{ list: ConversationItem[], listNext?: string, q?: string }} options.boot
 * @param {() => string | undefined} options.opened
 */
export function createSidebar({ base, api, boot, opened }) {
  const root = byId('list', HTMLElement)
  const search = byId('search', HTMLInputElement)
  let items = boot.list
  let next = boot.listNext
  /** What the shown items were searched by. */
  let query = boot.q ?? ''
  let loading = false
  /** @type {AbortController | undefined} */
  let running
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  function render() {
    const focused = focusIn(root)
    const parts = [heading('h2', query ? 'Search results' : 'Conversations', 'visually-hidden')]
    const groups = query ? [{ name: '', items }] : byDay(items, Date.now())
    for (const group of groups) {
      if (group.name) parts.push(heading('h3', group.name, 'list-day'))
      const list = document.createElement('ul')
      list.className = 'list-group'
      list.append(...group.items.map((item) => line(item)))
      if (group.items.length) parts.push(list)
    }
    if (!items.length) {
      const text = query
        ? `Nothing found for “${query}”.`
        : 'Your conversations will be listed here, also those from Slack and Teams.'
      parts.push(heading('p', text, 'list-empty'))
    }
    if (next !== undefined) parts.push(moreButton())
    root.replaceChildren(...parts)
    focused?.()
  }

  /** @param {ConversationItem} item */
  function line(item) {
    const element = fromTemplate('conversation-template')
    const link = find(element, 'a', HTMLAnchorElement)
    const title = item.title || 'New chat'
    element.dataset.id = item.id
    link.href = `${base}/c/${item.id}`
    if (item.id === opened()) link.setAttribute('aria-current', 'page')
    find(element, '.conversation-title', HTMLElement).textContent = title
    find(element, '.surface-name', HTMLElement).textContent = `, ${surfaceNames[item.surface]}`
    const surface = find(element, '.surface', HTMLElement)
    surface.title = surfaceNames[item.surface]
    const use = surface.querySelector('use')
    use?.setAttribute('href', `${use.getAttribute('href')?.split('#')[0]}#${item.surface}`)
    const snippet = find(element, '.snippet', HTMLElement)
    snippet.hidden = !item.snippet
    if (item.snippet) snippet.replaceChildren(...marked(aroundHit(item.snippet, query), query))
    find(element, '.conversation-more', HTMLElement).setAttribute('aria-label', `More for ${title}`)
    return element
  }

  function moreButton() {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'button button-small list-more'
    button.textContent = 'Show more'
    button.addEventListener('click', async () => {
      if (loading) return
      loading = true
      button.disabled = true
      try {
        const page = await api.list({ before: next, q: query })
        const known = new Set(items.map((item) => item.id))
        items = [...items, ...page.items.filter((item) => !known.has(item.id))]
        next = page.next
        const first = page.items[0]?.id
        render()
        if (first) focusLine(first)
        announce(`${page.items.length} more conversations.`)
      } catch (error) {
        button.disabled = false
        announce(error instanceof ApiError ? error.notice.text : 'The list could not be read.')
      } finally {
        loading = false
      }
    })
    return button
  }

  /** @param {string} id */
  function focusLine(id) {
    const link = root.querySelector(`[data-id="${CSS.escape(id)}"] a`)
    if (link instanceof HTMLElement) link.focus()
  }

  /** Reads the list anew, or what is searched for. */
  async function refresh() {
    const wanted = search.value.trim()
    running?.abort()
    const mine = new AbortController()
    running = mine
    try {
      const page = await api.list({ q: wanted }, mine.signal)
      if (mine.signal.aborted) return
      // Pages that were loaded before stay, unless they are of another search.
      const fresh = new Set(page.items.map((item) => item.id))
      const more = wanted === query && items.length > page.items.length && !wanted
      const oldest = page.items.at(-1)?.updatedAt ?? 0
      const tail = more ? items.filter((item) => !fresh.has(item.id) && item.updatedAt < oldest) : []
      items = [...page.items, ...tail]
      if (!tail.length) next = page.next
      const changed = wanted !== query
      query = wanted
      render()
      if (changed && wanted)
        announce(items.length ? `${items.length} conversations found.` : `Nothing found for ${wanted}.`)
    } catch {
      // The connection's own line says so; the list stays as it was.
    }
  }

  search.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(refresh, searchAfterMs)
  })
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    if (search.value) {
      search.value = ''
      refresh()
    } else byId('message', HTMLElement).focus()
  })
  byId('search-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    clearTimeout(timer)
    refresh()
  })

  render()
  return {
    search,
    refresh,
    render,
    /** @param {string} id */
    get: (id) => items.find((item) => item.id === id),
    /** @param {string} id @param {Partial<ConversationItem>} change */
    change(id, change) {
      items = items.map((item) => (item.id === id ? { ...item, ...change } : item))
      render()
    },
    /** @param {string} id */
    remove(id) {
      items = items.filter((item) => item.id !== id)
      render()
      root.focus()
    },
    /** @param {string} id */
    focusLine,
  }
}

/** @typedef {ReturnType<typeof createSidebar>} Sidebar */

/** @param {string} tag @param {string} text @param {string} name */
function heading(tag, text, name) {
  const element = document.createElement(tag)
  element.textContent = text
  element.className = name
  return element
}

/** @param {string} query */
function wordsOf(query) {
  const words = query.split(/\s+/).filter(Boolean)
  return new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'iu')
}

/** Two lines are shown: the hit is to be in them. @param {string} text @param {string} query */
function aroundHit(text, query) {
  const at = text.search(wordsOf(query))
  return at > 24 ? `…${text.slice(at - 20)}` : text
}

/** The words that were searched for, marked. @param {string} text @param {string} query @returns {(string | Node)[]} */
function marked(text, query) {
  return text.split(wordsOf(query)).map((part, at) => {
    if (at % 2 === 0) return part
    const mark = document.createElement('mark')
    mark.textContent = part
    return mark
  })
}

/** Lines are made anew; the one that had the focus gets it back. @param {HTMLElement} root */
function focusIn(root) {
  const focused = document.activeElement
  const id = focused?.closest('.conversation')?.getAttribute('data-id')
  if (!focused || !id || !root.contains(focused)) return undefined
  const selector = `[data-id="${CSS.escape(id)}"] ${focused.matches('a') ? 'a' : 'button'}`
  return () => {
    const again = root.querySelector(selector)
    if (again instanceof HTMLElement) again.focus({ preventScroll: true })
  }
}
