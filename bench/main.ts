import { parseArgs } from 'node:util'
import { type Row, table } from './row.ts'

interface Options {
  scale: number
  profile?: string
}

/**
 * `npm run bench -- [name ...]`: all benchmarks or some, one after the other, as one table. `--scale 0.1`: with a tenth of
 * the load where a benchmark can do with less, to see that it works; such numbers say nothing. `--profile folder`: where a
 * benchmark runs the app as a process, a CPU profile of it is left there.
 */
const benches: Record<string, () => Promise<{ run(options: Options): Promise<Row[]> }>> = {
  bedrock: () => import('./bedrock.ts'),
  turn: () => import('./turn.ts'),
  people: () => import('./people.ts'),
  overhead: () => import('./overhead.ts'),
  streams: () => import('./streams.ts'),
  slack: () => import('./slack.ts'),
  teams: () => import('./teams.ts'),
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' }, profile: { type: 'string' } },
})
const unknown = positionals.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(1)
}
const rows: Row[] = []
for (const [name, load] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  process.stderr.write(`${name} ...\n`)
  rows.push(...(await (await load()).run({ ...values, scale: Number(values.scale) })))
}
process.stdout.write(`${table(rows)}\n`)
process.exit(0)
