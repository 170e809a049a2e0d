/**
 * The open conversation: which one it is, what came before, and that the page shows what the store holds.
 * @import { Boot, ConversationItem } from '../api.d.ts'
 * @import { Api } from './api.js'
 * @import { Composer } from './composer.js'
 * @import { Drafts } from './drafts.js'
 * @import { Scroll } from './scroll.js'
 * @import { Sidebar } from './sidebar.js'
 * @import { Stream } from './stream.js'
 * @import { News } from './tabs.js'
 * @import { Thread } from './thread.js'
 */
import { announce } from './announce.js'
import { createAnswering } from './answering.js'
import { ApiError, noticeOf } from './api.js'
import { byId } from './elements.js'
import { createNotices } from './notices.js'

/**
 * @typedef {object} State
 * @property {ConversationItem | undefined} current `undefined`: a new chat
 * @property {number | undefined} before where to read on backwards
 * @property {number} visit counts what was opened: an answer to an earlier one is too late
 * @property {number} changes counts turns that began or ended here: a picture of the store from before is too old
 * @property {{ turn: string, source: Stream } | undefined} following
 *
 * @typedef {object} Parts
 * @property {Boot} boot
 * @property {Api} api
 * @property {Drafts} drafts
 * @property {Thread} thread
 * @property {{ stream(open: boolean): void }} connection
 * @property {(news: News) => void} tell
 * @property {() => { composer: Composer, sidebar: Sidebar, scroll: Scroll }} view
 */

const surfaceNames = { slack: 'Slack', teams: 'Teams', web: 'the web' }

/** Where others take part, the page only reads. @param {string} base @param {ConversationItem | undefined} current */
function showShared(base, current) {
  const shared = current?.direct === false
  byId('app', HTMLElement).toggleAttribute('data-shared', shared)
  if (!shared) return
  byId('shared', HTMLFormElement).action = `${base}/c/${encodeURIComponent(current.id)}/copy`
  byId('shared-surface', HTMLElement).textContent = surfaceNames[current.surface]
}

