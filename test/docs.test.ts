import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { envExample, variablesMarkdown, withVariables } from '../src/cli/docs.ts'
import { type Variable, variables } from '../src/config/variables.ts'
import { readConfig } from '../src/config.ts'

const fileOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const names = Object.keys(variables)

test('.env.example is what the table of variables says (else: npm run docs:env)', () => {
  expect(readFileSync(fileOf('.env.example'), 'utf8')).toBe(envExample())
})

test('the README has what the table of variables says (else: npm run docs:env)', () => {
  const readme = readFileSync(fileOf('README.md'), 'utf8')
  expect(readme).toBe(withVariables(readme))
})

describe('.env.example', () => {
  test('changes nothing when it is copied as it is', () => {
    expect(parseEnv(envExample())).toEqual({})
  })

  test('has a value that fits for every variable that is not a secret or set by a platform', () => {
    const shown = parseEnv(envExample().replaceAll(/^#(?=\w+=)/gm, ''))
    expect(Object.keys(shown).sort()).toEqual(names.toSorted())
    for (const [name, variable] of Object.entries<Variable>(variables)) {
      const text = variable.default ?? variable.example
      expect([name, shown[name]]).toEqual([name, text ?? ''])
    }
    const { SYSTEM_PROMPT_FILE: _, ...others } = shown
    expect(() => readConfig({ ...others, SESSION_SECRET: 'x'.repeat(32), BASE_PATH: '' })).not.toThrow()
  })
})

describe('the table in the README', () => {
  test('has one row for each variable', () => {
    const rows = variablesMarkdown().match(/^\| `\w+`.*$/gm) ?? []
    expect(rows.map((row) => row.split('`')[1])).toEqual(names)
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(5)
  })

  test('replaces only what is between its markers', () => {
    const readme = '# Title\n<!-- variables:begin -->\nold\n<!-- variables:end -->\n## More\n'
    const written = withVariables(readme)
    expect(written).toMatch(/^# Title\n<!-- variables:begin -->\n\n#### Server\n/)
    expect(written).toMatch(/\|\n\n<!-- variables:end -->\n## More\n$/)
    expect(withVariables(written)).toBe(written)
  })

  test.each(['# Title\n', '<!-- variables:begin -->\n', '<!-- variables:end -->\n<!-- variables:begin -->\n'])(
    'needs both of its markers: %j',
    (readme) => {
      expect(() => withVariables(readme)).toThrow('<!-- variables:begin -->')
    },
  )
})
