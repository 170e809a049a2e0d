/**
 * What went wrong with a message, in words above the field, with the button that may help.
 * @import { Notice } from '../api.d.ts'
 */
import { announce } from './announce.js'
import { byId } from './elements.js'

/** @param {() => void} sendAgain */
export function createNotices(sendAgain) {
  const box = byId('send-notice', HTMLElement)
  const button = byId('send-again', HTMLButtonElement)
  let reload = false
  button.addEventListener('click', () => {
    if (reload) location.reload()
    else sendAgain()
  })

  return {
    /** @param {Notice} notice @param {boolean} [again] whether there is something to send again */
    show(notice, again = false) {
      // The page's token is of a session before this one; a fresh page has a fresh token, and the draft.
      reload = notice.code === 'bad_csrf'
      byId('send-notice-text', HTMLElement).textContent = notice.text
      button.textContent = reload ? 'Reload' : 'Try again'
      button.hidden = !again || !notice.retry
      box.hidden = false
      announce(notice.text)
    },
    hide() {
      box.hidden = true
    },
  }
}

/** @typedef {ReturnType<typeof createNotices>} Notices */
