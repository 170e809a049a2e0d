import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type CredentialHints, findCredentials } from '../../src/bedrock.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'))
  folders.push(folder)
  writeFileSync(join(folder, 'file'), text)
  return join(folder, 'file')
}

const none: CredentialHints = {
  credentialsFile: '/nonexistent/credentials',
  configFile: '/nonexistent/config',
  instanceMetadata: true,
}
const find = (hints: Partial<CredentialHints>, vendor = '/nonexistent/vendor') =>
  findCredentials({ ...none, ...hints }, vendor)

test('nothing is found where nothing is', () => {
  expect(find({})).toBeNull()
})

test.each<[string, Partial<CredentialHints>, string | null]>([
  ['an API key', { bearerToken: 'x' }, 'bearer token'],
  ['an access key', { accessKeyId: 'x', secretAccessKey: 'y' }, 'access key'],
  ['half an access key', { accessKeyId: 'x' }, null],
  ['a web identity', { webIdentityTokenFile: '/token', roleArn: 'arn:x' }, 'web identity'],
  ['half a web identity', { roleArn: 'arn:x' }, null],
  ['a container', { containerCredentials: '/v2/credentials/1' }, 'container role'],
  ['a profile without any file', { profile: 'work' }, null],
])('%s', (_what, hints, source) => {
  expect(find(hints)).toBe(source)
})

test.each([
  ['[default]\naws_access_key_id = AKID\naws_secret_access_key = s\n', 'shared files'],
  ['[profile work]\nsso_session = corp\nsso_account_id = 1\n', 'shared files'],
  ['[profile work]\n  credential_process = /bin/give\n', 'shared files'],
  ['[profile work]\nrole_arn=arn:x\nsource_profile=default\n', 'shared files'],
  ['[default]\nregion = eu-west-1\noutput = json\n', null],
  ['# aws_access_key_id = AKID\n', null],
  ['', null],
])('shared files count when they lead to credentials: %j', (text, source) => {
  expect(find({ configFile: file(text) })).toBe(source)
  expect(find({ credentialsFile: file(text) })).toBe(source)
})

test('an instance role is possible on a machine of EC2, unless asking for it is off', () => {
  const ec2 = file('Amazon EC2\n')
  expect(find({}, ec2)).toBe('instance role')
  expect(find({ instanceMetadata: false }, ec2)).toBeNull()
  expect(find({}, file('QEMU\n'))).toBeNull()
})
