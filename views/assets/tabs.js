/**
 * Tells the same person's other tabs what changed here.
 * @typedef {{ type: 'turn', conversation: string } | { type: 'list' }} News
 */

/**
 * @param {string} base
 * @param {string} user
 * @param {(news: News) => void} heard
 * @returns {(news: News) => void}
 */
export function createTabs(base, user, heard) {
  if (!('BroadcastChannel' in globalThis)) return () => {}
  const channel = new BroadcastChannel(`chat:${base}:${user}`)
  channel.onmessage = (event) => heard(event.data)
  return (news) => channel.postMessage(news)
}
