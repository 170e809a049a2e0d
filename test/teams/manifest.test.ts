import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inflateRawSync, inflateSync } from 'node:zlib'
import { AppManifestUtils } from '@microsoft/app-manifest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { colorIcon, outlineIcon } from '../../adapters/teams/icons.ts'
import { manifest } from '../../adapters/teams/manifest.ts'
import { wordOf } from '../../adapters/teams/words.ts'

const appId = '11111111-2222-4333-8444-555555555555'
const root = new URL('../../', import.meta.url)
const committed = (name: string): Promise<Buffer> => readFile(new URL(`manifests/teams/${name}`, root))
const run = promisify(execFile)

/** What Microsoft's schema of that version finds wrong. It comes with the package: nothing is fetched. */
function faults(one: unknown): Promise<string[]> {
  return AppManifestUtils.validateAgainstSchema(one as Parameters<typeof AppManifestUtils.validateAgainstSchema>[0])
}

describe('the manifest', () => {
  test('is what Microsoft’s schema asks for', async () => {
    expect(await faults(manifest({ appId, domain: 'chat.example.com' }))).toEqual([])
    expect(await faults(manifest({ appId, domain: 'chat.example.com', name: 'n'.repeat(30) }))).toEqual([])
    expect(await faults(manifest({ appId: 'none', domain: 'chat.example.com' }))).not.toEqual([])
  })

  test('in the repository is the one that the code makes', async () => {
    const made = manifest({ appId: '00000000-0000-0000-0000-000000000000', domain: 'chat.example.com' })
    expect(JSON.parse((await committed('manifest.json')).toString())).toEqual(made)
    expect(await faults(made)).toEqual([])
  })

  test('hears mentions in channels and groups, and lists commands that are understood', () => {
    const [bot] = manifest({ appId, domain: 'chat.example.com' }).bots
    expect(bot).toMatchObject({ scopes: ['personal', 'team', 'groupChat'], isNotificationOnly: false })
    const titles = bot!.commandLists.flatMap(({ commands }) => commands.map(({ title }) => title))
    expect(titles).toContain('mute')
    for (const title of titles) expect(wordOf(title)).toBe(title)
  })
})

describe('the icons', () => {
  test('are those in the repository, of the sizes Teams wants, and not blank', async () => {
    for (const [name, drawn, size] of [
      ['color.png', colorIcon(), 192],
      ['outline.png', outlineIcon(), 32],
    ] as const) {
      const file = pixelsOf(await committed(name))
      expect(file).toEqual(pixelsOf(drawn))
      expect(file).toMatchObject({ width: size, height: size })
      expect(new Set(file.pixels.map(String)).size).toBeGreaterThan(2)
    }
  })

  test('in outline are white on nothing, in colour without a hole', () => {
    const outline = pixelsOf(outlineIcon()).pixels
    expect(outline.every(([red, green, blue]) => red === 255 && green === 255 && blue === 255)).toBe(true)
    expect(outline.some(([, , , opacity]) => opacity === 0)).toBe(true)
    expect(outline.some(([, , , opacity]) => opacity === 255)).toBe(true)
    expect(pixelsOf(colorIcon()).pixels.every(([, , , opacity]) => opacity === 255)).toBe(true)
  })
})

describe('the package', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'teams-package-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const make = (...args: string[]) =>
    run(process.execPath, [new URL('adapters/teams/package.ts', root).pathname, ...args], { cwd: folder })

  test('has the manifest and both icons at its root', async () => {
    const { stdout } = await make('--app-id', appId, '--domain', 'https://bot.example.org/x', '--name', 'Ask')
    expect(stdout).toBe('teams-app.zip is ready to upload.\n')
    const files = unzip(await readFile(join(folder, 'teams-app.zip')))
    expect(Object.keys(files)).toEqual(['manifest.json', 'color.png', 'outline.png'])
    const made = JSON.parse(files['manifest.json']!.toString())
    expect(made).toMatchObject({ id: appId, name: { short: 'Ask' }, validDomains: ['bot.example.org'] })
    expect(await faults(made)).toEqual([])
    expect(pixelsOf(files['color.png']!).width).toBe(192)
    expect(pixelsOf(files['outline.png']!).width).toBe(32)
  })

  test.each([
    [['--domain', 'chat.example.com'], '--app-id must be'],
    [['--app-id', appId], '--domain must be'],
    [['--app-id', appId, '--domain', 'chat.example.com', '--name', 'n'.repeat(31)], '--name must have'],
    [['--app-id', appId, '--domain', 'chat.example.com', '--privacy-url', 'http://x'], 'https://'],
    [['--what'], "Unknown option '--what'"],
  ])('is not made of %j', async (args, words) => {
    await expect(make(...args, '--out', 'never.zip')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(words),
    })
    await expect(readFile(join(folder, 'never.zip'))).rejects.toThrow()
  })
})

/** The files of an archive, by its directory at the end, as every program reads it. */
function unzip(archive: Buffer): Record<string, Buffer> {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const files: Record<string, Buffer> = {}
  let at = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const packed = archive.readUInt32LE(at + 20)
    const length = archive.readUInt16LE(at + 28)
    const name = archive.toString('ascii', at + 46, at + 46 + length)
    const start = archive.readUInt32LE(at + 42) + 30 + length
    const content = inflateRawSync(archive.subarray(start, start + packed))
    expect(content.length).toBe(archive.readUInt32LE(at + 24))
    files[name] = content
    at += 46 + length
  }
  return files
}

/** What a PNG of ours shows: one chunk of pixels, unfiltered. */
function pixelsOf(png: Buffer): { width: number; height: number; pixels: number[][] } {
  const width = png.readUInt32BE(16)
  const height = png.readUInt32BE(20)
  const at = png.indexOf('IDAT')
  const raw = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)))
  const pixels: number[][] = []
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = y * (1 + width * 4) + 1 + x * 4
      pixels.push([...raw.subarray(from, from + 4)])
    }
  return { width, height, pixels }
}
