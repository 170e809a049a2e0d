import type { RunningApp } from './app.ts'
import { type ScreenMessage as SlackMessage, type SlackStandIn, startSlack } from './slack/index.ts'
import { startTeams, type ScreenMessage as TeamsMessage, type TeamsStandIn } from './teams/index.ts'
import { until } from './world.ts'

/** A Slack and a Teams beside a service that runs as its operator runs it. Ana is in both. */
export interface Surfaces {
  readonly slack: SlackStandIn
  readonly teams: TeamsStandIn
  /** What the service needs to know of them. */
  readonly env: Record<string, string>
  connect(app: RunningApp): void
  /** Write in Ana's direct messages, or in a thread there; the thread to go on in. */
  inSlack(text: string, thread?: string): string
  /** The first message of the bot in a thread there that says this. */
  slackSays(words: string | RegExp, thread: string): Promise<SlackMessage>
  click(message: SlackMessage, button: string): Promise<void>
  inTeams(text: string): Promise<void>
  /** The newest message of the bot in Ana's chat, once it says this. */
  teamsSays(words: string | RegExp): Promise<TeamsMessage>
  press(title: string): Promise<void>
  close(): Promise<void>
}

const has = (text: string, words: string | RegExp): boolean =>
  typeof words === 'string' ? text.includes(words) : words.test(text)

export async function startSurfaces(): Promise<Surfaces> {
  const slack = await startSlack({ limits: false })
  const teams = await startTeams({ anonymous: true, limits: false })
  const dm = slack.dm.id
  const chat = teams.personal.id
  return {
    slack,
    teams,
    env: { ...slack.variables, TEAMS_ANONYMOUS: 'true', HOST: '127.0.0.1' },
    connect(app) {
      slack.connect(`${app.url}/slack/events`)
      teams.connect(`${app.url}/api/messages`)
    },
    inSlack(text, thread) {
      const { ts } = slack.say({ user: slack.ana.id, channel: dm, text, ...(thread && { thread }) })
      return thread ?? ts
    },
    slackSays: (words, thread) =>
      slack.until(() =>
        slack
          .screen(dm, { thread })
          .messages.findLast(({ ours, state, text }) => ours && state === 'final' && has(text, words)),
      ),
    async click({ ts }, button) {
      const { status } = await slack.click({ user: slack.ana.id, channel: dm, ts, button }).answer
      if (status !== 200) throw new Error(`the click was answered with ${status}`)
    },
    async inTeams(text) {
      await teams.say({ in: chat, text }).first
    },
    teamsSays: (words) =>
      until(() => {
        const last = teams.screen(chat).answers.at(-1)
        return last?.state === 'final' && has(last.text, words) ? last : undefined
      }),
    async press(title) {
      const message = await until(() =>
        teams.screen(chat).answers.findLast(({ buttons }) => buttons.some((button) => button.title === title)),
      )
      await teams.press(message.id, title).first
    },
    async close() {
      await slack.close()
      await teams.close()
    },
  }
}
