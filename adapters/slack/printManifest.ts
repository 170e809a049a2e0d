import { parseArgs } from 'node:util'
import { manifest } from './manifest.ts'

/** `npm run slack:manifest -- --url https://…`: prints a manifest to paste at api.slack.com/apps. */
const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    name: { type: 'string' },
    oauth: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) {
  console.log(`Prints the manifest of the Slack app, ready to paste at https://api.slack.com/apps.

  --url https://chat.example.com   where this service is reached; without it: Socket Mode
  --name Assistant                 the name people see
  --oauth                          for many workspaces (with the redirect address)`)
} else if (values.url && !/^https:\/\/[^/]+/.test(values.url)) {
  console.error('--url must begin with https://: Slack sends to no other address. Without --url it is for Socket Mode.')
  process.exitCode = 2
} else {
  const { name, oauth } = values
  const url = values.url?.replace(/\/+$/, '')
  console.log(JSON.stringify(manifest({ ...(url && { url }), ...(name && { name }), oauth }), null, 2))
}
