/**
 * The messages on the page, turn by turn. Knows how they look and what is on the page already; what they are comes from
 * outside.
 * @import { Message, Opened, Turn } from '../api.d.ts'
 */
import { byId, find, fromTemplate } from './elements.js'
import { createGrowing } from './growing.js'
import { finishCode } from './highlight.js'
import { marked, render } from './render.js'
import { fillAnswer, fillQuestion, fromPending, setState, setTime, toTurns, unchanged } from './turn.js'

export function createThread() {
  const root = byId('turns', HTMLElement)
  const empty = byId('empty', HTMLElement)
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map()
  /** @type {WeakMap<HTMLElement, ReturnType<typeof createGrowing>>} */
  const growing = new WeakMap()
  /** Answers as they were written. @type {WeakMap<HTMLElement, string>} */
  const sources = new WeakMap()

  /** @param {string} id */
  function make(id) {
    const element = fromTemplate('turn-template')
    element.dataset.turn = id
    shown.set(id, element)
    return element
  }

  /** @param {HTMLElement} element @param {Turn} turn */
  function fill(element, turn) {
    if (turn.question) fillQuestion(element, turn.question)
    setState(element, turn.state)
    const answer = find(element, '.answer', HTMLElement)
    answer.hidden = turn.state === 'done' && !turn.answer
    if (!turn.answer) return
    growing.get(element)?.close()
    growing.delete(element)
    sources.set(element, turn.answer.text)
    fillAnswer(element, turn.answer)
  }

  /** The newest turn is where a question may be edited and an answer asked for again. */
  function settle() {
    const turns = [...root.children]
    for (const [at, turn] of turns.entries()) turn.toggleAttribute('data-last', at === turns.length - 1)
    empty.hidden = turns.length > 0
  }

  const thread = {
    root,
    /** @param {string} id */
    get: (id) => shown.get(id),
    /** Turns without a finished answer, oldest first. */
    unfinished: () =>
      [...root.children]
        .filter((turn) => /^(waiting|running)$/.test(turnOf(turn).dataset.state ?? ''))
        .map((turn) => turnOf(turn).dataset.turn ?? ''),
    /** An answer's Markdown, where it came through the script. @param {HTMLElement} element */
    sourceOf: (element) => sources.get(element),

    /** Takes over what the server rendered. @param {Record<string, string>} ratings comments by turn */
    adopt(ratings) {
      for (const child of root.children) {
        const element = turnOf(child)
        const id = element.dataset.turn ?? ''
        shown.set(id, element)
        if (ratings[id]) element.dataset.comment = ratings[id]
        for (const time of element.querySelectorAll('time')) if (time.dateTime) setTime(time, Date.parse(time.dateTime))
        find(element, '.answer', HTMLElement).hidden =
          element.dataset.state === 'done' && !element.querySelector('.answer[data-seq]')
      }
      finishCode([root])
      settle()
    },

    /** Puts a turn at the end, or changes the one that is there. @param {Turn} turn */
    show(turn) {
      const element = shown.get(turn.turn) ?? make(turn.turn)
      fill(element, turn)
      if (!element.parentNode) root.append(element)
      settle()
      return element
    },

    /** A turn that was shown under the client's id gets the server's. @param {string} from @param {string} to */
    rekey(from, to) {
      const element = shown.get(from)
      if (!element || from === to) return
      shown.delete(from)
      if (shown.has(to)) element.remove()
      else {
        element.dataset.turn = to
        shown.set(to, element)
      }
      settle()
    },

    /** A question that waits will not be answered; it is over when its turn comes. @param {string} id */
    withdraw(id) {
      const element = shown.get(id)
      if (!element) return
      element.dataset.withdrawn = 'yes'
      find(element, '.progress-text', HTMLElement).textContent = 'Taken back'
    },

    /** @param {string} id */
    remove(id) {
      shown.get(id)?.remove()
      shown.delete(id)
      settle()
    },

    clear() {
      shown.clear()
      root.replaceChildren()
      settle()
    },

    /** Older messages, above all others. @param {Message[]} messages */
    prepend(messages) {
      const fragment = document.createDocumentFragment()
      for (const turn of toTurns(messages)) {
        const known = shown.get(turn.turn)
        // The border between two pages may run through a turn.
        if (known && turn.question) fillQuestion(known, turn.question)
        if (!known) {
          const element = make(turn.turn)
          fill(element, turn)
          fragment.append(element)
        }
      }
      root.prepend(fragment)
      settle()
    },

    /**
     * Makes the page show what the store holds. Older messages above stay, unless there is a gap to them.
     * @param {Opened} opened
     * @returns {boolean} whether they stayed
     */
    reconcile({ messages, pending }) {
      const replaced = new Set(pending.map((each) => each.replaces))
      const turns = [...toTurns(messages).filter((turn) => !replaced.has(turn.turn)), ...pending.map(fromPending)]
      const first = messages[0]?.seq ?? 0
      const kept = new Set(turns.map((turn) => turn.turn))
      const newest = Math.max(
        -1,
        ...[...root.querySelectorAll('[data-seq]')].map((each) => Number(turnOf(each).dataset.seq)),
      )
      const gap = newest < first - 1
      if (gap) thread.clear()
      for (const [id, element] of [...shown]) {
        const seq = Number(turnOf(element.querySelector('[data-seq]') ?? element).dataset.seq ?? Number.NaN)
        const older = seq < first
        if (!kept.has(id) && !older && element.dataset.state !== 'sending') thread.remove(id)
      }
      for (const turn of turns) {
        const there = shown.get(turn.turn)
        if (there && unchanged(there, turn)) continue
        thread.show(turn)
      }
      return !gap
    },

    /**
     * The place where the answer of a turn grows.
     * @param {string} id
     */
    grow(id) {
      const element = shown.get(id)
      if (!element) return undefined
      setState(element, 'running')
      const prose = find(element, '.prose', HTMLElement)
      const grown = growing.get(element) ?? createGrowing({ root: prose, marked, render, settled: finishCode })
      growing.set(element, grown)
      return {
        /** @param {string} text @param {number} offset */
        add(text, offset) {
          element.dataset.text = 'yes'
          return grown.add(text, offset)
        },
        /** @param {string} text */
        reset(text) {
          element.toggleAttribute('data-text', text !== '')
          grown.reset(text)
        },
      }
    },
  }
  return thread
}

/** @typedef {ReturnType<typeof createThread>} Thread */

/** @param {Element | null} element @returns {HTMLElement} */
function turnOf(element) {
  return /** @type {HTMLElement} */ (element)
}
