/**
 * Asking and answering in the open conversation: a question on its way, the turn whose text is followed, stopping it.
 * @import { Message } from '../api.d.ts'
 * @import { Parts, State } from './chat.js'
 */
import { announce } from './announce.js'
import { noticeOf } from './api.js'
import { followTurn } from './stream.js'
import { toTurns } from './turn.js'

/**
 * @param {State} state
 * @param {Parts} parts
 * @param {object} page
 * @param {() => Promise<void>} page.refresh
 * @param {() => Promise<void>} page.refreshList
 * @param {(conversation: string) => void} page.began a new chat has become a conversation
 * @param {import('./notices.js').Notices} page.notices
 */
export function createAnswering(state, { api, drafts, thread, connection, tell, view }, page) {
  const { refresh, refreshList, began, notices } = page

  /** @param {{ id: string, text: string, replaces?: string }} message */
  async function send({ id, text, replaces }) {
    const { composer, scroll } = view()
    const mine = state.visit
    const conversation = state.current?.id
    const old = replaces ? thread.get(replaces) : undefined
    const message = { id, text, ...(replaces && { replaces }) }
    drafts.setSending(conversation, message)
    notices.hide()
    composer.setBusy(true)
    if (old) old.hidden = true
    thread.show({ turn: id, question: { text, at: Date.now() }, state: 'sending' })
    scroll.toBottom()
    try {
      const accepted = await api.send({ ...message, ...(conversation && { conversation }) })
      drafts.setSending(conversation, undefined)
      tell({ type: 'turn', conversation: accepted.conversation })
      if (mine === state.visit) heard(id, accepted, replaces)
      else refreshList()
    } catch (error) {
      drafts.setSending(conversation, undefined)
      if (mine !== state.visit) return drafts.write(conversation, message)
      thread.remove(id)
      if (old) old.hidden = false
      composer.restore(message)
      notices.show(noticeOf(error), true)
    } finally {
      if (mine === state.visit) composer.setBusy(false)
    }
  }

  /** @param {string} id @param {{ conversation: string, turn: string }} accepted @param {string} [replaces] */
  function heard(id, { conversation, turn }, replaces) {
    state.changes++
    if (replaces) thread.remove(replaces)
    thread.rekey(id, turn)
    if (thread.get(turn)?.dataset.state === 'sending') {
      thread.show({ turn, state: thread.unfinished().length ? 'waiting' : 'running' })
    }
    if (!state.current) began(conversation)
    follow()
    refreshList()
  }

  /** Follows the oldest turn that has no answer yet; one at a time, as they are answered. */
  function follow() {
    const { composer } = view()
    const turn = state.following?.turn ?? thread.unfinished()[0]
    if (!turn) composer.setStop('no')
    if (!turn || !state.current || state.following) return
    const conversation = state.current.id
    const grown = thread.grow(turn)
    if (!grown) return
    composer.setStop('can')
    const source = followTurn({
      path: (from) => api.streamPath(conversation, turn, from),
      text(text, offset) {
        if (!grown.add(text, offset)) source.restart()
      },
      reset: grown.reset,
      end: (messages) => finish(turn, messages),
      connected: connection.stream,
      check: api.me,
    })
    state.following = { turn, source }
  }

  function unfollow() {
    state.following?.source.close()
    state.following = undefined
    connection.stream(true)
  }

  /** @param {string} turn @param {Message[]} messages its question and its answer, as they are stored */
  function finish(turn, messages) {
    state.changes++
    unfollow()
    const answer = messages.find((message) => message.role === 'assistant')
    if (!answer || !state.current) {
      refresh()
      return
    }
    for (const shown of toTurns(messages)) thread.show(shown)
    const plain = thread.get(turn)?.querySelector('.prose')?.textContent ?? ''
    announce([plain.trim() && `Assistant: ${plain.trim()}`, answer.answer?.notice?.text].filter(Boolean).join(' '))
    tell({ type: 'turn', conversation: state.current.id })
    follow()
    refreshList().then(() => awaitTitle(state.visit))
  }

  /** @param {number} mine @param {number} [attempt] */
  function awaitTitle(mine, attempt = 0) {
    const ms = titleAfter[attempt]
    const named = !/^(none|text)$/.test(state.current?.titledBy ?? '')
    if (ms === undefined || mine !== state.visit || named) return
    setTimeout(() => mine === state.visit && refreshList().then(() => awaitTitle(mine, attempt + 1)), ms)
  }

  /** Stops a turn: the one that is being answered, or one that waits. @param {string | undefined} [turn] */
  async function stop(turn = state.following?.turn) {
    if (!turn || !state.current) return
    const { composer } = view()
    const running = turn === state.following?.turn
    if (running) composer.setStop('stopping')
    try {
      await api.stop(state.current.id, turn)
      if (!running) thread.withdraw(turn)
      announce(running ? 'Stopping.' : 'Taken back.')
    } catch (error) {
      if (running && state.following) composer.setStop('can')
      announce(noticeOf(error).text)
    }
  }

  return { send, follow, unfollow, stop }
}

/** The title is made in the background after the first answer; looked for this long after it, in milliseconds. */
const titleAfter = [1_500, 4_000, 10_000]
