import { helpText, type Word } from './words.ts'

/**
 * Teams takes newer schemas only where a tenant's clients know them. This one, of December 2024, has all that is used
 * here, and every tenant takes it.
 */
const schemaVersion = '1.19'

export interface ManifestOptions {
  /** `MicrosoftAppId`. */
  appId: string
  /** Where the service is reached, without `https://`. */
  domain: string
  /** What people see. At most 30 characters. */
  name?: string
  /** Who runs it. At most 32 characters. */
  developer?: string
  /** Pages about it; the service's own address where there are none. */
  privacyUrl?: string
  termsUrl?: string
  version?: string
}

/** What the commands are for, in the list that Teams offers while one types. */
const commands: Record<Word, string> = {
  new: 'Begin a new conversation here',
  stop: 'Stop the answer that is being written',
  continue: 'Go on here with one of your conversations',
  'continue on the web': 'Show this conversation on the web page',
  mute: 'Keep quiet here until someone mentions me',
  link: 'Make one account of this one and one elsewhere',
  me: 'Who you are here, and what is left of your limits',
  'forget me': 'Delete everything I keep about you',
  help: 'What I can do',
}

/** The manifest of the Teams app. */
export function manifest(options: ManifestOptions) {
  const { appId, domain, name = 'Assistant', developer = 'Your organisation', version = '1.0.0' } = options
  const home = `https://${domain}/`
  const listed = (words: Word[]) => words.map((title) => ({ title, description: commands[title] }))
  const everywhere: Word[] = ['new', 'stop', 'continue', 'continue on the web', 'help']
  return {
    $schema: `https://developer.microsoft.com/json-schemas/teams/v${schemaVersion}/MicrosoftTeams.schema.json`,
    manifestVersion: schemaVersion,
    version,
    id: appId,
    developer: {
      name: developer,
      websiteUrl: home,
      privacyUrl: options.privacyUrl ?? home,
      termsOfUseUrl: options.termsUrl ?? home,
    },
    name: { short: name, full: name },
    description: {
      short: 'Ask questions, draft and explain texts, in chats and channels',
      full: `${name} answers questions with a language model, drafts and explains texts, and remembers each conversation. ${helpText(
        'personal',
        { web: true },
      ).replaceAll('**', '')}`,
    },
    icons: { color: 'color.png', outline: 'outline.png' },
    accentColor: '#0F6A68',
    bots: [
      {
        botId: appId,
        // Without `team` no mention in a channel ever arrives; a bot for notifications alone hears none at all.
        scopes: ['personal', 'team', 'groupChat'],
        isNotificationOnly: false,
        supportsFiles: false,
        commandLists: [
          { scopes: ['personal'], commands: listed([...everywhere, 'link', 'me', 'forget me']) },
          { scopes: ['team', 'groupChat'], commands: listed([...everywhere, 'mute']) },
        ],
      },
    ],
    defaultInstallScope: 'personal',
    defaultGroupCapability: { team: 'bot', groupchat: 'bot' },
    permissions: ['identity', 'messageTeamMembers'],
    validDomains: [domain],
  }
}
