import type { Absences } from '../../store.ts'
import type { Engine } from './engine.ts'

export function openAbsences({ connection, keys }: Engine): Absences {
  return {
    async left(audience, identity) {
      await connection.run((redis) => redis.zadd(keys.absences(identity), 0, audience))
    },
    async back(audience, identity) {
      await connection.run((redis) => redis.zrem(keys.absences(identity), audience))
    },
    async among(audiences, identities) {
      if (audiences.length === 0) return []
      const scores = await Promise.all(
        identities.map((identity) => connection.run((redis) => redis.zmscore(keys.absences(identity), ...audiences))),
      )
      return audiences.filter((_audience, i) => scores.some((one) => one[i] !== null))
    },
  }
}
