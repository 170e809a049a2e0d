/** Times as people read them, in the reader's own zone and language. */

const day = 86_400_000

/** @param {number} at */
function midnight(at) {
  const date = new Date(at)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
}

/** The heading a conversation is listed under. @param {number} at @param {number} now @param {string} [locale] */
export function dayGroup(at, now, locale) {
  // Rounded: a day with a clock change is an hour longer or shorter.
  const days = Math.round((midnight(now) - midnight(at)) / day)
  if (days <= 0) return 'Today'
  if (days === 1) return 'Yesterday'
  if (days < 7) return 'Last 7 days'
  if (days < 30) return 'Last 30 days'
  return new Date(at).toLocaleDateString(locale, { month: 'long', year: 'numeric' })
}

/** @param {number} at @param {number} now @param {string} [locale] */
export function shortTime(at, now, locale) {
  const date = new Date(at)
  const time = date.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' })
  if (midnight(at) === midnight(now)) return time
  const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : 'numeric'
  return `${date.toLocaleDateString(locale, { day: 'numeric', month: 'short', year })}, ${time}`
}

/** @param {number} at @param {string} [locale] */
export function fullTime(at, locale) {
  return new Date(at).toLocaleString(locale, { dateStyle: 'full', timeStyle: 'short' })
}

/**
 * @template {{ updatedAt: number }} T
 * @param {readonly T[]} items newest first
 * @param {number} now
 * @param {string} [locale]
 * @returns {{ name: string, items: T[] }[]}
 */
export function byDay(items, now, locale) {
  /** @type {{ name: string, items: T[] }[]} */
  const groups = []
  for (const item of items) {
    const name = dayGroup(item.updatedAt, now, locale)
    const last = groups.at(-1)
    if (last?.name === name) last.items.push(item)
    else groups.push({ name, items: [item] })
  }
  return groups
}
