import type { Installation } from '@slack/bolt'
import { type CallbackOptions, InstallProvider } from '@slack/oauth'
import express, { type Router } from 'express'
import type { Log } from '../../src/types.ts'
import type { SlackConfig } from './config.ts'
import { asInstallationStore, type Installations, keyOf } from './installations.ts'
import { slackLogger } from './log.ts'
import { botScopes } from './manifest.ts'
import { escapeText } from './readable.ts'

const installPath = '/slack/install'
const redirectPath = '/slack/oauth_redirect'

/** `/slack/install`, where an administrator begins, and `/slack/oauth_redirect`, where Slack sends them back to. */
export function oauthRoutes(options: {
  config: SlackConfig & { oauth: NonNullable<SlackConfig['oauth']> }
  apiUrl: string
  timeoutMs: number
  installations: Installations
  /** An installation is new, or not what it was. */
  changed(key: string): void
  log: Log
}): Router {
  const { config, apiUrl, timeoutMs, installations, changed, log } = options
  const { clientId, clientSecret, stateSecret } = config.oauth
  const provider = new InstallProvider({
    clientId,
    clientSecret,
    stateSecret,
    installationStore: asInstallationStore(installations, changed),
    directInstall: true,
    authVersion: 'v2',
    // Where the API is, people agree to it as well.
    authorizationUrl: new URL('/oauth/v2/authorize', apiUrl).href,
    logger: slackLogger(log),
    clientOptions: {
      slackApiUrl: apiUrl,
      timeout: timeoutMs,
      retryConfig: { retries: 1 },
      rejectRateLimitedCalls: true,
    },
  })
  const redirectUri = config.publicUrl ? `${config.publicUrl}${redirectPath}` : undefined
  const callback: CallbackOptions = {
    async afterInstallation(installation, _options, _request, response) {
      if (isAllowed(installation as Installation, config.allowedTeams)) return true
      log.warn(
        { team: keyOf(installation as Installation) },
        'an installation was refused: SLACK_ALLOWED_TEAMS does not name it',
      )
      page(response, 403, 'Not allowed', 'This bot is not open to your workspace. Nothing was stored.')
      return false
    },
    success(installation, _options, _request, response) {
      log.info({ team: keyOf(installation as Installation) }, 'installed')
      page(response, 200, 'Installed', 'The app is installed. Open it in Slack and write to it.')
    },
    failure(error, _options, _request, response) {
      log.warn({ code: error.code, reason: error.message }, 'an installation failed')
      page(
        response,
        400,
        'Not installed',
        'The installation did not work or was cancelled. Please begin again from the install page.',
      )
    },
  }

  const router = express.Router()
  router.get(installPath, (request, response) =>
    provider.handleInstallPath(request, response, {}, { scopes: [...botScopes], ...(redirectUri && { redirectUri }) }),
  )
  router.get(redirectPath, (request, response) => provider.handleCallback(request, response, callback))
  return router
}

export function isAllowed(of: Pick<Installation, 'team' | 'enterprise'>, teams: readonly string[]): boolean {
  return teams.length === 0 || [of.team?.id, of.enterprise?.id].some((id) => id !== undefined && teams.includes(id))
}

interface Page {
  writeHead(status: number, headers: Record<string, string>): unknown
  end(text: string): unknown
}

function page(response: Page, status: number, title: string, text: string): void {
  const head = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeText(title)}</title>`
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' })
  response.end(`${head}<h1>${escapeText(title)}</h1><p>${escapeText(text)}</p></html>`)
}
