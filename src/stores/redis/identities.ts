import type { Engine } from './engine.ts'

/** Which user is behind an identity. */
export interface Identities {
  ownerOf(identity: string): Promise<string | null>
  /** Give an identity from one user (or nobody, '') to another (or nobody), if it is theirs. Who has it then. */
  give(identity: string, from: string, to: string): Promise<string>
}

export function identitiesOf({ connection, keys, given }: Engine): Identities {
  return {
    ownerOf: (identity) => connection.run((redis) => redis.get(keys.identity(identity))),
    async give(identity, from, to) {
      return (await connection.script('identity', [keys.identity(identity)], given({ from, to }))) as string
    },
  }
}
