import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { notice } from '../../../src/errors.ts'
import type { Harm, WireCall } from '../../support/wire.ts'
import {
  type Asked,
  aLife,
  draftOf,
  type Ending,
  inPieces,
  type Life,
  newTurn,
  type PushWorld,
  perform,
  type Shown,
  type Story,
  type Traits,
  type Turn,
} from './stage.ts'
import { bodyOf, expectAtRest, expectSame, paragraphs, signsIn, textOf, words, wordsIn } from './texts.ts'

/** A stream is begun, grows and ends; and as many messages as it takes to have one before, one after and one between. */
const stories = ({ fill }: Traits): Record<string, { first: Story; second: Story }> => ({
  'a short answer': { first: inPieces(words(30), 3), second: inPieces(words(40, 500), 2) },
  'a long answer': {
    first: inPieces(paragraphs(Math.round(fill.grown * 2.4)), 5),
    second: inPieces(paragraphs(Math.round(fill.grown * 1.4)).replaceAll('w', 'v'), 2),
  },
  'an answer that is longer in the second try': {
    first: inPieces(words(20), 2),
    second: inPieces(paragraphs(Math.round(fill.grown * 2.4)).replaceAll('w', 'v'), 2),
  },
  'an answer that fails in the second try': {
    first: inPieces(words(20), 2),
    second: { pieces: [], end: { type: 'failed', notice: notice('gave_up') } },
  },
})

const never = 'nothing was hit'

/** What went wrong in a process: a call, or a save of its draft. */
type Blow = { call: Harm; at: WireCall } | 'a save'

