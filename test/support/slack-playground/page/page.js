import { button, element, messageElement } from './message.js'

/** The page: what the server sends is shown, what the person does is sent. It decides nothing by itself. */

/** @template {Element} T @param {string} selector @param {ParentNode} [root] @returns {T} */
const find = (selector, root = document) => /** @type {T} */ (root.querySelector(selector))

const side = find('#side')
const channelPane = find('#channel')
const threadAside = find('#thread')
const dialog = /** @type {HTMLDialogElement} */ (find('#modal'))

/** Where the person is. */
const here = { as: '', channel: '', thread: '', home: false, beside: '' }
/** How many messages of each place were seen. @type {Map<string, number>} */
const seen = new Map()
/** The last picture. @type {any} */
let picture
/** @type {EventSource | undefined} */
let source
let modalId = ''
/** The thread was just opened, and is to be written in. */
let entering = false
/** The message that is being edited instead of a new one written. */
let editing = ''

// --- pictures --------------------------------------------------------------------------------------------------

function watch() {
  source?.close()
  const query = new URLSearchParams({
    as: here.as,
    channel: here.channel,
    thread: here.thread,
    home: here.home ? '1' : '',
  })
  source = new EventSource(`/live?${query}`)
  source.onmessage = ({ data }) => show(JSON.parse(data))
  source.onerror = () => trouble('The playground does not answer. Is it still running?')
}

/** @param {any} next */
function show(next) {
  const first = !picture
  picture = next
  if (first) {
    here.as = next.me
    const dm = next.places.find((/** @type {any} */ place) => place.kind === 'im')
    return go(dm ?? next.places[0])
  }
  showSide()
  showHeader()
  find('#home').toggleAttribute('hidden', !here.home)
  channelPane.toggleAttribute('hidden', here.home)
  if (here.home) find('#home').innerHTML = next.home || '<p class="empty">The app has published nothing here yet.</p>'
  if (next.channel && !here.home) showPane(channelPane, next.channel, false)
  threadAside.toggleAttribute('hidden', !next.thread)
  if (next.thread) {
    showPane(threadAside, next.thread, true)
    find('.title', threadAside).textContent = next.thread.title
    if (entering) /** @type {HTMLElement} */ (find('textarea', threadAside)).focus()
    entering = false
  }
  showModal(next.modal)
  showWire(next.wire)
}

function showSide() {
  find('#team').textContent = picture.team
  const me = /** @type {HTMLSelectElement} */ (find('#me'))
  if (me.options.length === 0)
    me.append(...picture.people.map((/** @type {any} */ person) => new Option(person.name, person.id)))
  me.value = here.as
  const rows = picture.places.map((/** @type {any} */ place) => {
    const current = place.id === here.channel && !here.home
    if (current || !seen.has(place.id)) seen.set(place.id, place.count)
    const row = placeButton(place.kind === 'im' ? place.name : `# ${place.name}`, 'go', current)
    row.dataset.channel = place.id
    row.classList.toggle('unread', (seen.get(place.id) ?? 0) < place.count)
    return listed(row)
  })
  const home = placeButton(`${picture.bot.name}: Home`, 'home', here.home)
  replace(find('#places'), [...rows, listed(home)])
}

/** @param {string} label @param {string} act @param {boolean} current */
function placeButton(label, act, current) {
  const row = button(label, act)
  row.setAttribute('aria-current', String(current))
  return row
}

/** @param {Element} child */
function listed(child) {
  const item = element('li', '')
  item.append(child)
  return item
}

function showHeader() {
  const place = picture.places.find((/** @type {any} */ one) => one.id === here.channel)
  const direct = place?.kind === 'im'
  find('#place').textContent = here.home ? `${picture.bot.name}: Home` : direct ? place.name : `# ${place?.name ?? ''}`
  const commands = picture.offers.commands
    .map((/** @type {any} */ one) => `${one.command} ${one.hint}`.trim())
    .join(', ')
  const call = place?.bot ? `Mention @${picture.bot.name}` : `${picture.bot.name} is not in this channel`
  find('#note').textContent = here.home
    ? ''
    : direct
      ? 'Just write'
      : `${call}${commands ? `, or type ${commands}` : ''}`
  const box = /** @type {HTMLTextAreaElement} */ (find('textarea', channelPane))
  box.placeholder = direct ? `Message ${place.name}` : `Message #${place?.name ?? ''}: @${picture.bot.name} …`
}

