import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call, createApi } from './api.ts'
import type { Faults } from './faults.ts'
import type { AppFacts, Authorization } from './methods/method.ts'
import { parseRequest, readBody } from './request.ts'
import type { Responses } from './responses.ts'
import { randomHex, type State } from './state.ts'

export interface RouteOptions {
  state: State
  app: AppFacts
  api: ReturnType<typeof createApi>
  faults: Faults
  journal: Call[]
  responses: Responses
  authorize(link: string): string
}

/** Everything this Slack answers over HTTP: its API, `response_url`s, files, and the page where a person agrees. */
export function createRoutes(options: RouteOptions) {
  const { state, journal } = options

  async function respond(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const call: Call = { method: 'response_url', args: {}, at: state.clock.now(), done: false }
    journal.push(call)
    const fault = options.faults.pick(call)
    if (fault) call.fault = fault.kind
    // Before anything goes wrong: nobody is left to read it from later.
    const text = (await readBody(request)).toString('utf8')
    await options.api.carryOut(request, response, call, fault, () => options.responses.take(text, id, call))
  }

  /** Private files need the token; without it there is a page to sign in, with status 200. */
  function sendFile(request: IncomingMessage, response: ServerResponse, path: string): void {
    const file = state.files.get(path.split('/')[0] ?? '')
    const token = request.headers.authorization?.replace('Bearer ', '')
    const known = state.installs.some((each) => each.token === token && each.scopes.has('files:read'))
    if (!file || !known) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in to Slack</html>')
    else response.writeHead(200, { 'content-type': String(file.mimetype) }).end(String(file.content ?? ''))
  }

  async function takeFile(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const file = state.files.get(id)
    const { files } = await parseRequest(request, await readBody(request), new URLSearchParams())
    if (!file || files.length !== 1 || files[0]!.bytes.length !== file.size) return void response.writeHead(400).end()
    file.content = files[0]!.bytes.toString('utf8')
    file.uploaded = true
    response.writeHead(200).end(`OK - ${String(file.size)}`)
  }

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://slack')
    const [, area, rest = ''] = /^\/([^/]+)\/(.*)$/.exec(url.pathname) ?? []
    try {
      if (area === 'api') await options.api.handle(request, response, rest, url.searchParams)
      else if (area === 'response') await respond(request, response, rest)
      else if (area === 'files') sendFile(request, response, rest)
      else if (area === 'upload') await takeFile(request, response, rest)
      else if (url.pathname === '/oauth/v2/authorize')
        response.writeHead(302, { location: options.authorize(url.href) }).end()
      else response.writeHead(404).end()
    } catch (thrown) {
      // A defect of the stand-in itself: loud, so that no test takes it for Slack.
      process.stderr.write(
        `the stand-in for Slack failed: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`,
      )
      if (!response.headersSent) response.writeHead(500).end('stand-in defect')
    }
  }
}

/** What a person sees who follows an authorize link: asked for so much, sent back with a code or a refusal. */
export function createAuthorize(options: {
  state: State
  app: AppFacts
  authorizations: Map<string, Authorization>
  home: { team: string; user: string }
  fallbackRedirect: () => string
}) {
  const { state, app, home } = options
  return (link: string, who: { team?: string; enterprise?: string; user?: string; deny?: boolean } = {}): string => {
    const asked = new URL(link).searchParams
    if (asked.get('client_id') !== app.clientId) throw new Error('the authorize link names another app')
    const redirect = asked.get('redirect_uri')
    const back = new URL(redirect ?? options.fallbackRedirect())
    if (asked.has('state')) back.searchParams.set('state', asked.get('state')!)
    if (who.deny) {
      back.searchParams.set('error', 'access_denied')
      return back.href
    }
    const code = randomHex(16)
    const place = who.enterprise ? { enterprise: who.enterprise } : { team: who.team ?? home.team }
    options.authorizations.set(code, {
      ...place,
      user: who.user ?? home.user,
      scopes: (asked.get('scope') ?? '').split(',').filter((scope) => scope !== ''),
      ...(redirect && { redirectUri: redirect }),
      at: state.clock.now(),
      used: false,
    })
    back.searchParams.set('code', code)
    return back.href
  }
}
