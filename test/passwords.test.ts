import { argon2Sync } from 'node:crypto'
import { expect, test, vi } from 'vitest'

// Counts the work and leaves it as it is: equal work is what equal time comes from.
const work = vi.hoisted(() => [] as { memory: number; passes: number }[])
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  const argon2: typeof crypto.argon2 = (algorithm, parameters, callback) => {
    work.push({ memory: parameters.memory, passes: parameters.passes })
    crypto.argon2(algorithm, parameters, callback)
  }
  return { ...crypto, argon2 }
})

import { hashPassword, needsRehash, passwordFault, verifyPassword } from '../src/passwords.ts'

const phcWith = (memory: number, passes: number, password: string, tagLength = 32): string => {
  const nonce = Buffer.from('somesaltsomesalt')
  const tag = argon2Sync('argon2id', { message: password, nonce, parallelism: 1, tagLength, memory, passes })
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memory},t=${passes},p=1$${text(nonce)}$${text(tag)}`
}

test('a hash verifies its password and no other', async () => {
  const hash = await hashPassword('correct horse')
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(await verifyPassword('correct horse', hash)).toBe(true)
  expect(await verifyPassword('Correct horse', hash)).toBe(false)
  expect(await verifyPassword('', hash)).toBe(false)
})

test('the same password has another hash each time', async () => {
  expect(await hashPassword('correct horse')).not.toBe(await hashPassword('correct horse'))
})

test('reads hashes that other programs made, with other costs', async () => {
  // From the reference implementation's own tests.
  const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  expect(await verifyPassword('password', reference)).toBe(true)
  expect(await verifyPassword('passwort', reference)).toBe(false)
})

test('a password is the same however its characters were composed', async () => {
  const hash = await hashPassword('Zoë’s ﬁne pass')
  expect(await verifyPassword('Zoe\u0308’s fine pass', hash)).toBe(true)
  const long = await hashPassword('e\u0308'.repeat(1000))
  expect(await verifyPassword('e\u0308'.repeat(1000), long)).toBe(true)
})

test('does the same work for a name that nobody has', async () => {
  const hash = await hashPassword('correct horse')
  work.length = 0
  expect(await verifyPassword('correct horse', hash)).toBe(true)
  expect(await verifyPassword('correct horse', undefined)).toBe(false)
  expect(await verifyPassword('correct horse', 'not a hash')).toBe(false)
  expect(work).toEqual(Array.from({ length: 3 }, () => ({ memory: 19_456, passes: 2 })))
})

test.each([
  '',
  'plain',
  '$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=1,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=19456,t=2,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
])('no password fits the damaged hash %j, and it is due for a new one', async (phc) => {
  expect(await verifyPassword('password', phc)).toBe(false)
  expect(needsRehash(phc)).toBe(true)
})

test('a longer password than can be set does not fit, not even by its beginning', async () => {
  const empty = phcWith(19_456, 2, '')
  expect(await verifyPassword('x'.repeat(1025), empty)).toBe(false)
})

test('knows which hashes are due for a new one', async () => {
  expect(needsRehash(await hashPassword('correct horse'))).toBe(false)
  expect(needsRehash(phcWith(19_456, 1, 'x'))).toBe(true)
  expect(needsRehash(phcWith(4_096, 2, 'x'))).toBe(true)
  expect(needsRehash(phcWith(19_456, 2, 'x', 16))).toBe(true)
})

test('a password has 8 to 1024 characters', () => {
  expect(passwordFault('1234567')).toMatch(/at least 8/)
  expect(passwordFault('12345678')).toBeUndefined()
  expect(passwordFault('x'.repeat(1024))).toBeUndefined()
  expect(passwordFault('x'.repeat(1025))).toMatch(/at most 1024/)
})

test('does not hold up the rest of the program while it works', async () => {
  const order: string[] = []
  const hashed = hashPassword('correct horse').then(() => order.push('hash'))
  await new Promise((resolve) => setImmediate(resolve))
  order.push('the rest')
  await hashed
  expect(order).toEqual(['the rest', 'hash'])
})
