import fc from 'fast-check'

/** Text with a lot of what rendering and splitting must look at. */
export function markdownText(options: { tables?: boolean; long?: boolean } = {}): fc.Arbitrary<string> {
  const bits = [
    ...['\n', '\n\n', ' ', '. ', 'word', 'Überlänge', '日本語', '👩‍👩‍👧', '*b*', '`c`', '# ', '- ', '> ', '\t'],
    ...['[', ']', '(', ')', '](', ']:', '<', '>', '@', '!', '#', '|', '\\'],
    ...['```\n', '```ts\n', '~~~\n', '    ```\n', '`', '``', '~'],
    ...['<!channel>', '<!here', '<@U123>', '@everyone', '[a](https://a.example)', '[b.example](https://a.example)'],
    ...['https://a.example', '<https://a.example|b>', 'x'.repeat(40)],
  ]
  const tables = ['| a | b |\n', '|---|---|\n', '| 1 | `2` |\n', '|', '| a | b |\n|:--|--:|\n| 1 | 2 |\n| 3 | 4 |\n']
  const bit = fc.constantFrom(...bits, ...(options.tables === false ? [] : tables))
  // Where there shall be no tables, no line may look like one.
  const clean = (text: string): string => (options.tables === false ? text.replaceAll('|', '¦') : text)
  const units = fc.array(
    fc.oneof({ weight: 4, arbitrary: bit }, { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) }),
    {
      maxLength: options.long ? 400 : 40,
    },
  )
  return units.map((parts) => clean(parts.join('')))
}
