import { describe, expect, it } from 'vitest'
import {
  chance,
  homeOf,
  homeOfConversation,
  isId,
  newConversationId,
  newId,
  timeOf,
  webIdentityOf,
} from '../src/ids.ts'
import type { Place } from '../src/types.ts'

const place = (more: Partial<Place> = {}): Place => ({
  surface: 'web',
  workspace: 'local',
  channel: 'c',
  direct: true,
  ...more,
})

describe('ids', () => {
  it('tell where a conversation was born, and a page that shows it is at home there', () => {
    const home = homeOf(place({ surface: 'slack', channel: 'C1', thread: '1.2' }))
    const conversation = newConversationId(home)
    expect(homeOfConversation(conversation)).toBe(home)
    expect(homeOf(place({ channel: conversation }))).toBe(home)
    expect(homeOf(place({ surface: 'slack', channel: conversation }))).not.toBe(home)
  })

  it('differ for places that differ in any part, and are the same for the same', () => {
    const places = [
      place(),
      place({ channel: 'd' }),
      place({ surface: 'slack' }),
      place({ workspace: 'T2' }),
      place({ thread: '1' }),
      place({ channel: crypto.randomUUID() }),
      place({ channel: 'c","' }),
    ]
    expect(new Set(places.map(homeOf)).size).toBe(places.length)
    expect(homeOf(place())).toBe(homeOf(place()))
  })

  it('are all fit for URLs and keys', () => {
    for (let i = 0; i < 100; i++) {
      expect(isId(newId())).toBe(true)
      expect(isId(newConversationId(homeOf(place({ channel: `${i}` }))))).toBe(true)
    }
    for (const bad of [
      '',
      'short',
      'a'.repeat(65),
      '../../etc/passwd',
      'a b c d e f g h',
      'x{y}zzzzzzzzzzz',
      'ключключключ',
    ])
      expect(isId(bad)).toBe(false)
  })

  it('of turns tell when they were made', () => {
    const now = Date.now()
    expect(timeOf(newId(now))).toBe(now)
    expect(timeOf('--------------')).toBeNaN()
  })

  it('never come twice, however many are made at the same moment', () => {
    const made = Array.from({ length: 5_000 }, () => newId(1))
    expect(new Set(made).size).toBe(made.length)
    expect(new Set(made.map((id) => id.length)).size).toBe(1)
    expect(new Set(Array.from({ length: 1_000 }, () => chance(6))).size).toBe(1_000)
  })

  it('are one for a web user, however the name is typed', () => {
    expect(webIdentityOf(' Zoe\u0308 ')).toBe(webIdentityOf('ZOË'))
    expect(webIdentityOf('ada')).toBe('web:local:ada')
  })
})
