/**
 * The open conversation: what is asked, what is being answered, what came before. Everything that is on the page and in
 * the store at once meets here.
 * @import { Boot, ConversationItem, Message, Notice } from '../api.d.ts'
 * @import { Api } from './api.js'
 * @import { Composer } from './composer.js'
 * @import { Drafts } from './drafts.js'
 * @import { Scroll } from './scroll.js'
 * @import { Sidebar } from './sidebar.js'
 * @import { News } from './tabs.js'
 * @import { Thread } from './thread.js'
 */
import { announce } from './announce.js'
import { ApiError } from './api.js'
import { byId } from './elements.js'
import { followTurn } from './stream.js'
import { toTurns } from './thread.js'

/** The title is made in the background after the first answer; looked for this long after it, in milliseconds. */
const titleAfter = [1_500, 4_000, 10_000]
const unknown = { code: 'internal', text: 'Something went wrong on this page. Reload it and try again.', retry: false }

/**
 * @param {object} parts
 * @param {Boot} parts.boot
 * @param {Api} parts.api
 * @param {Drafts} parts.drafts
 * @param {Thread} parts.thread
 * @param {{ stream(open: boolean): void }} parts.connection
 * @param {(news: News) => void} parts.tell
 * @param {() => { composer: Composer, sidebar: Sidebar, scroll: Scroll }} parts.view
 */
