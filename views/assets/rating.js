/** Thumbs up and down under an answer, and the comment that may go with one. */
import { announce } from './announce.js'
import { ApiError } from './api.js'
import { find, fromTemplate } from './elements.js'
import { showRating } from './turn.js'

/** @typedef {{ value: 'up' | 'down', comment?: string }} Rating */

/**
 * @param {HTMLElement} turn
 * @param {'up' | 'down'} pressed
 * @param {(rating: { value: 'up' | 'down' | null, comment?: string }) => Promise<unknown>} save
 */
export async function rate(turn, pressed, save) {
  const before = current(turn)
  const next = before?.value === pressed ? undefined : { value: pressed }
  turn.querySelector('.comment')?.remove()
  showRating(turn, next)
  try {
    await save({ value: next?.value ?? null })
  } catch (error) {
    showRating(turn, before)
    return announce(error instanceof ApiError ? error.notice.text : 'The rating was not saved.')
  }
  announce(next ? `Rated as ${pressed === 'up' ? 'good' : 'bad'}. You can add a comment.` : 'Rating taken back.')
  if (next) askComment(turn, next, save)
}

/** @param {HTMLElement} turn @returns {Rating | undefined} */
function current(turn) {
  const { rating, comment } = turn.dataset
  return rating === 'up' || rating === 'down' ? { value: rating, ...(comment && { comment }) } : undefined
}

/** @param {HTMLElement} turn @param {Rating} rating @param {(rating: Rating) => Promise<unknown>} save */
function askComment(turn, rating, save) {
  const form = fromTemplate('comment-template')
  const field = find(form, 'textarea', HTMLTextAreaElement)
  const label = find(form, 'label', HTMLLabelElement)
  const button = find(turn, `[data-action=${rating.value}]`, HTMLButtonElement)
  field.id = `comment-${turn.dataset.turn}`
  label.htmlFor = field.id
  label.textContent = rating.value === 'up' ? 'What was good? (optional)' : 'What was wrong? (optional)'
  const close = () => {
    form.remove()
    button.focus()
  }
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    close()
  })
  find(form, '[data-action=close-comment]', HTMLButtonElement).addEventListener('click', close)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const comment = field.value.trim()
    if (!comment) return close()
    try {
      await save({ ...rating, comment })
      showRating(turn, { ...rating, comment })
      close()
      announce('Thank you for the comment.')
    } catch (error) {
      label.textContent = error instanceof ApiError ? error.notice.text : 'The comment was not saved.'
    }
  })
  find(turn, '.answer', HTMLElement).append(form)
  field.focus()
}
