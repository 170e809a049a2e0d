import { methods } from './api.ts'
import { ids } from './blocks.ts'
import type { eventNames } from './eventNames.ts'
import { prompts } from './prompts.ts'

/** A manifest of an app, as Slack takes it. */
export interface Manifest {
  _metadata: { major_version: 2 }
  display_information: { name: string; description: string; background_color: string }
  features: Record<string, unknown>
  oauth_config: { redirect_urls?: string[]; scopes: { bot: string[] } }
  settings: Record<string, unknown>
}

/** What must be subscribed to for each event that is listened to. */
const subscriptions: Record<(typeof eventNames)[number], string[]> = {
  agent_session_stopped: ['agent_session_stopped'],
  app_context_changed: ['app_context_changed'],
  app_home_opened: ['app_home_opened'],
  app_mention: ['app_mention'],
  app_uninstalled: ['app_uninstalled'],
  member_joined_channel: ['member_joined_channel'],
  member_left_channel: ['member_left_channel'],
  message: ['message.channels', 'message.groups', 'message.im', 'message.mpim'],
  tokens_revoked: ['tokens_revoked'],
}

/**
 * The scopes that events, commands and shortcuts take. Message events take the history scopes that reading threads does, and
 * those of who comes and goes the ones that looking at a channel does.
 */
const listening = ['app_mentions:read', 'commands']

export const botEvents: readonly string[] = Object.values(subscriptions).flat().toSorted()
export const botScopes: readonly string[] = [
  ...new Set([...listening, ...Object.values(methods).flatMap(({ scopes }): readonly string[] => scopes)]),
].toSorted()

/** The manifest for an app at `url` (with its base path), or in Socket Mode without one. `oauth`: for many workspaces. */
export function manifest(options: { url?: string; name?: string; oauth?: boolean } = {}): Manifest {
  const { url, name = 'Assistant', oauth = false } = options
  const events = url && { request_url: `${url}/slack/events` }
  return {
    _metadata: { major_version: 2 },
    display_information: { name, description: 'Chat with a language model', background_color: '#1f2937' },
    features: {
      app_home: { home_tab_enabled: true, messages_tab_enabled: true, messages_tab_read_only_enabled: false },
      bot_user: { display_name: name, always_online: true },
      agent_view: {
        agent_description: 'Answers questions, drafts and explains texts, and remembers each conversation.',
        suggested_prompts: prompts,
      },
      shortcuts: [
        {
          type: 'message',
          name: 'Ask about this',
          callback_id: ids.askAbout,
          description: 'Ask a question about this message',
        },
      ],
      slash_commands: [
        {
          command: ids.command,
          ...(url && { url: `${url}/slack/events` }),
          description: 'Ask a question; the answer is shown to you alone',
          usage_hint: '[in_channel] question, or stop, new, mute, continue, link, forget me, help',
          should_escape: true,
        },
      ],
    },
    oauth_config: {
      ...(oauth && url && { redirect_urls: [`${url}/slack/oauth_redirect`] }),
      scopes: { bot: [...botScopes] },
    },
    settings: {
      event_subscriptions: { ...events, bot_events: [...botEvents] },
      interactivity: { is_enabled: true, ...events },
      org_deploy_enabled: oauth,
      socket_mode_enabled: !url,
      token_rotation_enabled: false,
    },
  }
}
