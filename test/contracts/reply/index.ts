import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type AnswerWorld, answersContract } from './answers.ts'
import { crashesContract } from './crashes.ts'
import { hostileContract } from './hostile.ts'
import { lengthsContract } from './lengths.ts'
import {
  aLife,
  draftOf,
  type Ending,
  failing,
  inPieces,
  newTurn,
  type PushWorld,
  stageOf,
  type Traits,
  whole,
} from './stage.ts'
import { bodyOf, expectAtRest, expectWhole, signsIn, textOf, words, wordsIn } from './texts.ts'

type Closing = { close(): Promise<void> }

/** What a person is left with, on a surface that reads its answers by itself. */
export function readContract(name: string, traits: Traits, open: () => Promise<AnswerWorld & Closing>): void {
  describe(name, () => {
    const world = opened(open)
    answersContract(world)
    lengthsContract(traits, world)
    hostileContract(traits, world)
  })
}

/** What a surface owes the core and the person who asked: `Reply` in `types.ts`, call by call. */
export function replyContract(name: string, traits: Traits, open: () => Promise<PushWorld & Closing>): void {
  describe(name, () => {
    const world = opened(open)
    const stages = (): AnswerWorld => ({ ask: async () => stageOf(await world().ask()) })
    answersContract(stages)
    lengthsContract(traits, stages)
    hostileContract(traits, stages)
    crashesContract(traits, world)
    previewsContract(traits, world)
  })
}

function opened<World>(open: () => Promise<World & Closing>): () => World {
  // Hundreds of answers each, over real HTTP, on a machine that has more to do.
  vi.setConfig({ testTimeout: 240_000 })
  let world: World & Closing
  beforeAll(async () => {
    world = await open()
  })
  afterAll(() => world?.close())
  return () => world
}

function previewsContract({ refusals }: Traits, world: () => PushWorld): void {
  test('the pace of previews is for the caller to keep', async () => {
    const asked = await world().ask()
    const { open } = await asked.process()
    const turn = newTurn()
    const reply = open(draftOf(turn, aLife()))
    expect(reply.paceMs).toBeGreaterThan(0)
    await reply.started()
    const text = words(60)
    const { pieces, end } = inPieces(text, 30)
    let said = ''
    for (const piece of pieces) {
      said += piece
      await reply.text(piece, said)
      expect(reply.paceMs).toBeGreaterThan(0)
    }
    if (end.type === 'done') await reply.done(end.answer)
    await expectWhole(asked, text)
  })

  test('an answer does not wait for what is said before it', async () => {
    const asked = await world().ask()
    const { open, wire } = await asked.process()
    const reply = open(draftOf(newTurn(), aLife()))
    const started = reply.started()
    await reply.text('All ', 'All ')
    await reply.text('of it.', 'All of it.')
    await reply.done({ text: 'All of it.', stop: 'end', model: 'test' })
    await started
    await wire.idle()
    await expectWhole(asked, 'All of it.')
  })

  const preview = words(60)
  const other = words(40, 100)
  const unlike: Record<string, Ending> = {
    'another text': whole(other),
    'a shorter one': whole(words(10)),
    'words about a failure': failing('gave_up'),
  }
  test.each(Object.entries(unlike))('what was shown before gives way to %s', async (_, end) => {
    const asked = await world().ask()
    await stageOf(asked).tell({ ...inPieces(preview), end })
    const shown = await expectAtRest(asked)
    expect(shown).toHaveLength(1)
    const found = wordsIn(bodyOf(shown)).filter((word) => /^w\d+$/.test(word))
    expect(found).toEqual(end.type === 'done' ? wordsIn(end.answer.text) : [])
    if (end.type === 'failed') expect(signsIn(textOf(shown))).toContain(signsIn(end.notice.text))
  })

  test.each(refusals)('where previews are refused (%s), the answer is whole all the same', async (way) => {
    const { ask, refuse, heal } = world()
    for (const text of [words(30), words(5_000)]) {
      const asked = await ask()
      const stage = stageOf(asked)
      refuse(way)
      await stage.tell(inPieces(text, 6))
      heal()
      await asked.later()
      await expectWhole(stage, text)
    }
  })
}
