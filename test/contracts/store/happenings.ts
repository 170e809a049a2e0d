import fc from 'fast-check'
import { leaseMs, placeOf } from './kit.ts'

/** Three places, so that conversations can be born in one and continued in another. */
export const places = [
  placeOf('web'),
  placeOf('slack', { surface: 'slack', workspace: 'T1' }),
  placeOf('thread', { surface: 'slack', workspace: 'T1', thread: '1.5', direct: false }),
]

/** What can happen at one of two instances. Numbers pick among what there is at the time. */
export type Happening =
  | {
      type: 'deliver'
      by: number
      place: number
      into: number | null
      claim: boolean
      twice: boolean
      followUp: boolean
    }
  | { type: 'redeliver'; by: number; message: number; ids: 'first' | 'last' | 'more'; claim: boolean }
  | { type: 'point'; by: number; place: number; at: number | null }
  | { type: 'mute'; by: number; place: number }
  | { type: 'amend'; by: number; message: number; deleted: boolean }
  | { type: 'sweep'; by: number; leases: number }
  | { type: 'renew' | 'save' | 'release' | 'forget'; by: number; claim: number }
  | { type: 'finish'; by: number; claim: number; delivered: boolean; next: boolean; replyLost: boolean }
  | { type: 'stop'; by: number; message: number }
  | { type: 'crash'; by: number }
  | { type: 'time'; ms: number }

const by = fc.nat(1)
const pick = fc.nat(30)
const yes = fc.boolean()
const place = fc.nat(places.length - 1)
const type = <T extends string>(...names: T[]) => fc.constantFrom(...names)

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: type('deliver'),
      by,
      place,
      into: fc.option(pick, { freq: 3 }),
      claim: yes,
      twice: yes,
      followUp: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: type('redeliver'),
      by,
      message: pick,
      ids: fc.constantFrom('first', 'last', 'more'),
      claim: yes,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: type('point'), by, place, at: fc.option(pick) }) },
  { weight: 1, arbitrary: fc.record({ type: type('mute'), by, place }) },
  { weight: 4, arbitrary: fc.record({ type: type('amend'), by, message: pick, deleted: yes }) },
  { weight: 4, arbitrary: fc.record({ type: type('sweep'), by, leases: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ type: type('renew', 'save', 'release', 'forget'), by, claim: pick }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: type('finish'), by, claim: pick, delivered: yes, next: yes, replyLost: yes }),
  },
  { weight: 1, arbitrary: fc.record({ type: type('stop'), by, message: pick }) },
  { weight: 2, arbitrary: fc.record({ type: type('crash'), by }) },
  // Never exactly a lease: whether it still holds in its last millisecond is left to the engine.
  { weight: 3, arbitrary: fc.record({ type: type('time'), ms: fc.nat(14).map((n) => (n * leaseMs) / 10 + 1) }) },
)

export const happenings = fc.array(happening, { maxLength: 60, size: 'max' })
