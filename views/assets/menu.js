/**
 * What can be done with a conversation: rename it in place, export it, delete it. One menu serves the open conversation
 * and every line of the list.
 * @import { ConversationItem } from '../api.d.ts'
 * @import { Api } from './api.js'
 */
import { announce } from './announce.js'
import { ApiError } from './api.js'
import { byId, find, fromTemplate } from './elements.js'

/**
 * @param {object} options
 * @param {Api} options.api
 * @param {(id: string) => ConversationItem | undefined} options.itemOf
 * @param {() => string | undefined} options.opened
 * @param {(id: string, title: string) => void} options.renamed
 * @param {(id: string) => void} options.removed
 */
export function createMenu({ api, itemOf, opened, renamed, removed }) {
  const menu = byId('menu', HTMLElement)
  const dialog = byId('delete-dialog', HTMLDialogElement)
  /** @type {HTMLElement | undefined} */
  let button
  /** @type {ConversationItem | undefined} */
  let item

  document.addEventListener(
    'click',
    (event) => {
      const clicked = event.target instanceof Element ? event.target.closest('[popovertarget=menu]') : null
      if (!(clicked instanceof HTMLElement)) return
      button = clicked
      const line = clicked.closest('.conversation')
      item = itemOf((line instanceof HTMLElement ? line.dataset.id : opened()) ?? '')
    },
    true,
  )

  menu.addEventListener('beforetoggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open' || !item) return
    for (const format of /** @type {const} */ (['markdown', 'json'])) {
      find(menu, `[data-format=${format}]`, HTMLAnchorElement).href = api.exportPath(item.id, format)
    }
    find(menu, '[data-action=rename]', HTMLElement).hidden = !item.direct
    find(menu, '[data-action=delete] span', HTMLElement).textContent = item.direct ? 'Delete' : 'Take off my list'
    const { input, output, cacheRead, cacheWrite } = item.usage
    const total = input + output + cacheRead + cacheWrite
    byId('menu-usage', HTMLElement).textContent = total ? `${total.toLocaleString('en')} tokens used so far` : ''
  })
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open' || !button) return
    place(menu, button)
    menu.querySelector('button')?.focus()
  })
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    const entries = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll('button, a')])
    const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    entries.at((at + (event.key === 'ArrowDown' ? 1 : -1)) % entries.length)?.focus()
  })
  addEventListener('resize', () => menu.matches(':popover-open') && menu.hidePopover())

  menu.addEventListener('click', (event) => {
    const clicked = event.target instanceof Element ? event.target.closest('button, a') : null
    if (!(clicked instanceof HTMLElement)) return
    const from = button
    menu.hidePopover()
    if (clicked.dataset.action === 'rename' && item && from) rename(item, from)
    if (clicked.dataset.action === 'delete' && item) askDelete(item)
  })

  /** @param {ConversationItem} conversation @param {HTMLElement} from */
  function rename(conversation, from) {
    const place = from.closest('.conversation')?.querySelector('.conversation-link') ?? byId('title', HTMLElement)
    editInPlace(/** @type {HTMLElement} */ (place), conversation.title, async (title) => {
      from.focus()
      if (title === undefined || title === conversation.title) return
      try {
        await api.rename(conversation.id, title)
        renamed(conversation.id, title)
        announce(`Renamed to ${title}.`)
      } catch (error) {
        announce(error instanceof ApiError ? error.notice.text : 'The conversation was not renamed.')
      }
    })
  }

  /** @param {ConversationItem} conversation */
  function askDelete(conversation) {
    const title = conversation.title || 'New chat'
    const { direct } = conversation
    byId('delete-title', HTMLElement).textContent = direct ? 'Delete this conversation?' : 'Take it off your list?'
    byId('delete-confirm', HTMLElement).textContent = direct ? 'Delete' : 'Take off'
    byId('delete-text', HTMLElement).textContent = direct
      ? `“${title}” and all its messages will be gone for good, here and in every other place.`
      : `“${title}” stays where the others are. It comes back here when you write in it again.`
    dialog.returnValue = ''
    dialog.showModal()
    dialog.onclose = async () => {
      if (dialog.returnValue !== 'delete') return
      try {
        await api.remove(conversation.id)
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) {
          return announce(error instanceof ApiError ? error.notice.text : 'The conversation was not deleted.')
        }
      }
      removed(conversation.id)
      announce('Conversation deleted.')
    }
  }
}

/**
 * @param {HTMLElement} shown hidden while its text is edited
 * @param {string} text
 * @param {(text: string | undefined) => void} done with nothing when it was called off
 */
function editInPlace(shown, text, done) {
  const form = fromTemplate('rename-template')
  const field = find(form, 'input', HTMLInputElement)
  field.id = 'rename-field'
  find(form, 'label', HTMLLabelElement).htmlFor = field.id
  field.value = text
  let over = false
  /** The page keeps its heading for those who hear it. @param {boolean} hidden */
  const hide = (hidden) => {
    if (shown.matches('h1')) shown.classList.toggle('visually-hidden', hidden)
    else shown.hidden = hidden
  }
  /** @param {string | undefined} result */
  const finish = (result) => {
    if (over) return
    over = true
    form.remove()
    hide(false)
    done(result)
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    finish(field.value.trim() || undefined)
  })
  field.addEventListener('blur', () => finish(field.value.trim() || undefined))
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    finish(undefined)
  })
  hide(true)
  shown.after(form)
  field.focus()
  field.select()
}

/** Under its button, and inside the window. @param {HTMLElement} menu @param {HTMLElement} button */
function place(menu, button) {
  const at = button.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = menu
  const below = at.bottom + 6 + height < innerHeight
  menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`
  menu.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - 6 - height)}px`
}
