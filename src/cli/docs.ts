import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Variable, variables } from '../config/variables.ts'

/** `npm run docs:env`: writes the table of variables into the README and all of `.env.example`, from the one table in code. */

const begin = '<!-- variables:begin -->'
const end = '<!-- variables:end -->'

const groups = Map.groupBy(Object.entries<Variable>(variables), ([, variable]) => variable.group)

/** The README's part about variables, without its markers. */
export function variablesMarkdown(): string {
  const parts = [...groups].map(([group, entries]) =>
    [
      `#### ${group}`,
      '',
      '| Variable | Value | Default | What it does |',
      '| --- | --- | --- | --- |',
      ...entries.map(([name, variable]) => row([`\`${name}\``, kindOf(variable), defaultOf(variable), variable.text])),
    ].join('\n'),
  )
  return parts.join('\n\n')
}

const row = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

const kindOf = ({ type, secret }: Variable): string => (secret ? `${type}; secret` : type)

function defaultOf(variable: Variable): string {
  if (variable.default === undefined) return variable.unset ?? ''
  const standard = `\`${variable.default}\``
  return variable.production === undefined ? standard : `${standard}, in production \`${variable.production}\``
}

/** The whole of `.env.example`: everything as a comment, so that copying it changes nothing. */
export function envExample(): string {
  const intro = [
    'Copy this file to .env and take away the # where you want something else.',
    'What is set in the environment goes before this file. All of it is explained in the README too.',
  ]
  const parts = [...groups].map(([group, entries]) =>
    [`# --- ${group} ---`, ...entries.map(([name, variable]) => `\n${explained(name, variable)}`)].join('\n'),
  )
  return `${[intro.map((line) => `# ${line}`).join('\n'), ...parts].join('\n\n')}\n`
}

function explained(name: string, variable: Variable): string {
  const facts = [plain(kindOf(variable)), `Default: ${plain(defaultOf(variable)) || 'none'}.`]
  return [`# ${plain(variable.text)}`, `# ${facts.join('. ')}`, `#${name}=${quoted(variable)}`].join('\n')
}

const plain = (markdown: string): string => markdown.replaceAll('`', '')

function quoted({ default: standard, example }: Variable): string {
  const shown = standard ?? example ?? ''
  return /[\s#"]/.test(shown) ? `'${shown}'` : shown
}

/** The README with its table as it should be. Throws where the markers are not there, once each and in order. */
export function withVariables(readme: string): string {
  const [before, rest, ...tooMany] = readme.split(begin)
  const [, after, ...endless] = rest?.split(end) ?? []
  if (before === undefined || after === undefined || tooMany.length > 0 || endless.length > 0)
    throw new Error(`README.md needs the lines ${begin} and ${end}, once each, where the table of variables belongs.`)
  return `${before}${begin}\n\n${variablesMarkdown()}\n\n${end}${after}`
}

function write(): void {
  const fileOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
  writeFileSync(fileOf('.env.example'), envExample())
  const readme = fileOf('README.md')
  writeFileSync(readme, withVariables(readFileSync(readme, 'utf8')))
}

if (import.meta.main) write()
