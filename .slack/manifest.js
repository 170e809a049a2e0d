// What `slack run` installs: the manifest for Socket Mode, made from the code.
import { getProtocol } from '@slack/cli-hooks/src/protocols.js'
import { manifest } from '../adapters/slack/manifest.ts'

getProtocol(process.argv.slice(1)).respond(JSON.stringify(manifest()))