/** @param {Element} pane @param {any} view @param {boolean} inThread */
function showPane(pane, view, inThread) {
  const list = find('.messages', pane)
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40
  /** @type {Map<string | undefined, HTMLElement>} */
  const old = new Map(
    [...list.children].map((child) => [
      /** @type {HTMLElement} */ (child).dataset.ts,
      /** @type {HTMLElement} */ (child),
    ]),
  )
  const items = view.messages.map((/** @type {any} */ message) => {
    const fresh = JSON.stringify([message, inThread])
    const kept = old.get(message.ts)
    // What did not change stays as it is: selections and focus survive while another message grows.
    if (kept && kept.dataset.fresh === fresh) return kept
    const made = messageElement(message, { inThread, shortcuts: picture.offers.shortcuts })
    made.dataset.fresh = fresh
    return made
  })
  if (items.length === 0) items.push(element('li', 'hint', 'Nothing has been said here yet.'))
  replace(list, items)
  if (atEnd) list.scrollTop = list.scrollHeight
  showStatus(find('.status', pane), view)
  const prompts = pane.querySelector('.prompts')
  if (prompts) replace(prompts, view.prompts.map(promptButton))
}

/** @param {{ title: string, message: string }} prompt */
function promptButton(prompt) {
  const made = button(prompt.title, 'prompt')
  made.dataset.message = prompt.message
  return made
}

/** @param {Element} line @param {any} view */
function showStatus(line, view) {
  const parts = view.status ? [element('span', '', `${picture.bot.name} ${view.status}`)] : []
  if (view.stoppable) parts.push(button('Stop', 'stop', 'press'))
  replace(line, parts)
}

/** Puts these children in place, touching only what differs. @param {Element} parent @param {Element[]} children */
function replace(parent, children) {
  if (
    children.length === parent.children.length &&
    children.every((child, at) => child.isEqualNode(parent.children[at] ?? null))
  )
    return
  parent.replaceChildren(...children)
}

/** @param {any} modal */
function showModal(modal) {
  if (!modal) {
    modalId = ''
    if (dialog.open) dialog.close()
    return
  }
  if (modal.id === modalId) return
  modalId = modal.id
  find('h2', dialog).textContent = modal.title
  find('.fields', dialog).innerHTML = modal.html
  find('#modal-close').textContent = modal.close
  const submit = find('button[type=submit]', dialog)
  submit.textContent = modal.submit || 'Send'
  submit.toggleAttribute('hidden', !modal.submit)
  if (!dialog.open) dialog.showModal()
}

/** @param {any[]} lines */
function showWire(lines) {
  if (find('#wire').hasAttribute('hidden')) return
  const rows = lines.map((line) => {
    const row = element('li', '')
    const good = /^(ok|2\d\d|…)/.test(line.result)
    row.append(
      element('span', 'way', line.way === 'call' ? '←' : '→'),
      element('span', 'what', line.what),
      element('span', good ? 'result' : 'bad', line.result),
    )
    return row
  })
  replace(find('#wire-lines'), rows)
}

// --- doings ----------------------------------------------------------------------------------------------------

