import { crc32, deflateSync } from 'node:zlib'

type Point = readonly [x: number, y: number]

/** A quarter of the star of the page's icon, in its 32 by 32: from its top to its right. */
const quarter: readonly Point[] = [
  [16, 6],
  [16.8, 12.2],
  [19.8, 15.2],
  [26, 16],
]
const samples = 4
const green = [0x0f, 0x6a, 0x68] as const

/** 192 by 192, in colour; Teams rounds its corners. */
export function colorIcon(): Buffer {
  return draw(192, 1, (inside) => {
    const mix = green.map((part) => Math.round(part + (255 - part) * inside))
    return [mix[0]!, mix[1]!, mix[2]!, 255]
  })
}

/** 32 by 32, white on nothing, as Teams wants it. */
export function outlineIcon(): Buffer {
  return draw(32, 1.4, (inside) => [255, 255, 255, Math.round(255 * inside)])
}

/** The star, `scale` times as large as in the page's icon, with smooth edges. */
function draw(size: number, scale: number, colour: (inside: number) => [number, number, number, number]): Buffer {
  const edge = outline()
  const rows: Buffer[] = []
  for (let y = 0; y < size; y++) {
    // Each row begins with its filter: none.
    const row = Buffer.alloc(1 + size * 4)
    for (let x = 0; x < size; x++) row.set(colour(coverage(edge, x, y, size, scale)), 1 + x * 4)
    rows.push(row)
  }
  return png(size, Buffer.concat(rows))
}

/** How much of a pixel the star covers. */
function coverage(edge: readonly Point[], x: number, y: number, size: number, scale: number): number {
  const into = (pixel: number, sample: number): number =>
    (((pixel + (sample + 0.5) / samples) * 32) / size - 16) / scale + 16
  let inside = 0
  for (let i = 0; i < samples; i++)
    for (let j = 0; j < samples; j++) if (contains(edge, into(x, i), into(y, j))) inside++
  return inside / samples ** 2
}

function outline(): Point[] {
  const points: Point[] = []
  for (let turn = 0; turn < 4; turn++) {
    for (let step = 0; step < 16; step++) {
      let [x, y] = bezier(step / 16)
      for (let times = 0; times < turn; times++) [x, y] = [32 - y, x]
      points.push([x, y])
    }
  }
  return points
}

function bezier(t: number): Point {
  const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3]
  const along = (axis: 0 | 1): number => quarter.reduce((sum, point, index) => sum + point[axis] * weights[index]!, 0)
  return [along(0), along(1)]
}

function contains(edge: readonly Point[], x: number, y: number): boolean {
  let inside = false
  for (let i = 0, j = edge.length - 1; i < edge.length; j = i++) {
    const [x1, y1] = edge[i]!
    const [x2, y2] = edge[j]!
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside
  }
  return inside
}

function png(size: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  // Eight bits each of red, green, blue and opacity.
  header.set([8, 6, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(data.length, 0)
  body.copy(whole, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}
