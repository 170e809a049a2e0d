import { App } from '@slack/bolt'
import type { Log } from '../../src/types.ts'
import { ids } from './blocks.ts'
import { runCommand } from './commands.ts'
import type { Desk } from './desk.ts'
import { createEvents } from './events.ts'
import { answerAgain, type Click, comment, rate, type Submission } from './interactions.ts'
import { slackLogger } from './log.ts'
import type { Command, Envelope } from './payload.ts'
import { press, pressIds } from './presses.ts'
import type { Intake } from './receiver.ts'
import { askAbout, type MessageAction, openQuestion } from './shortcut.ts'

/** Bolt, with everything that is listened to. */
export function createBolt(options: { desk: Desk; intake: Intake; apiUrl: string; log: Log }): App {
  const { desk, intake, apiUrl, log } = options
  const app = new App({
    receiver: intake,
    // Whose event it is, is found out by the listeners, which need no token before a message is stored.
    authorize: async () => ({}),
    convoStore: false,
    // Our own messages are told apart in incoming.ts, with all the rest that is not for us.
    ignoreSelf: false,
    clientOptions: { slackApiUrl: apiUrl },
    logger: slackLogger(log),
  })
  // What fails must reach the receiver: it is what makes a 503.
  app.error(async (error) => {
    throw error
  })

  for (const [name, listen] of Object.entries(createEvents(desk)))
    app.event(name, async ({ body, event }) =>
      listen(body as unknown as Envelope, event as unknown as Record<string, unknown>),
    )

  app.command(ids.command, async ({ command, ack }) => {
    const said = await runCommand(desk, command as unknown as Command)
    await (said ? ack(said) : ack())
  })
  app.action(ids.feedback, async ({ body, ack }) => {
    await rate(desk, body as unknown as Click)
    await ack()
  })
  app.action(ids.again, async ({ body, ack }) => {
    await answerAgain(desk, body as unknown as Click)
    await ack()
  })
  for (const id of pressIds)
    app.action(id, async ({ body, ack }) => {
      desk.background('a button', () => press(desk, body as unknown as Click))
      await ack()
    })
  app.shortcut(ids.askAbout, async ({ shortcut, ack }) => {
    await openQuestion(desk, shortcut as unknown as MessageAction)
    await ack()
  })
  app.view(ids.question, async ({ body, ack }) => {
    const wrong = await askAbout(desk, body as unknown as Submission)
    await (wrong ? ack({ response_action: 'errors', errors: { [ids.question]: wrong } }) : ack())
  })
  app.view(ids.comment, async ({ body, ack }) => {
    await comment(desk, body as unknown as Submission)
    await ack()
  })
  return app
}
