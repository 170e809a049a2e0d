import { describe, expect, it } from 'vitest'
import { createDrafts } from '../../views/assets/drafts.js'

/** As browsers have it: what is kept is seen as own properties. */
function storage(limit = Number.POSITIVE_INFINITY): Storage {
  const kept: Record<string, string> = {}
  const methods = {
    getItem: (name: string) => kept[name] ?? null,
    setItem(name: string, value: string) {
      if (value.length > limit) throw new DOMException('full', 'QuotaExceededError')
      kept[name] = value
    },
    removeItem(name: string) {
      delete kept[name]
    },
  }
  return new Proxy(kept, {
    get: (target, name) => Reflect.get(methods, name) ?? target[String(name)],
  }) as unknown as Storage
}

describe('drafts', () => {
  it('are kept for each conversation and for a new one', () => {
    const kept = storage()
    const drafts = createDrafts('/bot', 'ada', kept)
    drafts.write('c1', { text: 'one' })
    drafts.write(undefined, { text: 'new', replaces: 't' })
    const again = createDrafts('/bot', 'ada', kept)
    expect(again.read('c1')).toEqual({ text: 'one' })
    expect(again.read(undefined)).toEqual({ text: 'new', replaces: 't' })
    again.write('c1', { text: '' })
    expect(again.read('c1')).toBeUndefined()
  })

  it('are nobody else’s', () => {
    const kept = storage()
    createDrafts('/bot', 'ada', kept).write('c1', { text: 'mine' })
    expect(createDrafts('/bot', 'bob', kept).read('c1')).toBeUndefined()
    createDrafts('/bot', 'bob', kept).clear()
    expect(createDrafts('/bot', 'ada', kept).read('c1')).toEqual({ text: 'mine' })
    createDrafts('/bot', 'ada', kept).clear()
    expect(Object.keys(kept)).toEqual([])
  })

  it('know what was on its way, apart from what is written meanwhile', () => {
    const drafts = createDrafts('', 'ada', storage())
    drafts.setSending('c1', { id: 'm1', text: 'sent' })
    drafts.write('c1', { text: 'next' })
    expect(drafts.sending('c1')).toEqual({ id: 'm1', text: 'sent' })
    drafts.setSending('c1', undefined)
    expect(drafts.sending('c1')).toBeUndefined()
    expect(drafts.read('c1')).toEqual({ text: 'next' })
  })

  it('do without a storage that is full, missing or spoilt', () => {
    const full = createDrafts('', 'ada', storage(10))
    full.write('c1', { text: 'longer than there is room' })
    expect(full.read('c1')).toBeUndefined()
    const none = createDrafts('', 'ada', undefined)
    none.write('c1', { text: 'x' })
    none.clear()
    expect(none.read('c1')).toBeUndefined()
    const spoilt = storage()
    for (const value of ['{', 'null', '"text"', '{"text":1}']) {
      spoilt.setItem('chat::ada:draft:c1', value)
      expect(createDrafts('', 'ada', spoilt).read('c1')).toBeUndefined()
    }
  })
})
