/**
 * What is written and not yet heard, kept in this browser until the server has it.
 * @typedef {{ text: string, id?: string, replaces?: string }} Draft
 * @typedef {Draft & { id: string }} Unsent
 */

/**
 * @param {string} base
 * @param {string} user
 * @param {Storage | undefined} [storage] absent: this browser keeps nothing for us
 */
export function createDrafts(base, user, storage = ownStorage()) {
  const prefix = `chat:${base}:${user}:`
  /** @param {'draft' | 'sending'} kind @param {string | undefined} conversation */
  const key = (kind, conversation) => `${prefix}${kind}:${conversation ?? 'new'}`

  /** @param {string} name @returns {Draft | undefined} */
  function read(name) {
    try {
      const draft = JSON.parse(storage?.getItem(name) ?? 'null')
      return typeof draft?.text === 'string' ? draft : undefined
    } catch {
      return undefined
    }
  }

  /** @param {string} name @param {Draft | undefined} draft */
  function write(name, draft) {
    try {
      if (draft?.text) storage?.setItem(name, JSON.stringify(draft))
      else storage?.removeItem(name)
    } catch {
      // Full: the text is still in the field.
    }
  }

  return {
    /** @param {string | undefined} conversation `undefined`: a new chat */
    read: (conversation) => read(key('draft', conversation)),
    /** @param {string | undefined} conversation @param {Draft | undefined} draft */
    write: (conversation, draft) => write(key('draft', conversation), draft),
    /**
     * What was on its way when the page was left. Sent again under its id it is heard once, so that is what to do.
     * @param {string | undefined} conversation
     */
    sending(conversation) {
      const unsent = read(key('sending', conversation))
      return unsent?.id ? { ...unsent, id: unsent.id } : undefined
    },
    /** @param {string | undefined} conversation @param {Unsent | undefined} unsent */
    setSending: (conversation, unsent) => write(key('sending', conversation), unsent),
    /** Nothing of this person stays behind on this machine. */
    clear() {
      if (!storage) return
      for (const name of Object.keys(storage)) if (name.startsWith(prefix)) storage.removeItem(name)
    },
  }
}

/** @typedef {ReturnType<typeof createDrafts>} Drafts */

function ownStorage() {
  try {
    return globalThis.localStorage
  } catch {
    return undefined
  }
}
