/** The page of a link code: comes anew when something happened on the other side. It works without, by its own link. */

const shown = /** @type {HTMLElement} */ (document.getElementById('link'))
const everyMs = 3_000

async function look() {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } })
    // Joined, over or signed out: there is another page to see.
    if (response.redirected) return location.assign(response.url)
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    const state = page.getElementById('link')?.dataset.state
    if (response.ok && state !== undefined && state !== shown.dataset.state) return location.reload()
  } catch {
    // Offline, or the service restarts: the next look tells.
  }
  later()
}

function later() {
  setTimeout(() => (document.hidden ? later() : look()), everyMs)
}

later()

export {}