/** Whatever call or save a process dies at, or a call fails at: one whole answer, no message twice, nothing left thinking. */
export function crashesContract(traits: Traits, open: () => PushWorld): void {
  describe.each(Object.entries(stories(traits)))('%s', (_, { first, second }) => {
    test.each(['not done', 'done'] as const)('is whole after a death at any call, when that was %s', async (work) => {
      await everyNth(async (nth) => {
        const asked = await open().ask()
        const turn = newTurn()
        const blow = await die(asked, turn, first, { nth, work, reply: 'never' })
        if (blow === never) return never
        await live(asked, turn, second)
        await expectOneAnswer(asked, turn.answer!, [blow])
      })
    })

    test.each(['dead before', 'dead after'] as const)('is whole after a death at any save (%s)', async (effect) => {
      await everyNth(async (nth) => {
        const asked = await open().ask()
        const turn = newTurn()
        const blow = await die(asked, turn, first, { nth, effect })
        if (blow === never) return never
        await live(asked, turn, second)
        await expectOneAnswer(asked, turn.answer!, [blow])
      })
    })
  })

  const failures: Omit<Harm, 'nth'>[] = (['not done', 'done'] as const).flatMap((work) =>
    (['reset', 'bad gateway'] as const).map((reply) => ({ work, reply })),
  )
  describe.each(Object.entries(stories(traits)).slice(0, 2))('%s', (_, { first }) => {
    test.each(failures)('is whole when any call fails, $work ($reply)', async (failure) => {
      await everyNth(async (nth) => {
        const asked = await open().ask()
        const turn = newTurn()
        const life = aLife()
        const { wire, open: opened } = await asked.process()
        const hit = wire.harm({ ...failure, nth })
        const performed = perform(turn, opened(draftOf(turn, life)), first, life)
        const at = await Promise.race([hit, performed.then(() => wire.idle()).then(() => never)])
        await performed
        await wire.idle()
        if (typeof at === 'string') return never
        await expectOneAnswer(asked, turn.answer!, [{ call: { ...failure, nth }, at }])
      })
    })

    test('is whole when the store fails for a moment at any save', async () => {
      await everyNth(async (nth) => {
        const asked = await open().ask()
        const turn = newTurn()
        let failed = false
        const hit = (): void => {
          failed = true
        }
        const life = aLife({ nth, effect: 'fails', hit })
        const { wire, open: opened } = await asked.process()
        await perform(turn, opened(draftOf(turn, life)), first, life)
        await wire.idle()
        if (!failed) return never
        await expectOneAnswer(asked, turn.answer!, [])
      })
    })

    test('shows nothing more once its lease is lost', async () => {
      await everyNth(async (nth) => {
        const asked = await open().ask()
        const turn = newTurn()
        let then: Promise<Shown[]> | undefined
        const hit = (): void => {
          then ??= asked.screen()
        }
        const life = aLife({ nth, effect: 'lease lost', hit })
        const { wire, open: opened } = await asked.process()
        await perform(turn, opened(draftOf(turn, life)), first, life).catch(() => {})
        await wire.idle()
        if (!then) return never
        expectSame(textOf(await asked.screen()), textOf(await then))
      })
    })
  })

  test('an answer is whole after several deaths and failures in a row', async () => {
    const blow = fc.record({
      nth: fc.nat({ max: 9 }),
      work: fc.constantFrom('not done' as const, 'done' as const),
      reply: fc.constantFrom('never' as const, 'reset' as const),
    })
    const [{ first, second }] = Object.values(stories(traits)) as [{ first: Story; second: Story }]
    const attempt = async (blows: Harm[]): Promise<void> => {
      const asked = await open().ask()
      const turn = newTurn()
      const met: Blow[] = []
      for (const [index, harm] of blows.entries()) {
        const one = await die(asked, turn, index === 0 ? first : second, harm)
        if (one !== never) met.push(one)
      }
      await live(asked, turn, second)
      await expectOneAnswer(asked, turn.answer!, met)
    }
    await fc.assert(fc.asyncProperty(fc.array(blow, { minLength: 2, maxLength: 4 }), attempt), { numRuns: 15 })
  })

  /** A process works on a turn until it is hit and killed, or has brought it to its end. */
  async function die(
    asked: Asked,
    turn: Turn,
    story: Story,
    harm: Harm | { nth: number; effect: 'dead before' | 'dead after' },
  ): Promise<Blow | typeof never> {
    const { wire, open: opened } = await asked.process()
    const saved = Promise.withResolvers<Blow>()
    const atSave = 'work' in harm ? undefined : { ...harm, hit: () => saved.resolve('a save') }
    const life: Life = aLife(atSave)
    const hit = 'work' in harm ? wire.harm(harm).then((at): Blow => ({ call: harm, at })) : saved.promise
    const performed = perform(turn, opened(draftOf(turn, life)), story, life).then(() => wire.idle())
    performed.catch(() => {})
    const met = await Promise.race([
      hit,
      performed.then(
        () => never,
        () => never,
      ),
    ])
    life.state = 'dead'
    wire.cut()
    await wire.idle()
    return met === never ? never : (met as Blow)
  }

  async function live(asked: Asked, turn: Turn, story: Story): Promise<void> {
    const { wire, open: opened } = await asked.process()
    const life = aLife()
    await perform(turn, opened(draftOf(turn, life)), story, life)
    await wire.idle()
  }

  /** The answer is there once. Where nobody can look, a part that may be lost is not said again, but a word about it. */
  async function expectOneAnswer(asked: Asked, end: Ending, blows: readonly Blow[]): Promise<void> {
    await asked.later()
    const shown = await expectAtRest(asked)
    if (end.type === 'failed') {
      expect(shown).toHaveLength(1)
      return expect(signsIn(textOf(shown))).toContain(signsIn(end.notice.text))
    }
    const { doubt } = open()
    const notes = doubt ? shown.filter(({ text }) => text.includes(doubt.words)) : []
    const parts = shown.filter((one) => !notes.includes(one))
    if (notes.length > 0) {
      expect(blows.some((blow) => blow === 'a save' || doubt?.about(blow.at))).toBe(true)
      // Each process that finds it so says so.
      expect(notes.length).toBeLessThanOrEqual(blows.length)
      const lost = blows.some((blow) => blow === 'a save' || blow.call.work === 'not done')
      if (lost) {
        const there = parts.flatMap(({ body }) => wordsIn(body))
        const among = new Set(there)
        return expectSame(
          there.join(' '),
          wordsIn(end.answer.text)
            .filter((word) => among.has(word))
            .join(' '),
        )
      }
    }
    expectSame(signsIn(bodyOf(parts)), signsIn(end.answer.text))
  }
}

/** Once for the first, the second, the third … until there is none that could be hit. */
async function everyNth(run: (nth: number) => Promise<typeof never | undefined>): Promise<void> {
  let nth = 0
  while ((await run(nth)) !== never) nth++
  expect(nth).toBeGreaterThan(0)
}
