/** One message as an element. `html` comes from the server, escaped there; everything else is set as text. */

/**
 * @typedef {{ ts: string, from: string, ours: boolean, mine: boolean, app: boolean, state: string, edited: boolean,
 *   ephemeral: boolean, replies: number, reactions: string[], files: string[], source: string, html: string }} Message
 */

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
export function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

/** @param {string} label @param {string} act @param {string} [className] */
export function button(label, act, className = '') {
  const made = /** @type {HTMLButtonElement} */ (element('button', className, label))
  made.type = 'button'
  made.dataset.act = act
  return made
}

const endings = {
  streaming: '',
  stopped: 'stopped',
  broken: 'never ended: Slack gave up on it after five minutes',
  final: '',
}

/**
 * @param {Message} message
 * @param {{ inThread: boolean, shortcuts: { name: string, callback: string }[] }} where
 */
export function messageElement(message, where) {
  const item = element('li', `message ${message.state}${message.ephemeral ? ' ephemeral' : ''}`)
  item.dataset.ts = message.ts
  const head = element('div', 'head')
  head.append(element('strong', '', message.from))
  if (message.app) head.append(element('span', 'tag', 'app'))
  const at = new Date(Number(message.ts) * 1000)
  const time = element('time', '', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
  time.setAttribute('datetime', at.toISOString())
  head.append(time)
  const body = element('div', 'body')
  body.innerHTML = message.html
  item.append(head, body, element('div', 'below', below(message)))
  if (message.replies > 0 && !where.inThread)
    item.append(button(message.replies === 1 ? '1 reply' : `${message.replies} replies`, 'thread', 'replies'))
  if (!message.ephemeral) item.append(tools(message, where))
  return item
}

/** @param {Message} message */
function below(message) {
  return [
    message.ephemeral ? 'only visible to you' : '',
    message.edited ? 'edited' : '',
    endings[/** @type {keyof typeof endings} */ (message.state)] ?? '',
    ...message.files.map((name) => `📎 ${name}`),
    ...message.reactions.map((name) => `:${name}:`),
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

/** @param {Message} message @param {{ inThread: boolean, shortcuts: { name: string, callback: string }[] }} where */
function tools(message, where) {
  const row = element('div', 'tools')
  if (!where.inThread) row.append(button('Reply in thread', 'thread'))
  for (const shortcut of where.shortcuts) {
    const made = button(shortcut.name, 'shortcut')
    made.dataset.callback = shortcut.callback
    row.append(made)
  }
  if (message.mine) row.append(button('Edit', 'edit'), button('Delete', 'remove'))
  return row
}
