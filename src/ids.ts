import { createHash, randomFillSync } from 'node:crypto'
import type { Place, Sender } from './types.ts'

const homeLength = 16
const conversationLength = homeLength + 12

/**
 * The home of a place: the same for the same place, on any instance. 96 bits of SHA-256, base64url. A page that shows a
 * conversation (`channel` is its id) is at home where that was born, so that a message from it is one step in the store.
 */
export function homeOf(place: Place): string {
  if (place.surface === 'web' && place.channel.length === conversationLength && isId(place.channel))
    return homeOfConversation(place.channel)
  return hashOf([place.surface, place.workspace, place.channel, place.thread ?? '']).slice(0, homeLength)
}

/** A new conversation born in a home; its id tells where its inbox is. */
export function newConversationId(home: string): string {
  return `${home}${chance(9)}`
}

/** The home a conversation was born in. */
export function homeOfConversation(id: string): string {
  return id.slice(0, homeLength)
}

/** Whether a string from outside can be a conversation's or a turn's id at all. */
export function isId(text: string): boolean {
  return /^[\w-]{12,64}$/.test(text)
}

/** Sorts by time of making: 48 bits of time, 80 of chance. */
export function newId(now: number = Date.now()): string {
  return firstIdAt(now) + chance(10)
}

/** Random bytes of the system's, fetched for many at once: each visit there costs more than all else that an id is made of. */
const pool = Buffer.alloc(4_096)
let used = pool.length

/** So many random bytes, as base64url. Never the same twice. */
export function chance(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('base64url', used - bytes, used)
}

/** Sorts before every id of `newId` that was made at this time or later, and after all others. */
export function firstIdAt(now: number): string {
  return now.toString(36).padStart(9, '0')
}

/** When an id of `newId` was made, on the clock of the instance that made it; NaN or any time for another text. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 9), 36)
}

/** A person's identity as one string, the key to their user. */
export function identityOf(sender: Sender): string {
  return `${sender.surface}:${sender.workspace}:${sender.id}`
}

/** Whose members read along in a place that is not direct. */
export function audienceOf({ surface, workspace, channel, audience }: Place): string {
  return `${surface}:${workspace}:${audience ?? channel}`
}

/** The identity of a web user: one and the same however the name's case, width and accents are typed. */
export function webIdentityOf(name: string): string {
  return identityOf({ surface: 'web', workspace: 'local', id: name.normalize('NFKC').trim().toLowerCase() })
}

/** Stable, unguessable only in so far as its parts are. For keys and for log fields that must not name a person. */
export function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
