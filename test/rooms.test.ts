import { globSync, readFileSync } from 'node:fs'
import { matchesGlob, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'vite'
import { expect, test } from 'vitest'

/** Packages and the files that may import them. One that is not named here has no place yet: give it one. */
const doors: Record<string, string[]> = {
  '@aws-sdk/*': ['src/bedrock.ts', 'src/bedrock/**'],
  '@smithy/*': ['src/bedrock.ts', 'src/bedrock/**'],
  '@slack/*': ['adapters/slack/**'],
  botbuilder: ['adapters/teams/**'],
  'botframework-*': ['adapters/teams/**'],
  jsonwebtoken: ['adapters/teams/**'],
  compression: ['src/server.ts', 'src/server/**', 'adapters/web/**'],
  ejs: ['src/server.ts', 'src/server/**', 'adapters/web/**'],
  express: ['src/server.ts', 'src/server/**', 'adapters/**'],
  'express-session': ['adapters/web/**'],
  helmet: ['src/server.ts', 'src/server/**', 'adapters/web/**'],
  ioredis: ['src/stores/redis/**'],
  'lru-cache': ['src/**', 'adapters/**'],
  'openid-client': ['adapters/web/signIn/**'],
  marked: ['adapters/web/**'],
  pino: ['src/log.ts'],
  'pino-*': ['src/log.ts'],
  'prom-client': ['src/metrics.ts'],
  undici: ['adapters/slack/**'],
  zod: ['src/config.ts', 'src/config/**', 'adapters/**'],
}

/** The files of a room may import each other. */
const roomOf = (file: string): string => /^(adapters\/[^/]+|src\/stores\/[^/]+(?=\/)|[^/]+)/.exec(file)?.[0] ?? file

/** The ways from room to room. All others are closed. */
const ways: { from: string; to: string[]; typesOnly?: true }[] = [
  { from: 'src/main.ts', to: ['adapters/*/index.ts'] },
  { from: 'src/openStore.ts', to: ['src/stores/*/index.ts'] },
  { from: 'src/stores/**', to: ['src/*.ts', 'src/stores/*.ts'] },
  { from: 'adapters/**', to: ['src/types.ts', 'src/errors.ts', 'src/ids.ts', 'src/links.ts', 'src/log.ts'] },
  // The store's ports by name; the engine behind them is handed over.
  { from: 'adapters/**', to: ['src/store.ts'], typesOnly: true },
  // Who joins identities, writes the audit log and may change people's rights, likewise.
  {
    from: 'adapters/**',
    to: ['src/identities.ts', 'src/audit.ts', 'src/admin.ts', 'src/personal.ts', 'src/limits/rules.ts'],
    typesOnly: true,
  },
  // The page is rendered by the same code in Node and in the browser.
  { from: 'adapters/web/**', to: ['views/assets/**'] },
]

const installed: Record<string, string> = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).dependencies

interface Import {
  from: string
  typesOnly: boolean
}

/** All imports of a file, re-exports and dynamic ones included. */
function importsOf(file: string, source: string): Import[] {
  const { errors, module } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message}`)
  const still = module.staticImports.map(({ moduleRequest, entries }) => ({
    from: moduleRequest.value,
    typesOnly: entries.length > 0 && entries.every((entry) => entry.isType),
  }))
  const passedOn = module.staticExports.flatMap(({ entries }) =>
    entries.map(({ moduleRequest, isType }) => ({ from: moduleRequest?.value ?? '', typesOnly: isType })),
  )
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    from: /^(['"`])([^$]*)\1$/.exec(source.slice(start, end))?.[2] ?? '(computed)',
    typesOnly: false,
  }))
  return [...still, ...passedOn.filter(({ from }) => from !== ''), ...dynamic]
}

const within = (file: string, globs: readonly string[]): boolean => globs.some((glob) => matchesGlob(file, glob))

function mayImport(file: string, { from, typesOnly }: Import): boolean {
  if (file === 'src/types.ts') return false
  // The page's own modules by name; a browser reaches nothing else.
  if (from === '(computed)') return roomOf(file) === 'views'
  if (from.startsWith('node:')) return roomOf(file) !== 'views'
  if (!from.startsWith('.')) {
    const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/')
    const door = Object.keys(doors).find((pattern) => matchesGlob(name, pattern))
    // A development dependency would be missing where the service runs.
    return door !== undefined && within(file, doors[door]!) && name in installed
  }
  const target = posix.join(posix.dirname(file), from)
  if (target === 'src/main.ts') return false
  if (roomOf(file) === roomOf(target)) return true
  return ways.some((way) => matchesGlob(file, way.from) && within(target, way.to) && (typesOnly || !way.typesOnly))
}

