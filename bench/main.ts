import { parseArgs } from 'node:util'
import { type Row, table } from './row.ts'

/** `npm run bench -- [name ...]`: all benchmarks or some, one after the other, as one table. */
const benches: Record<string, () => Promise<{ run(): Promise<Row[]> }>> = {
  bedrock: () => import('./bedrock.ts'),
  turn: () => import('./turn.ts'),
  overhead: () => import('./overhead.ts'),
  streams: () => import('./streams.ts'),
}

const { positionals } = parseArgs({ allowPositionals: true })
const unknown = positionals.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(1)
}
const rows: Row[] = []
for (const [name, load] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  process.stderr.write(`${name} ...\n`)
  rows.push(...(await (await load()).run()))
}
process.stdout.write(`${table(rows)}\n`)
process.exit(0)