/** @param {Record<string, unknown>} order @returns {Promise<any>} */
async function act(order) {
  const body = JSON.stringify({ as: here.as, channel: here.channel, ...order })
  const answer = await fetch('/do', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const result = await answer.json().catch(() => ({ error: `The playground answered ${answer.status}.` }))
  if (result.error) trouble(result.error)
  return result
}

let hide = 0
/** @param {string} words */
function trouble(words) {
  const line = find('#trouble')
  line.textContent = words
  line.removeAttribute('hidden')
  clearTimeout(hide)
  hide = setTimeout(() => line.setAttribute('hidden', ''), 6000)
}

/** @param {{ id: string, kind: string }} place */
function go(place) {
  if (place.kind === 'im') act({ do: 'open', tab: 'messages', beside: here.beside })
  else here.beside = place.id
  Object.assign(here, { channel: place.id, thread: '', home: false })
  arrive()
}

function arrive() {
  side.classList.remove('open')
  for (const list of document.querySelectorAll('.messages')) list.replaceChildren()
  watch()
}

/** @param {string} ts */
function openThread(ts) {
  here.thread = ts
  find('.messages', threadAside).replaceChildren()
  watch()
  entering = ts !== ''
}

/** @param {Element} form @param {string} text */
async function write(form, text) {
  const inThread = threadAside.contains(form)
  if (editing) {
    const ts = editing
    editing = ''
    return act({ do: 'edit', ts, text })
  }
  // As in Slack: a command is none inside a thread.
  if (!inThread && text.startsWith('/')) return act({ do: 'command', text })
  const said = await act({ do: 'say', text, ...(inThread && { thread: here.thread }) })
  // In direct messages the answer comes in the thread under the question.
  if (said.ts && !inThread && picture.channel?.direct) openThread(said.ts)
}

/** What the buttons do. @type {Record<string, (target: HTMLElement, ts: string) => unknown>} */
const doings = {
  go: (target) => go(picture.places.find((/** @type {any} */ place) => place.id === target.dataset.channel)),
  home: () => {
    act({ do: 'open', tab: 'home' })
    Object.assign(here, { home: true, thread: '' })
    arrive()
  },
  thread: (_, ts) => openThread(ts),
  stop: () => act({ do: 'stop', thread: here.thread }),
  remove: (_, ts) => act({ do: 'remove', ts }),
  shortcut: (target, ts) => act({ do: 'shortcut', ts, callback: target.dataset.callback }),
  prompt: (target) => write(find('form', channelPane), target.dataset.message ?? ''),
  edit: (target, ts) => {
    const pane = /** @type {Element} */ (target.closest('.pane'))
    const messages = pane === channelPane ? picture.channel.messages : picture.thread.messages
    const box = /** @type {HTMLTextAreaElement} */ (find('textarea', pane))
    box.value = messages.find((/** @type {any} */ message) => message.ts === ts)?.source ?? ''
    editing = ts
    box.focus()
  },
}

document.addEventListener('click', (event) => {
  const target = /** @type {HTMLElement | null} */ (
    /** @type {Element} */ (event.target).closest('[data-act], [data-button]')
  )
  if (!target) return
  const ts = /** @type {HTMLElement | null} */ (target.closest('.message'))?.dataset.ts ?? ''
  if (target.dataset.act) doings[target.dataset.act]?.(target, ts)
  else if (find('#home').contains(target)) act({ do: 'clickHome', button: target.dataset.button })
  else if (ts) act({ do: 'click', ts, button: target.dataset.button })
})

for (const composer of document.querySelectorAll('.composer')) {
  const form = /** @type {HTMLFormElement} */ (composer)
  const box = /** @type {HTMLTextAreaElement} */ (find('textarea', form))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const text = box.value.trim()
    if (!text) return
    box.value = ''
    write(form, text)
  })
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') editing = box.value = ''
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    form.requestSubmit()
  })
}

find('#me').addEventListener('change', (event) => {
  here.as = /** @type {HTMLSelectElement} */ (event.target).value
  Object.assign(here, { channel: '', thread: '', home: false })
  seen.clear()
  picture = undefined
  watch()
})
find('#menu').addEventListener('click', () => side.classList.add('open'))
find('#thread-close').addEventListener('click', () => openThread(''))
for (const id of ['#wire-toggle', '#wire-close'])
  find(id).addEventListener('click', () => {
    const shown = find('#wire').toggleAttribute('hidden') === false
    find('#wire-toggle').setAttribute('aria-expanded', String(shown))
    side.classList.remove('open')
    if (shown && picture) showWire(picture.wire)
  })

find('form', dialog).addEventListener('submit', async (event) => {
  event.preventDefault()
  const values = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)))
  const { errors = {} } = await act({ do: 'submit', values })
  for (const line of dialog.querySelectorAll('[data-error]'))
    line.textContent = errors[/** @type {HTMLElement} */ (line).dataset.error ?? ''] ?? ''
})
dialog.addEventListener('cancel', (event) => {
  event.preventDefault()
  act({ do: 'closeModal' })
})
find('#modal-close').addEventListener('click', () => act({ do: 'closeModal' }))

watch()
