import { describe, expect, test } from 'vitest'
import { notice } from '../../../src/errors.ts'
import type { Answer } from '../../../src/types.ts'
import { inPieces, type Stage, type Story, whole } from './stage.ts'
import { bodyOf, expectAtRest, expectWhole, expectWords, signsIn, textOf, words } from './texts.ts'

export interface AnswerWorld {
  ask(): Promise<Stage>
}

const unicode = {
  'beyond the basic plane': 'a𝒜b😀c🏴󠁧󠁢󠁥󠁮󠁧󠁿d',
  'with marks that combine': 'e\u0301 a\u0308\u0323 नमस्ते กำ Z\u0351\u036b\u0343',
  'from right to left': 'שלום עולם, مرحبا بالعالم 123 abc',
  'of signs that are joined': '👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥',
  'without spaces': '日本語のテキストはここにあります。終わり。',
}

/** What a person is left with, on any surface, after an answer that nothing went wrong with but what the answer says. */
export function answersContract(open: () => AnswerWorld): void {
  const told = async (story: Story): Promise<Stage> => {
    const stage = await open().ask()
    await stage.tell(story)
    return stage
  }

  describe('an answer', () => {
    test('is there once and whole, and nothing waits for more', async () => {
      const text = 'One sentence. Another one.\n\nA second paragraph.'
      const shown = await expectWhole(await told(inPieces(text, 5)), text)
      expect(shown).toHaveLength(1)
    })

    test('only grows while it is written, from its first words on', async () => {
      const text = `${words(60)}\n\n${words(60, 60)}`
      const stage = await open().ask()
      const seen: string[] = []
      const looks: Promise<void>[] = []
      const off = stage.watch(() => {
        looks.push(stage.screen().then((shown) => void seen.push(signsIn(bodyOf(shown)))))
      })
      await stage.tell(inPieces(text, 8))
      off()
      await Promise.all(looks)
      await expectWhole(stage, text)
      const grown = seen.filter((one, index) => one !== '' && one !== seen[index - 1])
      for (const one of grown) expect(signsIn(text).startsWith(one)).toBe(true)
      expect(grown.map(({ length }) => length)).toEqual(grown.map(({ length }) => length).sort((a, b) => a - b))
      expect(grown.length).toBeGreaterThan(0)
    })

    test('that comes without a preview is whole', async () => {
      await expectWhole(await told({ pieces: [], end: whole('All at once.') }), 'All at once.')
    })

    test.each(['x', '7', '…', '👍', '*', '#', '-', '>', '`', '|', '<', '&', '\\', '_'])(
      'of one sign: %s',
      async (text) => {
        const shown = await expectAtRest(await told(inPieces(text)))
        expect(shown).toHaveLength(1)
        expect(signsIn(shown[0]!.text)).not.toBe('')
        if (/[\p{L}\p{N}\p{Emoji_Presentation}…]/u.test(text)) expect(signsIn(shown[0]!.body)).toBe(text)
      },
    )

    test.each(Object.entries(unicode))('%s, in pieces of any size', async (_, text) => {
      for (const size of [1, 2, 3, 7]) {
        const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
        await expectWhole(await told({ pieces, end: whole(text) }), text)
      }
    })
  })

  test.each(['length', 'context', 'filtered', 'guardrail', 'broken'] as const)(
    'an answer that was cut short (%s) is shown, and below it why',
    async (stop) => {
      const { text, words: why, shown } = await cut({ text: 'Half of what there', stop })
      expect(shown).toHaveLength(1)
      expect(signsIn(textOf(shown)).indexOf(signsIn(text))).toBeGreaterThanOrEqual(0)
      expect(signsIn(textOf(shown)).indexOf(signsIn(why))).toBeGreaterThan(0)
    },
  )

  test.each(['filtered', 'guardrail'] as const)('one that was held back as a whole (%s) leaves why', async (stop) => {
    const { words: why, shown } = await cut({ text: '', stop })
    expect(shown).toHaveLength(1)
    expect(signsIn(textOf(shown))).toContain(signsIn(why))
  })

  async function cut({ text, stop }: { text: string; stop: keyof typeof reasons }) {
    const why = notice(reasons[stop])
    const answer: Answer = { text, stop, model: 'test', notice: why }
    const stage = await told({ pieces: text ? [text] : [], end: { type: 'done', answer } })
    return { text, words: why.text, shown: await expectAtRest(stage) }
  }

  test('one that was stopped keeps what was shown, and says so', async () => {
    const answer: Answer = { text: 'Some words of', stop: 'stopped', model: 'test', notice: notice('stopped') }
    const shown = await expectAtRest(await told({ pieces: ['Some ', 'words of'], end: { type: 'stopped', answer } }))
    expect(shown).toHaveLength(1)
    expect(signsIn(textOf(shown))).toContain(signsIn('Some words of'))
    expect(signsIn(textOf(shown))).toContain('Stopped.')
  })

  test('one that was stopped before it said a word says so', async () => {
    const answer: Answer = { text: '', stop: 'stopped', model: 'test', notice: notice('stopped') }
    const shown = await expectAtRest(await told({ pieces: [], end: { type: 'stopped', answer } }))
    expect(shown).toHaveLength(1)
    expect(signsIn(textOf(shown))).toContain('Stopped.')
  })

  test('one that failed leaves the words about that, and nothing else', async () => {
    const words = notice('model_busy')
    const shown = await expectAtRest(await told({ pieces: [], end: { type: 'failed', notice: words } }))
    expect(shown).toHaveLength(1)
    expect(signsIn(textOf(shown))).toContain(signsIn(words.text))
  })

  test('code stays code, and what follows it does not become code', async () => {
    const text = `Look:\n\n\`\`\`ts\nconst w1 = 1\n\n  w2()\n\`\`\`\n\nw3 after it.`
    const [message, ...more] = await expectWords(await told(inPieces(text, 4)), text)
    expect(more).toEqual([])
    expect(message!.body).toContain('```ts\nconst w1 = 1\n\n  w2()\n```')
  })
}

const reasons = {
  length: 'cut_length',
  context: 'cut_context',
  filtered: 'filtered',
  guardrail: 'guardrail',
  broken: 'cut_broken',
} as const