export function createChat({ boot, api, drafts, thread, connection, tell, view }) {
  /** @type {ConversationItem | undefined} */
  let current = boot.open?.conversation
  let before = boot.open?.before
  /** Counts what was opened: an answer to an earlier one is too late. */
  let visit = 0
  /** Counts turns that began or ended here: a picture of the store from before is too old. */
  let changes = 0
  let loadingOlder = false
  /** @type {{ turn: string, source: ReturnType<typeof followTurn> } | undefined} */
  let following

  // --- what is shown -----------------------------------------------------------------------------------------------

  function showTitle() {
    const title = current?.title || 'New chat'
    byId('title', HTMLElement).textContent = title
    byId('more', HTMLElement).hidden = !current
    document.title = `${title} · Team Chat`
  }

  function showOlder() {
    byId('older', HTMLElement).hidden = before === undefined
  }

  /** @param {Notice | undefined} notice @param {boolean} [again] whether there is something to send again */
  function showNotice(notice, again = false) {
    byId('send-notice', HTMLElement).hidden = !notice
    byId('send-notice-text', HTMLElement).textContent = notice?.text ?? ''
    const button = byId('send-again', HTMLButtonElement)
    button.hidden = !again || !notice?.retry
    button.textContent = notice?.code === 'bad_csrf' ? 'Reload' : 'Try again'
    if (notice) announce(notice.text)
  }

  async function refreshList() {
    await view().sidebar.refresh()
    const item = current && view().sidebar.get(current.id)
    if (!item) return
    current = item
    showTitle()
  }

  // --- opening ---------------------------------------------------------------------------------------------------

  /** @param {string} path */
  function push(path) {
    if (location.pathname !== path) history.pushState(null, '', path)
  }

  function leave() {
    visit++
    following?.source.close()
    following = undefined
    connection.stream(true)
    showNotice(undefined)
    view().composer.setBusy(false)
  }

  /** @param {string} id @param {{ history?: boolean }} [how] */
  async function open(id, { history: write = true } = {}) {
    leave()
    const mine = visit
    const { composer, scroll, sidebar } = view()
    thread.root.setAttribute('aria-busy', 'true')
    try {
      const opened = await api.open(id)
      if (mine !== visit) return
      if (write) push(`${boot.base}/c/${id}`)
      current = opened.conversation
      before = opened.before
      thread.clear()
      thread.reconcile(opened)
      arrive(id)
      scroll.toBottom()
      announce(`${current.title || 'Conversation'} opened.`)
    } catch (error) {
      if (mine !== visit) return
      if (write || !(error instanceof ApiError)) return showNotice(noticeOf(error))
      newChat({ history: false })
      showNotice(noticeOf(error))
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
    current = undefined
    before = undefined
    thread.clear()
    arrive(undefined)
    view().sidebar.render()
    view().composer.focus()
  }

  /** @param {string | undefined} id */
  function arrive(id) {
    showTitle()
    showOlder()
    view().composer.load(id)
    follow()
    const unsent = drafts.sending(id)
    if (unsent) send(unsent)
  }

  /** Makes the page show what the store holds by now. */
  async function refresh() {
    if (!current) return refreshList()
    const mine = visit
    const seen = changes
    try {
      const opened = await api.open(current.id)
      if (mine !== visit) return
      if (seen !== changes) return refresh()
      current = opened.conversation
      view().scroll.keep(() => {
        if (!thread.reconcile(opened)) before = opened.before
      })
      if (following && !thread.unfinished().includes(following.turn)) {
        following.source.close()
        following = undefined
      }
      showTitle()
      showOlder()
      follow()
      await refreshList()
    } catch (error) {
      if (mine !== visit || !(error instanceof ApiError) || error.status !== 404) return
      newChat()
      showNotice({ code: 'not_found', text: 'This conversation was deleted.', retry: false })
    }
  }

  /** Reads the messages before the oldest one on the page. @returns {Promise<boolean>} whether there are more */
  async function older() {
    if (before === undefined || loadingOlder || !current) return false
    const mine = visit
    loadingOlder = true
    try {
      const page = await api.earlier(current.id, before)
      if (mine !== visit) return false
      before = page.before
      view().scroll.keep(() => {
        thread.prepend(page.messages)
        showOlder()
      })
      return before !== undefined
    } catch {
      return false
    } finally {
      loadingOlder = false
    }
  }

  // --- asking and answering --------------------------------------------------------------------------------------

  /** @param {{ id: string, text: string, replaces?: string }} message */
  async function send({ id, text, replaces }) {
    const { composer, scroll } = view()
    const mine = visit
    const conversation = current?.id
    const old = replaces ? thread.get(replaces) : undefined
    const message = { id, text, ...(replaces && { replaces }) }
    drafts.setSending(conversation, message)
    showNotice(undefined)
    composer.setBusy(true)
    if (old) old.hidden = true
    thread.show({ turn: id, question: { text, at: Date.now() }, state: 'sending' })
    scroll.toBottom()
    try {
      const accepted = await api.send({ ...message, ...(conversation && { conversation }) })
      drafts.setSending(conversation, undefined)
      tell({ type: 'turn', conversation: accepted.conversation })
      if (mine === visit) heard(id, accepted, replaces)
      else refreshList()
    } catch (error) {
      drafts.setSending(conversation, undefined)
      if (mine !== visit) return drafts.write(conversation, message)
      thread.remove(id)
      if (old) old.hidden = false
      composer.restore(message)
      showNotice(noticeOf(error), true)
    } finally {
      if (mine === visit) composer.setBusy(false)
    }
  }

  /** @param {string} id @param {{ conversation: string, turn: string }} accepted @param {string} [replaces] */
  function heard(id, { conversation, turn }, replaces) {
    changes++
    if (replaces) thread.remove(replaces)
    thread.rekey(id, turn)
    if (thread.get(turn)?.dataset.state === 'sending') {
      thread.show({ turn, state: thread.unfinished().length ? 'waiting' : 'running' })
    }
    if (!current) {
      const now = Date.now()
      const usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
      const times = { createdAt: now, updatedAt: now }
      current = {
        id: conversation,
        title: '',
        titledBy: 'none',
        surface: 'web',
        direct: true,
        count: 0,
        usage,
        ...times,
      }
      push(`${boot.base}/c/${conversation}`)
      view().composer.moveTo(conversation)
    }
    follow()
    refreshList()
  }

  /** Follows the oldest turn that has no answer yet; one at a time, as they are answered. */
  function follow() {
    const { composer } = view()
    const turn = following?.turn ?? thread.unfinished()[0]
    if (!turn) composer.setStop('no')
    if (!turn || !current || following) return
    const conversation = current.id
    const grown = thread.grow(turn)
    if (!grown) return
    composer.setStop('can')
    const source = followTurn({
      path: (from) => api.streamPath(conversation, turn, from),
      started() {},
      text(text, offset) {
        if (!grown.add(text, offset)) source.restart()
      },
      reset: grown.reset,
      end: (messages) => finish(turn, messages),
      connected: connection.stream,
      check: api.me,
    })
    following = { turn, source }
  }

  /** @param {string} turn @param {Message[]} messages its question and its answer, as they are stored */
  function finish(turn, messages) {
    changes++
    following = undefined
    connection.stream(true)
    const answer = messages.find((message) => message.role === 'assistant')
    if (!answer) {
      refresh()
      return
    }
    for (const shown of toTurns(messages)) thread.show(shown)
    if (answer.turn !== turn) thread.remove(turn)
    const plain = thread.get(answer.turn)?.querySelector('.prose')?.textContent ?? ''
    announce([`Assistant: ${plain.trim()}`, answer.answer?.notice?.text].filter(Boolean).join(' '))
    if (current) tell({ type: 'turn', conversation: current.id })
    follow()
    refreshList().then(() => awaitTitle(visit))
  }

  /** @param {number} mine @param {number} [attempt] */
  function awaitTitle(mine, attempt = 0) {
    const ms = titleAfter[attempt]
    if (ms === undefined || mine !== visit || !current || !/^(none|text)$/.test(current.titledBy)) return
    setTimeout(() => mine === visit && refreshList().then(() => awaitTitle(mine, attempt + 1)), ms)
  }

  /** Stops a turn: the one that is being answered, or one that waits. @param {string | undefined} [turn] */
  async function stop(turn = following?.turn) {
    if (!turn || !current) return
    const { composer } = view()
    const running = turn === following?.turn
    if (running) composer.setStop('stopping')
    try {
      await api.stop(current.id, turn)
      if (!running) thread.withdraw(turn)
      announce(running ? 'Stopped.' : 'Taken back.')
    } catch (error) {
      if (running && following) composer.setStop('can')
      announce(noticeOf(error).text)
    }
  }

  return {
    get id() {
      return current?.id
    },
    get item() {
      return current
    },
    isRunning: () => following !== undefined,
    start: () => arrive(current?.id),
    open,
    newChat,
    refresh,
    older,
    send,
    stop,
    pause: () => following?.source.pause(),
    resume() {
      following?.source.reopen()
      refresh()
    },
    /** @param {string} title */
    renamed(title) {
      if (current) current = { ...current, title, titledBy: 'user' }
      showTitle()
    },
    /** An answer's Markdown. @param {HTMLElement} element its turn */
    async source(element) {
      const known = thread.sourceOf(element)
      const answer = /** @type {HTMLElement | null} */ (element.querySelector('.answer[data-seq]'))
      if (known !== undefined || !current || !answer) return known ?? ''
      const { messages } = await api.earlier(current.id, Number(answer.dataset.seq) + 1)
      return messages.find((each) => each.turn === element.dataset.turn && each.role === 'assistant')?.text ?? ''
    },
  }
}

/** @param {unknown} error @returns {Notice} */
function noticeOf(error) {
  if (!(error instanceof ApiError)) console.error(error)
  return error instanceof ApiError ? error.notice : unknown
}
