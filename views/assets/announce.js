/** What a screen reader hears: what happened, in a sentence. Not every word that streams. */
import { byId } from './elements.js'

const longest = 600

/** @param {string} text */
export function announce(text) {
  const region = byId('announce', HTMLElement)
  const short = text.length > longest ? `${text.slice(0, longest)}… The rest is in the conversation.` : text
  // The same words twice are no change, and would not be spoken.
  region.textContent = region.textContent === short ? `${short}\u00a0` : short
}
