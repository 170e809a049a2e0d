/**
 * An answer while it grows. Blocks that cannot change any more are rendered once; only the last one is rendered again, at
 * most once a frame and in at most a fifth of the time, so that long answers stay smooth. The finished answer is rendered
 * whole by someone else: this is its preview.
 * @typedef {typeof import('marked').marked} Marked
 */

/**
 * How much of a text, from its beginning, consists of blocks that more text cannot change.
 * @param {Marked} marked
 * @param {string} text with \n as its newlines
 */
export function settledLength(marked, text) {
  // Whole lines only: a lone `1` may become an item of the list before it, or a paragraph of its own.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1)
  // Blocks alone: what is inside them is parsed when they are rendered.
  const tokens = new marked.Lexer({ ...marked.getDefaults(), gfm: true }).blockTokens(lines, [])
  while (tokens.at(-1)?.type === 'space') tokens.pop()
  return tokens.slice(0, -1).reduce((length, token) => length + token.raw.length, 0)
}

/** A renderer may be busy for this part of the time: it rests four times as long as it worked. */
const rest = 4

/**
 * @param {object} options
 * @param {HTMLElement} options.root
 * @param {Marked} options.marked
 * @param {(text: string) => DocumentFragment} options.render
 * @param {(settled: HTMLElement[]) => void} [options.settled] called with blocks that are done
 * @param {(callback: () => void) => void} [options.frame]
 * @param {() => number} [options.now]
 */
export function createGrowing({ root, marked, render, settled, frame = nextFrame, now = () => performance.now() }) {
  let whole = ''
  let drawn = 0
  let done = 0
  let asked = false
  let closed = false
  let notBefore = 0
  const border = root.ownerDocument.createComment('')

  function clear() {
    root.replaceChildren(border)
    drawn = 0
    done = 0
  }

  function draw() {
    asked = false
    if (closed) return
    const began = now()
    if (began < notBefore) return ask()
    if (drawn === whole.length) return
    settle()
    drawTail(whole.slice(done))
    drawn = whole.length
    notBefore = now() + (now() - began) * rest
  }

  function settle() {
    const more = settledLength(marked, whole.slice(done))
    if (!more) return
    const fragment = render(whole.slice(done, done + more))
    const blocks = /** @type {HTMLElement[]} */ ([...fragment.children])
    border.before(fragment)
    settled?.(blocks)
    done += more
  }

  /** @param {string} text */
  function drawTail(text) {
    const fragment = render(text)
    const before = border.nextElementSibling
    const after = fragment.firstElementChild
    if (before && sameCode(before, after) && fragment.childElementCount === 1) return
    while (border.nextSibling) border.nextSibling.remove()
    root.append(fragment)
  }

  function ask() {
    if (asked || closed) return
    asked = true
    frame(draw)
  }

  clear()
  return {
    get text() {
      return whole
    },
    /**
     * @param {string} text
     * @param {number} offset where it belongs; a piece that was read before is not read twice
     * @returns {boolean} false: something is missing between what is there and this piece
     */
    add(text, offset) {
      if (offset > whole.length) return false
      whole = whole.slice(0, offset) + text
      if (whole.length < done) clear()
      ask()
      return true
    },
    /** @param {string} text */
    reset(text) {
      whole = text
      clear()
      ask()
    },
    close() {
      closed = true
    },
  }
}

/**
 * A code block that grows keeps its element, so that it does not lose its place or its selection with every line.
 * @param {Element} before
 * @param {Element | null} after
 */
function sameCode(before, after) {
  const old = before.querySelector(':scope > pre > code')
  const fresh = after?.querySelector(':scope > pre > code')
  if (!old || !fresh || before.nextElementSibling) return false
  if (old.className !== fresh.className || !before.classList.contains('code')) return false
  old.textContent = fresh.textContent
  return true
}

/** A tab in the background draws no frames. @param {() => void} callback */
function nextFrame(callback) {
  if (document.hidden) setTimeout(callback, 250)
  else requestAnimationFrame(callback)
}
