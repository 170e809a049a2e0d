import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRedis } from '../../src/stores/redis/index.ts'
import { messageAt, messagesOf, placeOf, say } from '../contracts/store/kit.ts'
import {
  describeRedis,
  freePort,
  type RedisCluster,
  type RedisServer,
  startCluster,
  startRedis,
} from '../support/redis.ts'

const openssl = spawnSync('openssl', ['version']).status === 0
if (!openssl && process.env.CI === 'true') throw new Error('openssl was not found: install it to test Redis with TLS.')
if (!openssl) console.warn('Skipped Redis with TLS: openssl was not found, install it to run these tests.')

describeRedis('Redis with TLS and a password', () => {
  if (!openssl) return it.skip('needs openssl', () => undefined)
  const dir = mkdtempSync(join(tmpdir(), 'redis-tls-'))
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  spawnSync('openssl', [...made, ...names, '-keyout', key, '-out', cert])
  const ca = readFileSync(cert)
  const tls = {
    'tls-cert-file': cert,
    'tls-key-file': key,
    'tls-ca-cert-file': cert,
    'tls-auth-clients': 'no',
    requirepass: 'secret',
  }

  let server: RedisServer
  let cluster: RedisCluster
  beforeAll(async () => {
    const port = await freePort()
    server = await startRedis({ ...tls, port: '0', 'tls-port': String(port) }, { port, probe: { tls: { ca } } })
    cluster = await startCluster(3, { ...tls, masterauth: 'secret', 'tls-cluster': 'yes' }, { ca })
  }, 30_000)
  afterAll(async () => {
    await server.stop()
    await cluster.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('speaks to one server by a rediss:// address', async () => {
    const url = `rediss://:secret@localhost:${server.port}`
    const store = await openRedis({ url, tls: { ca }, prefix: 'tls:' })
    const claim = await say(store, messageAt(placeOf('a')))
    expect(await messagesOf(store, claim.conversation)).toHaveLength(2)
    await store.close()
  })

  it('refuses a certificate it has no reason to trust, at once and in plain words', async () => {
    const url = `rediss://:secret@127.0.0.1:${server.port}`
    await expect(openRedis({ url, prefix: 'tls:' })).rejects.toThrow(
      `The TLS connection to Redis at 127.0.0.1:${server.port} failed: `,
    )
  })

  it('speaks to every node of a Cluster, and hears its messages', async () => {
    const options = { clusterNodes: cluster.entrances, password: 'secret', tls: { ca }, prefix: 'tls:' }
    const store = await openRedis(options)
    for (let n = 0; n < 12; n++) await say(store, messageAt(placeOf(`place ${n}`)))
    const heard: unknown[] = []
    await store.bus.subscribe('c', (message) => heard.push(message))
    await store.bus.publish('c', { n: 1 })
    await expect.poll(() => heard).toEqual([{ n: 1 }])
    await store.close()
    await expect(openRedis({ ...options, password: 'wrong' })).rejects.toThrow('refuses the user name or the password')
  })
})
