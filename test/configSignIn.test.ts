import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Config, ConfigError, type Environment, features, readConfig } from '../src/config.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = (env: Environment): Config => readConfig({ DATA_DIR: folder, ...env })
function faultsOf(env: Environment): string[] {
  try {
    read(env)
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults.map(({ variable }) => variable)
    throw thrown
  }
  return []
}

const here = { PUBLIC_URL: 'https://chat.example.com' }
const slack = {
  SIGN_IN_SLACK_CLIENT_ID: '1.2',
  SIGN_IN_SLACK_CLIENT_SECRET: 'hush-slack',
  SLACK_ALLOWED_TEAMS: 'T1,E1',
}
const guid = '11111111-2222-3333-4444-55555555555A'
const microsoft = { SIGN_IN_MICROSOFT_CLIENT_ID: guid, SIGN_IN_MICROSOFT_CLIENT_SECRET: 'hush-microsoft' }
const other = {
  SIGN_IN_OIDC_ISSUER: 'https://id.example.com/app/',
  SIGN_IN_OIDC_CLIENT_ID: 'chat',
  SIGN_IN_OIDC_CLIENT_SECRET: 'hush-other',
}

describe('sign-in elsewhere', () => {
  test('is off by default, and start-up says how to switch it on', () => {
    const config = read({})
    expect(config.signIn).toEqual([])
    expect(features(config, 'demo').find(({ name }) => name === 'sign-in elsewhere')).toMatchObject({
      on: false,
      line: expect.stringContaining('SIGN_IN_SLACK_CLIENT_ID'),
    })
  })

  test('lists the providers that are set up, in the order of their buttons', () => {
    const config = read({
      ...here,
      ...other,
      ...microsoft,
      ...slack,
      TEAMS_ALLOW_GUESTS: 'on',
      SIGN_IN_MICROSOFT_TENANT: guid,
      SIGN_IN_OIDC_NAME: 'Example Login',
      SIGN_IN_OIDC_DOMAINS: 'Example.com',
    })
    expect(config.signIn).toMatchObject([
      { id: 'slack', name: 'Slack', issuer: 'https://slack.com', clientId: '1.2', teams: ['T1', 'E1'] },
      {
        id: 'microsoft',
        name: 'Microsoft',
        issuer: `https://login.microsoftonline.com/${guid.toLowerCase()}/v2.0`,
        tenant: guid,
        allowGuests: true,
      },
      // The slash at the end of an issuer is a part of its name.
      { id: 'oidc', name: 'Example Login', issuer: 'https://id.example.com/app/', domains: ['example.com'] },
    ])
    expect(config.signIn[0]?.clientSecret.reveal()).toBe('hush-slack')
    expect(JSON.stringify(config)).not.toContain('hush')
    expect(features(config, 'demo').map(({ line }) => line)).toContain(
      'sign-in elsewhere: on, Slack, Microsoft, Example Login',
    )
  })

  test('takes the tenant of the bot where none is named', () => {
    const bot = { MicrosoftAppId: guid, MicrosoftAppPassword: 'hush', MicrosoftAppTenantId: guid }
    expect(read({ ...here, ...microsoft, ...bot }).signIn).toMatchObject([{ id: 'microsoft', tenant: guid }])
  })

  test.each([
    [slack, 'PUBLIC_URL'],
    [{ ...microsoft, SIGN_IN_MICROSOFT_TENANT: guid }, 'PUBLIC_URL'],
    [other, 'PUBLIC_URL'],
    [{ ...here, SIGN_IN_SLACK_CLIENT_ID: '1.2' }, 'SIGN_IN_SLACK_CLIENT_SECRET'],
    [{ ...here, SIGN_IN_SLACK_CLIENT_SECRET: 'x' }, 'SIGN_IN_SLACK_CLIENT_ID'],
    [{ ...here, ...slack, SLACK_ALLOWED_TEAMS: '' }, 'SLACK_ALLOWED_TEAMS'],
    [{ ...here, ...other, SIGN_IN_OIDC_ISSUER: 'https://accounts.google.com' }, 'SIGN_IN_OIDC_DOMAINS'],
    [{ ...here, ...microsoft }, 'SIGN_IN_MICROSOFT_TENANT'],
    [{ ...here, ...microsoft, SIGN_IN_MICROSOFT_TENANT: 'common' }, 'SIGN_IN_MICROSOFT_TENANT'],
    [{ ...here, ...other, SIGN_IN_OIDC_CLIENT_SECRET: '' }, 'SIGN_IN_OIDC_CLIENT_SECRET'],
    [{ ...here, ...other, SIGN_IN_OIDC_ISSUER: 'http://id.example.com' }, 'SIGN_IN_OIDC_ISSUER'],
    [{ ...here, ...other, SIGN_IN_OIDC_ISSUER: 'http://127.0.0.1.evil.example' }, 'SIGN_IN_OIDC_ISSUER'],
    [{ ...here, ...other, SIGN_IN_OIDC_ISSUER: 'https://me:pw@id.example.com' }, 'SIGN_IN_OIDC_ISSUER'],
    [{ ...here, ...other, SIGN_IN_OIDC_DOMAINS: 'example' }, 'SIGN_IN_OIDC_DOMAINS'],
  ])('%j lacks or garbles %s', (env, variable) => {
    expect(faultsOf(env)).toContain(variable)
  })

  test('may be at this very machine without TLS, for tests', () => {
    const issuer = 'http://127.0.0.1:9000'
    expect(read({ ...here, ...other, SIGN_IN_OIDC_ISSUER: issuer }).signIn).toMatchObject([{ issuer }])
  })
})
