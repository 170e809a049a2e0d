/**
 * The field where messages are written: grows with its text, sends on Enter, keeps what is written until it is heard.
 * @import { Draft, Drafts } from './drafts.js'
 */
import { announce } from './announce.js'
import { newMessageId } from './api.js'
import { byId } from './elements.js'

/** The characters that are left are told from here on. */
const tellFrom = 0.8

/**
 * @param {object} options
 * @param {Drafts} options.drafts
 * @param {number} options.maxLength UTF-16 units
 * @param {(message: { id: string, text: string, replaces?: string }) => void} options.send
 * @param {() => void} options.stop
 */
export function createComposer({ drafts, maxLength, send, stop }) {
  const form = byId('composer', HTMLFormElement)
  const field = byId('message', HTMLTextAreaElement)
  const counter = byId('counter', HTMLElement)
  const sendButton = byId('send', HTMLButtonElement)
  const stopButton = byId('stop', HTMLButtonElement)
  const editing = byId('editing', HTMLElement)
  /** @type {string | undefined} */
  let conversation
  /** @type {Draft} */
  let draft = { text: '' }
  let busy = false
  /** What the server gave back, from a form that was sent without a script. */
  let given = field.value
  // Says how much is too much instead of cutting it off, and does without the browser's bubble on an empty field.
  field.removeAttribute('maxlength')
  field.removeAttribute('required')
  const touch = matchMedia('(hover: none) and (pointer: coarse)')
  field.enterKeyHint = touch.matches ? 'enter' : 'send'

  function update() {
    grow(field)
    const left = maxLength - field.value.length
    counter.textContent =
      left < 0
        ? `${(-left).toLocaleString('en')} characters too many`
        : left < maxLength * (1 - tellFrom)
          ? `${left.toLocaleString('en')} characters left`
          : ''
    if (left < 0 && !counter.hasAttribute('data-over')) announce('The message is too long.')
    counter.toggleAttribute('data-over', left < 0)
    sendButton.disabled = busy || left < 0 || !field.value.trim()
    editing.hidden = !draft.replaces
  }

  /** @param {Draft} next */
  function set(next) {
    draft = next
    field.value = next.text
    update()
  }

  function submit() {
    const text = field.value.trim()
    if (!text || busy || text.length > maxLength) return
    const id = draft.id ?? newMessageId()
    const replaces = draft.replaces
    drafts.write(conversation, undefined)
    set({ text: '' })
    send({ id, text, ...(replaces && { replaces }) })
  }

  field.addEventListener('input', () => {
    // Another text is another message.
    draft = { text: field.value, ...(draft.replaces && { replaces: draft.replaces }) }
    drafts.write(conversation, draft)
    update()
  })
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || touch.matches) return
    event.preventDefault()
    submit()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    submit()
  })
  stopButton.addEventListener('click', stop)
  byId('cancel-edit', HTMLButtonElement).addEventListener('click', () => composer.cancelEdit())

  const composer = {
    field,
    /** Shows the draft of a conversation. @param {string | undefined} id */
    load(id) {
      conversation = id
      set(drafts.read(id) ?? { text: given })
      given = ''
    },
    /** The new chat got its id: what was written meanwhile is for it. @param {string} id */
    moveTo(id) {
      drafts.write(undefined, undefined)
      drafts.write(id, draft)
      conversation = id
    },
    /** A message that was not heard comes back, before what was written since. @param {Draft} unsent */
    restore({ text, id, replaces }) {
      const same = !field.value.trim()
      set(same ? { text, id, replaces } : { text: `${text}\n\n${field.value}`, replaces })
      drafts.write(conversation, draft)
    },
    /** @param {string} text @param {string} turn */
    edit(text, turn) {
      set({ text, replaces: turn })
      drafts.write(conversation, draft)
      field.focus()
    },
    /** @returns {boolean} whether there was anything to cancel */
    cancelEdit() {
      if (!draft.replaces) return false
      set({ text: '' })
      drafts.write(conversation, undefined)
      composer.focus()
      return true
    },
    /** @param {string} text with the caret at its first gap, or its end */
    fill(text) {
      set({ text })
      drafts.write(conversation, draft)
      field.focus()
      const fence = text.indexOf('```\n')
      const gap = fence < 0 ? text.length : fence + 4
      field.setSelectionRange(gap, gap)
    },
    /** On a touch screen this would bring up the keyboard, over what is to be read. */
    focus() {
      if (touch.matches) return
      field.focus({ preventScroll: true })
      field.setSelectionRange(field.value.length, field.value.length)
    },
    submit,
    /** A message is on its way: the next one waits for it. @param {boolean} value */
    setBusy(value) {
      busy = value
      update()
    },
    /** @param {'no' | 'can' | 'stopping'} state */
    setStop(state) {
      if (state === 'no' && document.activeElement === stopButton) composer.focus()
      stopButton.hidden = state === 'no'
      stopButton.disabled = state === 'stopping'
      const label = stopButton.querySelector('span')
      if (label) label.textContent = state === 'stopping' ? 'Stopping…' : 'Stop'
    },
  }
  update()
  return composer
}

/** @typedef {ReturnType<typeof createComposer>} Composer */

/** Newer browsers do this by `field-sizing: content`. @param {HTMLTextAreaElement} field */
function grow(field) {
  if (CSS.supports('field-sizing', 'content')) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
