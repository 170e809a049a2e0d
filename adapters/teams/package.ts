import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { messageOf } from '../../src/errors.ts'
import { colorIcon, outlineIcon } from './icons.ts'
import { type ManifestOptions, manifest } from './manifest.ts'
import { zip } from './zip.ts'

/** `npm run teams:package -- --app-id … --domain …`: writes the app's package, ready to upload. */
const options = {
  'app-id': { type: 'string' },
  domain: { type: 'string' },
  name: { type: 'string' },
  developer: { type: 'string' },
  'privacy-url': { type: 'string' },
  'terms-url': { type: 'string' },
  'app-version': { type: 'string' },
  out: { type: 'string', default: 'teams-app.zip' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const help = `Writes the package of the Teams app, ready to upload (Teams: Apps > Manage your apps > Upload an app).

  --app-id GUID               the bot's MicrosoftAppId
  --domain chat.example.com   where this service is reached
  --name Assistant            the name people see, at most 30 characters
  --developer "Contoso IT"    who runs it, at most 32 characters
  --privacy-url https://…     pages about it; without them: the service's own address
  --terms-url https://…
  --app-version 1.0.0         must grow with each upload
  --out teams-app.zip         where to`

function given() {
  try {
    return parseArgs({ options }).values
  } catch (thrown) {
    return fail([messageOf(thrown)])
  }
}

function fail(problems: string[]): never {
  console.error([...problems, '--help tells what there is.'].join('\n'))
  process.exit(2)
}

const guid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i
const host = /^([a-z\d]([a-z\d-]*[a-z\d])?\.)+[a-z]{2,}$/i

/** What the command line asks for; ends the process where that is wrong. */
function wanted(values: ReturnType<typeof given>): ManifestOptions {
  const { name, developer } = values
  const appId = values['app-id'] ?? ''
  const domain = (values.domain ?? '').replace(/^https:\/\//, '').replace(/\/.*$/, '')
  const privacyUrl = values['privacy-url']
  const termsUrl = values['terms-url']
  const version = values['app-version']
  const problems: string[] = []
  if (!guid.test(appId)) problems.push('--app-id must be the GUID of the bot, as in MicrosoftAppId.')
  if (!host.test(domain)) problems.push('--domain must be a host name such as chat.example.com, without a port.')
  if (name !== undefined && (name === '' || name.length > 30)) problems.push('--name must have 1 to 30 characters.')
  if (developer !== undefined && (developer === '' || developer.length > 32))
    problems.push('--developer must have 1 to 32 characters.')
  for (const url of [privacyUrl, termsUrl])
    if (url !== undefined && !/^https:\/\//.test(url)) problems.push(`${url} must begin with https://`)
  if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version)) problems.push('--app-version must be like 1.0.0.')
  if (problems.length > 0) fail(problems)
  return {
    appId,
    domain,
    ...(name && { name }),
    ...(developer && { developer }),
    ...(privacyUrl && { privacyUrl }),
    ...(termsUrl && { termsUrl }),
    ...(version && { version }),
  }
}

const values = given()
if (values.help) console.log(help)
else {
  const files = {
    'manifest.json': Buffer.from(`${JSON.stringify(manifest(wanted(values)), null, 2)}\n`),
    'color.png': colorIcon(),
    'outline.png': outlineIcon(),
  }
  writeFileSync(values.out, zip(files))
  console.log(`${values.out} is ready to upload.`)
}
