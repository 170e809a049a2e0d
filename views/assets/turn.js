/**
 * One turn on the page: what its elements say of its question, its answer and how far it is.
 * @import { Message, Pending, Turn } from '../api.d.ts'
 */
import { find } from './elements.js'
import { finishCode } from './highlight.js'
import { render } from './render.js'
import { fullTime, shortTime } from './time.js'

/** @type {Record<Turn['state'], string>} */
const progress = { sending: 'Sending…', waiting: 'Waiting in line', running: 'Thinking…', done: '' }

/** @param {readonly Message[]} messages @returns {Turn[]} */
export function toTurns(messages) {
  /** @type {Map<string, Turn>} */
  const turns = new Map()
  for (const message of messages) {
    const turn = turns.get(message.turn) ?? { turn: message.turn, state: 'done' }
    turns.set(message.turn, message.role === 'user' ? { ...turn, question: message } : { ...turn, answer: message })
  }
  return [...turns.values()]
}

/** @param {Pending} pending @returns {Turn} */
export function fromPending({ turn, text, at, running, self }) {
  const author = { name: 'Someone else', self }
  return { turn, question: { text, at, author }, state: running ? 'running' : 'waiting' }
}

/** @param {HTMLElement} element @param {Turn} turn */
export function unchanged(element, turn) {
  const { state, rating } = element.dataset
  if (turn.question && find(element, '.bubble', HTMLElement).textContent !== turn.question.text) return false
  if (turn.state !== 'done') return state === turn.state || (state === 'running' && turn.state === 'waiting')
  const seq = /** @type {HTMLElement | null} */ (element.querySelector('.answer[data-seq]'))?.dataset.seq
  return state === 'done' && seq === String(turn.answer?.seq) && rating === turn.answer?.rating?.value
}

/** @param {HTMLElement} element @param {Turn['state']} state */
export function setState(element, state) {
  element.dataset.state = state
  find(element, '.progress-text', HTMLElement).textContent = progress[state]
  if (state === 'done') delete element.dataset.text
}

/** @param {HTMLElement} element @param {NonNullable<Turn['question']>} question */
export function fillQuestion(element, question) {
  const article = find(element, '.question', HTMLElement)
  const other = question.author && !question.author.self
  article.hidden = false
  article.toggleAttribute('data-other', Boolean(other))
  if (question.seq !== undefined) article.dataset.seq = String(question.seq)
  find(article, '.author', HTMLElement).textContent = other ? (question.author?.name ?? '') : 'You'
  find(article, '.bubble', HTMLElement).textContent = question.text
  setTime(find(article, 'time', HTMLTimeElement), question.at)
}

/** @param {HTMLElement} element @param {Message} message */
export function fillAnswer(element, message) {
  const article = find(element, '.answer', HTMLElement)
  const prose = find(article, '.prose', HTMLElement)
  const { notice, usage, stop, cached, model } = message.answer ?? {}
  article.dataset.seq = String(message.seq)
  prose.replaceChildren(render(message.text))
  finishCode([prose])

  const box = find(article, '.notice', HTMLElement)
  box.hidden = !notice
  box.classList.toggle('notice-bad', stop === 'failed')
  box.classList.toggle('notice-quiet', stop === 'stopped')
  element.dataset.stop = stop ?? ''
  find(box, '.notice-text', HTMLElement).textContent = notice?.text ?? ''
  find(box, 'button', HTMLElement).hidden = !notice?.retry

  const tokens = find(article, '.usage', HTMLElement)
  const read = usage ? usage.input + usage.cacheRead + usage.cacheWrite : 0
  tokens.textContent = usage ? `${(read + usage.output).toLocaleString('en')} tokens` : ''
  tokens.title = usage ? `${read} read, ${usage.output} written, by ${model}` : ''
  find(article, '.cached', HTMLElement).hidden = !cached
  if (model) find(article, '.demo-tag', HTMLElement).hidden = model !== 'demo'
  setTime(find(article, '.meta time', HTMLTimeElement), message.at)
  showRating(element, message.rating)
}

/** @param {HTMLElement} element a turn @param {{ value: 'up' | 'down', comment?: string } | undefined} rating */
export function showRating(element, rating) {
  if (rating) element.dataset.rating = rating.value
  else delete element.dataset.rating
  if (rating?.comment) element.dataset.comment = rating.comment
  else delete element.dataset.comment
  for (const value of ['up', 'down']) {
    find(element, `[data-action=${value}]`, HTMLElement).setAttribute('aria-pressed', String(rating?.value === value))
  }
}

/** @param {HTMLTimeElement} time @param {number} at */
export function setTime(time, at) {
  time.dateTime = new Date(at).toISOString()
  time.textContent = shortTime(at, Date.now())
  time.title = fullTime(at)
}
