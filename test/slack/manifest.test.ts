import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { methods } from '../../adapters/slack/api.ts'
import { ids } from '../../adapters/slack/blocks.ts'
import { eventNames } from '../../adapters/slack/eventNames.ts'
import { botEvents, botScopes, manifest } from '../../adapters/slack/manifest.ts'

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../manifests/slack/${name}`, import.meta.url), 'utf8'))

test('the manifests in the repository are the ones that the code makes', () => {
  expect(read('manifest.json')).toEqual(manifest({ url: 'https://chat.example.com' }))
  expect(read('manifest.socket.json')).toEqual(manifest())
})

test('every method that has a scope in the list is called somewhere', () => {
  const folder = new URL('../../adapters/slack/', import.meta.url)
  const code = readdirSync(folder)
    .filter((name) => name !== 'api.ts')
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n')
  for (const method of Object.keys(methods)) expect(code).toContain(`'${method}'`)
})

describe('the manifest', () => {
  test('subscribes to what is listened to, and nothing else', () => {
    expect(new Set(botEvents.map((name) => name.replace(/\..*/, '')))).toEqual(new Set(eventNames))
  })

  test('asks for each scope once, and for none that no call needs', () => {
    expect(new Set(botScopes).size).toBe(botScopes.length)
    expect(botScopes).toEqual([
      'app_mentions:read',
      'assistant:write',
      'channels:history',
      'channels:read',
      'chat:write',
      'commands',
      'groups:history',
      'groups:read',
      'im:history',
      'im:write',
      'mpim:history',
      'users:read',
      'users:read.email',
    ])
  })

  test('names the command, the shortcut and the addresses', () => {
    const { features, settings, oauth_config } = manifest({ url: 'https://a.example/bot', oauth: true })
    expect(features).toMatchObject({
      slash_commands: [{ command: ids.command, url: 'https://a.example/bot/slack/events' }],
      shortcuts: [{ callback_id: ids.askAbout }],
    })
    expect(settings).toMatchObject({
      event_subscriptions: { request_url: 'https://a.example/bot/slack/events' },
      interactivity: { request_url: 'https://a.example/bot/slack/events' },
      socket_mode_enabled: false,
      org_deploy_enabled: true,
    })
    expect(oauth_config.redirect_urls).toEqual(['https://a.example/bot/slack/oauth_redirect'])
  })

  test('for Socket Mode has no address at all', () => {
    expect(JSON.stringify(manifest())).not.toContain('http')
    expect(manifest().settings.socket_mode_enabled).toBe(true)
  })

  test('keeps to Slack’s limits', () => {
    const view = manifest().features.agent_view as {
      agent_description: string
      suggested_prompts: { title: string; message: string }[]
    }
    const { agent_description, suggested_prompts } = view
    expect(agent_description.length).toBeLessThanOrEqual(300)
    expect(suggested_prompts.length).toBeLessThanOrEqual(4)
  })
})

describe('the command that prints it', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['adapters/slack/printManifest.ts', ...args], { encoding: 'utf8' })

  test('prints what is in the repository, for any address and name', () => {
    expect(JSON.parse(run().stdout)).toEqual(manifest())
    const { stdout } = run('--url', 'https://chat.example.com/bot/', '--name', 'Aide', '--oauth')
    expect(JSON.parse(stdout)).toEqual(manifest({ url: 'https://chat.example.com/bot', name: 'Aide', oauth: true }))
  })

  test.each([[['--url', 'http://chat.example.com']], [['--url', 'https://']], [['--oauth']], [['--nope']], [['x']]])(
    'says in plain words what is wrong with %j',
    (args) => {
      const { status, stdout, stderr } = run(...args)
      expect([status, stdout]).toEqual([2, ''])
      expect(stderr).not.toMatch(/\n\s+at /)
    },
  )
})

describe('the hooks of Slack’s command line', () => {
  const { hooks } = read('../../.slack/hooks.json') as { hooks: Record<string, string> }
  const node = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout

  test('get the manifest that is made from the code, in the words of its protocol', () => {
    expect(hooks['get-manifest']).toMatch(/ node \.slack\/manifest\.js$/)
    const said = node('.slack/manifest.js', '--protocol=message-boundaries', '--boundary=~~').trim()
    expect(said).toMatch(/^~~.*~~$/)
    expect(JSON.parse(said.slice(2, -2))).toEqual(manifest())
    expect(read('../../.slack/config.json')).toEqual({ manifest: { source: 'local' } })
  })

  test('start the service, which connects by itself', () => {
    const scripts = (read('../../package.json') as { scripts: Record<string, string> }).scripts
    expect(hooks.start).toBe('npm start --silent')
    expect(scripts.start).toBeDefined()
    const known = JSON.parse(node('node_modules/@slack/cli-hooks/src/get-hooks.js')) as { config: object }
    expect(known.config).toMatchObject({ 'sdk-managed-connection-enabled': true })
  })
})
