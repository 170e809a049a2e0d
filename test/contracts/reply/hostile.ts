import { describe, expect, test } from 'vitest'
import type { AnswerWorld } from './answers.ts'
import { inPieces, type Shown, type Traits, whole } from './stage.ts'
import { expectAtRest, textOf, wordsIn } from './texts.ts'

const links = [
  '[https://bank.example/login](https://evil.example/)',
  '[bank.example](https://evil.example)',
  '[**bank.example**](https://evil.example "bank.example")',
  '[www.bank.example](<https://evil.example>)',
  '![https://bank.example](https://evil.example/x.png)',
  '[ https://bank.example ](https://evil.example)',
  '[https://bank.example@evil.example](https://evil.example)',
  '[the bank](javascript:alert(1))',
  '[the bank](data:text/html,hello)',
  '[https://bank.example][1]\n\n[1]: https://evil.example',
  '[bank.example]\n\n[bank.example]: https://evil.example',
  '[help@bank.example](mailto:help@evil.example)',
  '<a href="https://evil.example">https://bank.example</a>',
  '<https://evil.example|https://bank.example>',
  '| Go |\n|---|\n| [bank.example](https://evil.example) |\n',
  '# [bank.example](https://evil.example)',
  '`[bank.example](https://evil.example) and no more',
  '| Wide |\n|---|\n| [x [bank.example](https://a.example)](https://evil.example) |\n',
  '- [bank.example](https://evil.example)\n> [bank.example](https://evil.example)',
]

const markup = [
  '<b>bold</b> <script>alert(1)</script> <img src=x onerror=alert(1)>',
  '<at>everyone</at> <at id="0">Ben</at>',
  '<!-- <b> --> <![CDATA[ x ]]> <?php x ?>',
  '&lt;!channel&gt; &#60;!channel&#62; &amp;lt;',
]

const calls = ['@everyone @here @channel @all @team', 'Hello <!channel> and <!here|here> and <!everyone>']

// Written as code points: some of them are not seen in an editor, which is what they are for.
const controls = [
  [0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x7f, 0x80, 0x9b],
  [0x200b, 0x200d, 0x2060, 0xfeff, 0xad, 0xfffe, 0xffff],
  [0x202a, 0x202e, 0x2066, 0x2069, 0x200f],
  [0x2028, 0x2029, 0x85],
].map((points) => points.map((point) => `w${point}${String.fromCodePoint(point)}`).join(' '))

/** What a model may be talked into writing: it rings for nobody, and leads nowhere but where it says. */
export function hostileContract({ traps }: Traits, open: () => AnswerWorld): void {
  const texts = [...links, ...markup, ...calls, ...controls, ...traps]

  describe.each([
    ['at once', (text: string) => ({ pieces: [], end: whole(text) })],
    ['sign by sign', (text: string) => ({ pieces: [...text], end: whole(text) })],
    ['in three pieces', (text: string) => inPieces(text)],
  ] as const)('hostile text %s', (_, story) => {
    test.each(texts.map((text) => [JSON.stringify(text), text]))('%s', async (_, text) => {
      const stage = await open().ask()
      const said = `w1 before.\n\n${text}\n\nw2 after.`
      const looks: Promise<Shown[]>[] = []
      const off = stage.watch(() => looks.push(stage.screen()))
      await stage.tell(story(said))
      off()
      const last = await expectAtRest(stage)
      for (const shown of [...(await Promise.all(looks)).flat(), ...last]) {
        expect(shown.pings).toEqual([])
        expect(shown.links.filter((link) => !isHonest(link))).toEqual([])
      }
      expect(wordsIn(textOf(last))).toEqual(expect.arrayContaining(['w1', 'before', 'w2', 'after']))
    })
  })
}

/** It leads where its words say, if they say where. */
function isHonest({ label, target }: { label: string; target: string }): boolean {
  const [, scheme = '', place = ''] = /^(https?:\/\/|mailto:)([^/?#]+)/i.exec(target) ?? []
  if (!scheme) return false
  if (label === target) return true
  const [claimed] = /[\p{L}\p{N}.-]+\.(?:example|com)\b/u.exec(label) ?? []
  const [host = ''] = /^[\p{L}\p{N}.-]*/u.exec(place.replace(/^.*@/, '')) ?? []
  return !claimed || host.replace(/^www\./, '') === claimed.replace(/^www\./, '')
}
