/**
 * The reader's place in the thread. At the bottom it stays at the bottom while text grows; anywhere else nothing moves,
 * also when older messages come in above, and a button leads back.
 */
import { byId } from './elements.js'

/** This near the bottom is at the bottom, in CSS pixels. */
const near = 64
/** Older messages are asked for this far before their place is reached. */
const ahead = '600px'

/** @param {{ older: () => Promise<boolean> }} options `older` brings in what comes before; false: nothing more did */
export function createScroll({ older }) {
  const box = byId('thread', HTMLElement)
  const inner = byId('turns-box', HTMLElement)
  const button = byId('latest', HTMLButtonElement)
  let stuck = true

  const toBottom = () => {
    stuck = true
    box.scrollTop = box.scrollHeight
    update()
  }
  const update = () => {
    button.hidden = stuck || box.scrollHeight - box.clientHeight < near
  }

  box.addEventListener(
    'scroll',
    () => {
      stuck = box.scrollHeight - box.scrollTop - box.clientHeight < near
      update()
    },
    { passive: true },
  )
  button.addEventListener('click', () => {
    toBottom()
    byId('message', HTMLTextAreaElement).focus({ preventScroll: true })
  })
  const follow = new ResizeObserver(() => {
    if (stuck) box.scrollTop = box.scrollHeight
    update()
  })
  follow.observe(inner)
  follow.observe(box)
  const top = byId('older', HTMLElement)
  const watchTop = new IntersectionObserver(
    async (entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || !(await older())) return
      // A short page leaves the top in view, which is no news to the observer.
      watchTop.unobserve(top)
      watchTop.observe(top)
    },
    { root: box, rootMargin: `${ahead} 0px 0px 0px` },
  )
  watchTop.observe(top)

  // Until now the style sheet kept the bottom in view; from here on this does.
  box.dataset.live = 'yes'
  if (byId('empty', HTMLElement).hidden) toBottom()

  return {
    toBottom,
    /** Whatever this puts in above, what is being read stays where it is. @param {() => void} change */
    keep(change) {
      const fromBottom = box.scrollHeight - box.scrollTop
      change()
      if (!stuck) box.scrollTop = box.scrollHeight - fromBottom
    },
  }
}

/** @typedef {ReturnType<typeof createScroll>} Scroll */
