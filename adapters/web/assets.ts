import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Request, Response } from 'express'
import { Fault } from '../../src/errors.ts'

export interface Assets {
  /** The address of a file. Throws for one that does not exist: a page with a broken link is a defect. */
  url(name: string): string
  /** `hash` is what the address had; anything but the current one is served too, but not to be kept. */
  serve(request: Request, response: Response, hash: string, name: string): Promise<void>
}

const root = fileURLToPath(new URL('../../', import.meta.url))

interface File {
  type: string
  bytes: Buffer
  /** Made at the first request that wants it. */
  encoded: Map<string, Promise<Buffer>>
}

/**
 * All files of the page in memory, under one path that names their content: so each may be kept for a year, and modules
 * import each other by plain relative paths.
 */
export function loadAssets(basePath: string, folder = join(root, 'views/assets')): Assets {
  const files = new Map<string, File>()
  for (const [name, path] of [...ownFiles(folder), ...vendorFiles()].sort()) {
    files.set(name, { type: typeOf(name), bytes: readFileSync(path), encoded: new Map() })
  }
  const digest = createHash('sha256')
  for (const [name, { bytes }] of files) digest.update(`${name}\0${bytes.length}\0`).update(bytes)
  const current = digest.digest('base64url').slice(0, 12)

  return {
    url(name) {
      if (!files.has(name)) throw new Error(`There is no asset ${name}`)
      return `${basePath}/assets/${current}/${name}`
    },
    async serve(request, response, hash, name) {
      const file = files.get(name)
      if (!file) throw new Fault('not_found')
      response.type(file.type).vary('Accept-Encoding')
      response.set('Cache-Control', hash === current ? 'public, max-age=31536000, immutable' : 'no-cache')
      const encoding = isText(file.type) && file.bytes.length > 1_000 && preferred(request)
      if (encoding) response.set('Content-Encoding', encoding).send(await encode(file, encoding))
      else response.send(file.bytes)
    },
  }
}

function* ownFiles(folder: string): Iterable<[string, string]> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.')) continue
    const path = join(entry.parentPath, entry.name)
    yield [relative(folder, path).split(sep).join('/'), path]
  }
}

/** Files of packages that the page loads, by their name below `vendor/`. Nothing else of a package is served. */
function* vendorFiles(): Iterable<[string, string]> {
  const vendor: Record<string, string> = JSON.parse(readFileSync(join(root, 'views/vendor.json'), 'utf8'))
  for (const [name, path] of Object.entries(vendor)) yield [`vendor/${name}`, join(root, 'node_modules', path)]
}

const types: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  mjs: 'text/javascript; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  webmanifest: 'application/manifest+json',
  woff2: 'font/woff2',
}

function typeOf(name: string): string {
  return types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
}

const isText = (type: string): boolean => /^text\/|json|svg/.test(type)

/** The smaller one, in whichever order the browser lists them. */
function preferred(request: Request): 'br' | 'gzip' | undefined {
  if (request.acceptsEncodings('br')) return 'br'
  return request.acceptsEncodings('gzip') ? 'gzip' : undefined
}

function encode(file: File, encoding: string): Promise<Buffer> {
  let made = file.encoded.get(encoding)
  if (!made) {
    made =
      encoding === 'br'
        ? promisify(brotliCompress)(file.bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
        : promisify(gzip)(file.bytes, { level: 9 })
    file.encoded.set(encoding, made)
  }
  return made
}
