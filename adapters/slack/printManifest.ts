import { parseArgs } from 'node:util'
import { messageOf } from '../../src/errors.ts'
import { manifest } from './manifest.ts'

/** `npm run slack:manifest -- --url https://…`: prints a manifest to paste at api.slack.com/apps. */
const options = {
  url: { type: 'string' },
  name: { type: 'string' },
  oauth: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

function given() {
  try {
    return parseArgs({ options }).values
  } catch (thrown) {
    console.error(`${messageOf(thrown)}\n--help tells what there is.`)
    process.exit(2)
  }
}

const values = given()

if (values.help) {
  console.log(`Prints the manifest of the Slack app, ready to paste at https://api.slack.com/apps.

  --url https://chat.example.com   where this service is reached; without it: Socket Mode
  --name Assistant                 the name people see
  --oauth                          for many workspaces (with the redirect address)`)
} else if (values.url && !/^https:\/\/[^/]+/.test(values.url)) {
  console.error('--url must begin with https://: Slack sends to no other address. Without --url it is for Socket Mode.')
  process.exitCode = 2
} else if (values.oauth && !values.url) {
  console.error('--oauth needs --url: people install the app at an address of this service.')
  process.exitCode = 2
} else {
  const { name, oauth } = values
  const url = values.url?.replace(/\/+$/, '')
  console.log(JSON.stringify(manifest({ ...(url && { url }), ...(name && { name }), oauth }), null, 2))
}