/** @param {Parts} parts */
export function createChat(parts) {
  const { boot, api, drafts, thread, view } = parts
  /** @type {State} */
  const state = {
    current: boot.open?.conversation,
    before: boot.open?.before,
    visit: 0,
    changes: 0,
    following: undefined,
  }
  const notices = createNotices(() => view().composer.submit())
  const answering = createAnswering(state, parts, { refresh, refreshList, began, notices })
  let loadingOlder = false
  /** @type {Promise<void> | undefined} */
  let refreshing

  // --- what is shown -----------------------------------------------------------------------------------------------

  function showHead() {
    const title = state.current?.title || 'New chat'
    byId('title', HTMLElement).textContent = title
    byId('more', HTMLElement).hidden = !state.current
    byId('older', HTMLElement).hidden = state.before === undefined
    document.title = `${title} · Team Chat`
    showShared(boot.base, state.current)
  }

  async function refreshList() {
    await view().sidebar.refresh()
    const item = state.current && view().sidebar.get(state.current.id)
    if (!item) return
    state.current = item
    showHead()
  }

  // --- opening -----------------------------------------------------------------------------------------------------

  /** @param {string} path */
  function push(path) {
    if (location.pathname !== path) history.pushState(null, '', path)
  }

  function leave() {
    state.visit++
    answering.unfollow()
    notices.hide()
    view().composer.setBusy(false)
  }

  /** @param {string} id @param {{ history?: boolean }} [how] */
  async function open(id, { history: write = true } = {}) {
    leave()
    const mine = state.visit
    const { composer, scroll, sidebar } = view()
    thread.root.setAttribute('aria-busy', 'true')
    try {
      const opened = await api.open(id)
      if (mine !== state.visit) return
      if (write) push(`${boot.base}/c/${id}`)
      state.current = opened.conversation
      state.before = opened.before
      thread.clear()
      thread.reconcile(opened)
      arrive(id)
      scroll.toBottom()
      announce(`${opened.conversation.title || 'Conversation'} opened.`)
    } catch (error) {
      if (mine !== state.visit) return
      // Back to where the address says one is; forward there is no one to go to.
      if (!write) newChat({ history: false })
      else answering.follow()
      notices.show(noticeOf(error))
    } finally {
      thread.root.removeAttribute('aria-busy')
      composer.focus()
      sidebar.render()
    }
  }

  /** @param {{ history?: boolean }} [how] */
  function newChat({ history: write = true } = {}) {
    leave()
    if (write) push(`${boot.base}/`)
    state.current = undefined
    state.before = undefined
    thread.clear()
    arrive(undefined)
    view().sidebar.render()
    view().composer.focus()
  }

  /** @param {string | undefined} id */
  function arrive(id) {
    showHead()
    view().composer.load(id)
    answering.follow()
    const unsent = drafts.sending(id)
    if (unsent) answering.send(unsent)
  }

  /** @param {string} id */
  function began(id) {
    const now = Date.now()
    const usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
    const times = { createdAt: now, updatedAt: now }
    state.current = { id, title: '', titledBy: 'none', surface: 'web', direct: true, count: 0, usage, ...times }
    push(`${boot.base}/c/${id}`)
    view().composer.moveTo(id)
    showHead()
  }

  // --- keeping up --------------------------------------------------------------------------------------------------

  /** Makes the page show what the store holds by now. One at a time: many things ask for it at once. */
  function refresh() {
    refreshing ??= readAgain().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  /** @returns {Promise<void>} */
  async function readAgain() {
    if (!state.current) return refreshList()
    const mine = state.visit
    const seen = state.changes
    try {
      const opened = await api.open(state.current.id)
      if (mine !== state.visit) return
      if (seen !== state.changes) return readAgain()
      state.current = opened.conversation
      view().scroll.keep(() => {
        if (!thread.reconcile(opened)) state.before = opened.before
      })
      if (state.following && !thread.unfinished().includes(state.following.turn)) answering.unfollow()
      showHead()
      answering.follow()
      await refreshList()
    } catch (error) {
      if (mine !== state.visit || !(error instanceof ApiError) || error.status !== 404) return
      newChat()
      notices.show({ code: 'not_found', text: 'This conversation was deleted.', retry: false })
    }
  }

  /** Reads the messages before the oldest one on the page. @returns {Promise<boolean>} whether there are more */
  async function older() {
    if (state.before === undefined || loadingOlder || !state.current) return false
    const mine = state.visit
    loadingOlder = true
    try {
      const page = await api.earlier(state.current.id, state.before)
      if (mine !== state.visit) return false
      state.before = page.before
      view().scroll.keep(() => {
        thread.prepend(page.messages)
        showHead()
      })
      return state.before !== undefined
    } catch {
      return false
    } finally {
      loadingOlder = false
    }
  }

  /** An answer's Markdown. @param {HTMLElement} element its turn */
  async function source(element) {
    const known = thread.sourceOf(element)
    const answer = /** @type {HTMLElement | null} */ (element.querySelector('.answer[data-seq]'))
    if (known !== undefined || !state.current || !answer) return known ?? ''
    const { messages } = await api.earlier(state.current.id, Number(answer.dataset.seq) + 1)
    return messages.find((each) => each.turn === element.dataset.turn && each.role === 'assistant')?.text ?? ''
  }

  return {
    get id() {
      return state.current?.id
    },
    get item() {
      return state.current
    },
    isRunning: () => state.following !== undefined,
    start: () => arrive(state.current?.id),
    open,
    newChat,
    refresh,
    older,
    source,
    send: answering.send,
    stop: answering.stop,
    pause: () => state.following?.source.pause(),
    resume() {
      state.following?.source.reopen()
      return refresh()
    },
    /** @param {string} title */
    renamed(title) {
      if (state.current) state.current = { ...state.current, title, titledBy: 'user' }
      showHead()
    },
  }
}
