import { asFault, notice } from '../../src/errors.ts'
import type { Place, Sender } from '../../src/types.ts'
import type { Desk } from './desk.ts'
import { begin, orWords } from './dialogues.ts'
import { commandPlace } from './incoming.ts'
import { type Command, type CommandAddress, sourceOfCommand } from './payload.ts'
import { escapeText, readableNow } from './readable.ts'
import type { Shown } from './shown.ts'
import { helpText, wordOf } from './words.ts'
import type { Workspace } from './workspaces.ts'

/** What is answered to a command at once: to the person alone, or to the channel. */
export interface Said {
  response_type: 'ephemeral' | 'in_channel'
  text: string
}

const toYou = (text: string): Said => ({ response_type: 'ephemeral', text })

/** `/ask`. Never rejects: Slack would show an error of its own, and does not bring a command again. */
export async function runCommand(desk: Desk, command: Command): Promise<Said | undefined> {
  try {
    const own = await desk.workspaces.find(sourceOfCommand(command))
    if (!own)
      return toYou('This app is not installed completely in this workspace. Ask an administrator to install it again.')
    return await run(desk, command, own)
  } catch (thrown) {
    const fault = asFault(thrown)
    desk.log.warn({ code: fault.code, err: thrown }, 'a command failed')
    return toYou(escapeText(fault.notice.text))
  }
}

async function run(desk: Desk, command: Command, own: Workspace): Promise<Said | undefined> {
  const { chat } = desk
  const text = (command.text ?? '').trim()
  const place = commandPlace(tenantOf(command), command.channel_id, command.user_id)
  const order = wordOf(text)
  if (text === '') return toYou(helpText({ command: true }))
  const word = order?.word
  switch (word) {
    case 'help':
      return toYou(helpText({ command: true }))
    case 'stop':
      return toYou(
        (await chat.stopHere(place)) ? 'Stopped.' : 'There is nothing to stop here. In a thread, write `stop` there.',
      )
    case 'new':
      await chat.begin(place)
      return toYou('Done: your next `/ask` in this channel begins a new conversation.')
    case 'mute':
      await chat.mute(place)
      return toYou(
        'Slack does not tell me in which thread you are. Write `mute` in the thread that I should keep out of.',
      )
    case 'continue':
    case 'link':
    case 'forget me':
      return later(desk, command, async () => {
        const here = place.workspace
        const sender: Sender = { surface: 'slack', workspace: here, id: command.user_id }
        const user = await desk.who(sender, { install: own.install, external: false, team: command.team_id })
        return begin(desk, user, { ...order, word, place, spot: { u: sender.id, w: 'a' }, here })
      })
    default:
      return ask(desk, command, own, place, text)
  }
}

/** What may need a look at Slack first, for which a command does not wait. */
function later(desk: Desk, { response_url: url }: Command, what: () => Promise<Shown>): undefined {
  desk.background('answering a command', async () => {
    const { text, blocks } = await orWords(desk, what)
    await desk.respond(url, text, blocks)
  })
}

async function ask(desk: Desk, command: Command, own: Workspace, place: Place, text: string): Promise<Said> {
  const [, shout, rest] = /^(in_channel\b)?\s*(.*)$/is.exec(text) ?? []
  const question = rest?.trim() ?? ''
  if (question === '') return toYou(helpText({ command: true }))
  const { channel_id: channel, user_id: user, response_url: respond, team_id: userTeam } = command
  const sender = { surface: 'slack', workspace: tenantOf(command), id: user } as const
  const inChannel = shout !== undefined
  const home = sender.workspace
  const address: CommandAddress = {
    kind: 'command',
    install: own.install,
    channel,
    user,
    home,
    userTeam,
    respond,
    inChannel,
  }
  const accepted = await desk.chat.accept({
    ids: [`command:${place.workspace}:${channel}:${command.trigger_id}`],
    sender,
    place,
    text: question,
    sentAt: desk.now(),
    address,
  })
  if (accepted.status === 'full') return toYou(escapeText(notice('inbox_full').text))
  // Slack shows nobody what was typed, so it is repeated.
  const shown = escapeText(readableNow(question, own.install, desk.names)).slice(0, 2_000)
  return inChannel ? { response_type: 'in_channel', text: `<@${user}> asks: ${shown}` } : toYou(`You asked: ${shown}`)
}

function tenantOf(command: Command): string {
  const { enterprise, team = '' } = sourceOfCommand(command)
  return enterprise ?? team
}
