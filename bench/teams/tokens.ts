import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTokens } from '../../adapters/teams/tokens.ts'
import { keySet, mint, openIdMetadata } from '../../test/support/teams/tokens.ts'
import { median } from '../clock.ts'
import type { Row } from '../row.ts'

const appId = '11111111-2222-4333-8444-555555555555'
const checks = 2_000
const rounds = 5

/** What the check of an activity's token costs, against one check of its signature and nothing else. In this process. */
export async function tokenCheck(): Promise<Row> {
  const server = createServer((request, response) => {
    const origin = `http://${request.headers.host}`
    response.end(JSON.stringify(request.url === '/' ? openIdMetadata(origin, 'connector') : keySet('connector')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const tokens = createTokens({ appId, metadata: `http://127.0.0.1:${port}/`, now: Date.now })
    const token = mint({ appId, serviceUrl: 'https://smba.trafficmanager.net/emea/' })
    const taken = { ours: [] as number[], bare: [] as number[] }
    const bare = signatureOf(token)
    for (let round = 0; round <= rounds; round++) {
      const ours = await cpuOf(() => tokens.verify(`Bearer ${token}`))
      const base = await cpuOf(bare)
      // The first round is for warmth.
      if (round === 0) continue
      taken.ours.push(ours)
      taken.bare.push(base)
    }
    const [ours, base] = [median(taken.ours), median(taken.bare)]
    return {
      name: 'check of an activity’s token, against its signature alone',
      ours,
      base,
      ratio: ours / base,
      unit: 'ms CPU',
    }
  } finally {
    server.close()
  }
}

function signatureOf(token: string): () => void {
  const key = createPublicKey({ key: (keySet('connector').keys as JsonWebKey[])[0]!, format: 'jwk' })
  const [head = '', claims = '', signature = ''] = token.split('.')
  return () => {
    const good = verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'))
    if (!good) throw new Error('a good signature was not taken')
  }
}

/** Milliseconds for each. */
async function cpuOf(one: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < checks; i++) await one()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / checks
}
