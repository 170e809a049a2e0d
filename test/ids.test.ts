import { expect, test } from 'vitest'
import { homeOf, homeOfConversation, isId, newConversationId, webIdentityOf, webPlaceOf } from '../src/ids.ts'

const thread = { surface: 'slack', workspace: 'T1', channel: 'C1', thread: '1.2', direct: false } as const

test('a conversation is at home where it was born', () => {
  const id = newConversationId(homeOf(thread))
  expect(isId(id)).toBe(true)
  expect(homeOfConversation(id)).toBe(homeOf(thread))
  expect(homeOf({ ...thread, thread: '1.3' })).not.toBe(homeOf(thread))
  expect(homeOf({ ...thread, workspace: 'T2' })).not.toBe(homeOf(thread))
})

test('the page that shows a conversation is at its home, wherever it was born', () => {
  const id = newConversationId(homeOf(thread))
  expect(homeOf(webPlaceOf(id))).toBe(homeOf(thread))
  // Only the page has such places, and only for what can be an id.
  expect(homeOf({ ...thread, channel: `c/${id}` })).not.toBe(homeOf(thread))
  expect(homeOf({ ...webPlaceOf(id), channel: `c/${id}/../x` })).not.toContain(homeOf(thread))
})

test('a web user has one identity however the name is typed', () => {
  expect(webIdentityOf(' Zoe\u0308 ')).toBe(webIdentityOf('ZOË'))
  expect(webIdentityOf('ada')).toBe('web:local:ada')
})
