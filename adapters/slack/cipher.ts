import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** Encrypts what is kept at rest. `place` is bound to the text: a value that was moved elsewhere does not decrypt. */
export interface Cipher {
  encrypt(text: string, place: string): string
  /** Throws when the text was changed, moved, or encrypted with a key that is not known (any more). */
  decrypt(encrypted: string, place: string): string
  /** It was encrypted with a key that is not the first: encrypt it anew. */
  isStale(encrypted: string): boolean
}

const version = 'v1'
const ivBytes = 12
const tagBytes = 16

/**
 * AES-256-GCM with a list of keys: the first encrypts, all decrypt, so that a key can be changed without losing anything.
 * `v1.<key's fingerprint>.<iv, ciphertext and tag in base64url>`
 */
export function createCipher(keys: readonly string[]): Cipher {
  const known = keys.map((key) => {
    const bytes = keyBytes(key)
    return { bytes, name: createHash('sha256').update(bytes).digest('base64url').slice(0, 8) }
  })
  const [first] = known
  if (!first) throw new Error('an encryption key is needed')

  function parts(encrypted: string) {
    const [form, name = '', data = ''] = encrypted.split('.')
    if (form !== version) throw new Error('not encrypted by this version')
    return { name, data: Buffer.from(data, 'base64url') }
  }

  return {
    encrypt(text, place) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', first.bytes, iv, { authTagLength: tagBytes }).setAAD(
        Buffer.from(place),
      )
      const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${version}.${first.name}.${sealed.toString('base64url')}`
    },
    decrypt(encrypted, place) {
      const { name, data } = parts(encrypted)
      const key = known.find((one) => one.name === name)
      if (!key) throw new Error('encrypted with a key that is not in the list')
      const decipher = createDecipheriv('aes-256-gcm', key.bytes, data.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      })
      decipher.setAAD(Buffer.from(place)).setAuthTag(data.subarray(-tagBytes))
      return Buffer.concat([decipher.update(data.subarray(ivBytes, -tagBytes)), decipher.final()]).toString('utf8')
    },
    isStale: (encrypted) => parts(encrypted).name !== first.name,
  }
}

/** A key as it is configured: 32 bytes in hex or base64. */
export function keyBytes(key: string): Buffer {
  const bytes = /^[0-9a-f]{64}$/i.test(key) ? Buffer.from(key, 'hex') : Buffer.from(key, 'base64')
  if (bytes.length !== 32) throw new Error('an encryption key must be 32 bytes, in base64 or hex')
  return bytes
}