/** What a file does that its room forbids. */
function faultsOf(file: string, source: string): string[] {
  const forbidden = importsOf(file, source).filter((one) => !mayImport(file, one))
  const faults = forbidden.map(({ from }) => `${file} imports ${from}`)
  if (file !== 'src/config.ts' && /\bprocess\s*\.\s*env\b|['"](node:)?process['"]/.test(source))
    faults.push(`${file} reads process.env`)
  return faults
}

test('every file keeps to its room', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = globSync(['src/**/*.ts', 'adapters/**/*.ts', 'views/assets/**/*.js'], { cwd: root })
  const faults = files.flatMap((file) => faultsOf(file, readFileSync(`${root}${file}`, 'utf8')))
  expect(files).toContain('src/types.ts')
  expect(faults).toEqual([])
})

test.each([
  ['src/types.ts', "import type { A } from './errors.ts'"],
  ['src/types.ts', "import { hash } from 'node:crypto'"],
  ['src/chat.ts', "import { createWeb } from '../adapters/web/index.ts'"],
  ['src/chat.ts', "export * from '../adapters/web/index.ts'"],
  ['src/chat.ts', "const web = await import('../adapters/web/index.ts')"],
  ['src/chat.ts', 'const web = await import(name)'],
  ['src/chat.ts', "import { openRedis } from './stores/redis/index.ts'"],
  ['src/chat.ts', "import type { Redis } from 'ioredis'"],
  ['src/chat.ts', "import { z } from 'zod'"],
  ['src/chat.ts', "import { start } from './main.ts'"],
  ['src/chat.ts', "import { fixture } from '../test/support/world.ts'"],
  ['src/chat.ts', "import thing from 'a-new-package'"],
  ['adapters/teams/index.ts', "import { expect } from 'vitest'"],
  ['src/chat.ts', 'const port = process.env.PORT'],
  ['src/chat.ts', "import { env } from 'node:process'"],
  ['src/openStore.ts', "import { keys } from './stores/redis/keys.ts'"],
  ['src/main.ts', "import { session } from '../adapters/web/sessions.ts'"],
  ['src/stores/redis/inbox.ts', "import { open } from '../sqlite/index.ts'"],
  [
    'src/stores/redis/inbox.ts',
    "import { open } from '../../openStore.ts'\nimport { web } from '../../../adapters/web/index.ts'",
  ],
  ['adapters/web/index.ts', "import { post } from '../slack/post.ts'"],
  ['adapters/web/index.ts', "import { openStore } from '../../src/openStore.ts'"],
  ['adapters/web/index.ts', "import type { Config } from '../../src/config.ts'"],
  ['adapters/web/index.ts', "import { defaultMaxWaiting, type Store } from '../../src/store.ts'"],
  ['src/chat.ts', "import express from 'express'"],
  ['adapters/slack/index.ts', "import { render } from '../../views/assets/markdown.js'"],
  ['views/assets/app.js', "import { hash } from 'node:crypto'"],
  ['views/assets/app.js', "import { notice } from '../../src/errors.ts'"],
])('in %s, `%s` is found', (file, source) => {
  expect(faultsOf(file, source)).toHaveLength(1)
})

test.each([
  ['src/main.ts', "import { createWeb } from '../adapters/web/index.ts'"],
  ['src/chat.ts', "import type { Chat } from './types.ts'\nimport { hash } from 'node:crypto'"],
  ['src/openStore.ts', "import { openRedis } from './stores/redis/index.ts'"],
  ['src/stores/redis/inbox.ts', "import { Redis } from 'ioredis'\nimport { Fault } from '../../errors.ts'"],
  ['src/bedrock/client.ts', "import { Client } from '@aws-sdk/client-bedrock-runtime'"],
  ['src/log.ts', "import pino from 'pino'\nconst roll = await import('pino-roll')"],
  ['adapters/web/index.ts', "import type { Users } from '../../src/store.ts'\nimport { api } from './api.ts'"],
  ['adapters/web/markdown.ts', "import { render } from '../../views/assets/markdown.js'"],
  ['views/assets/app.js', "import { marked } from './vendor/marked/marked.esm.js'"],
])('in %s, `%s` is fine', (file, source) => {
  expect(faultsOf(file, source)).toEqual([])
})
