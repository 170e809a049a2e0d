import { describe, expect, it } from 'vitest'
import { byDay, dayGroup, shortTime } from '../../views/assets/time.js'

const at = (text: string) => new Date(text).getTime()
const now = at('2026-11-23T10:00:00')

describe('times', () => {
  it.each([
    ['2026-11-23T00:00:00', 'Today'],
    ['2026-11-24T09:00:00', 'Today'],
    ['2026-11-22T23:59:59', 'Yesterday'],
    ['2026-11-21T12:00:00', 'Last 7 days'],
    ['2026-11-17T00:00:00', 'Last 7 days'],
    ['2026-11-16T23:00:00', 'Last 30 days'],
    ['2026-10-02T12:00:00', 'October 2026'],
    ['2025-12-31T12:00:00', 'December 2025'],
  ])('%s is listed under %s', (time, group) => {
    expect(dayGroup(at(time), now, 'en')).toBe(group)
  })

  it('has the time today, the day before that, and the year before this one', () => {
    expect(shortTime(at('2026-11-23T09:05:00'), now, 'en-GB')).toBe('09:05')
    expect(shortTime(at('2026-11-02T09:05:00'), now, 'en-GB')).toBe('2 Nov, 09:05')
    expect(shortTime(at('2025-11-02T09:05:00'), now, 'en-GB')).toBe('2 Nov 2025, 09:05')
  })

  it('groups a list in its order', () => {
    const items = ['2026-11-23T09:00', '2026-11-23T08:00', '2026-11-22T08:00', '2026-09-01T08:00'].map((time) => ({
      updatedAt: at(time),
    }))
    expect(byDay(items, now, 'en').map(({ name, items: some }) => [name, some.length])).toEqual([
      ['Today', 2],
      ['Yesterday', 1],
      ['September 2026', 1],
    ])
    expect(byDay([], now)).toEqual([])
  })
})
