import { identityOf, newId } from '../../src/ids.ts'
import type { Conversation, Sender, User } from '../../src/types.ts'
import type { Person } from '../support/teams/index.ts'
import { message, Screen } from '../support/world.ts'
import { startWorld, type World, type WorldOptions } from './world.ts'

/** A world with a second surface, for what goes from one to the other. */
export async function startPeople(options: WorldOptions = {}) {
  const slack = new Screen()
  const world = await startWorld({ ...options, others: [slack] })
  const { teams, app, store } = world
  const senderOf = (person: Person): Sender => ({
    surface: 'teams',
    workspace: teams.tenantId,
    id: person.aadObjectId,
  })

  /** The user behind a person in this Teams, made if there is none. */
  async function userOf(person: Person): Promise<User> {
    const identity = identityOf(senderOf(person))
    const now = Date.now()
    const fresh: User = {
      id: newId(now),
      name: person.name,
      emails: [],
      roles: ['member'],
      state: 'active',
      identities: [identity],
      createdAt: now,
      seenAt: now,
    }
    return (await store.users.find(identity)) ?? store.users.create(fresh)
  }

  return {
    ...world,
    slack,
    userOf,
    senderOf,
    /** What someone says in a direct message of Slack and has answered. Its title is what they said. */
    async inSlack(text: string, from = 'U1'): Promise<void> {
      const { chat } = app.instance
      const said = message(text, { in: `D${from}`, from })
      await chat.accept(said)
      await world.settled()
      const { id } = await chat.who(said.sender)
      await chat.conversations.rename(id, (await chat.current(said.place))!, text)
    },
    /** Let someone in Teams be the same user as this one in Slack. */
    async joined(person: Person, slackUser = 'U1'): Promise<User> {
      return (await store.users.attach((await userOf(person)).id, `slack:T1:${slackUser}`))!
    },
    /** Say it and wait until all of it is answered. */
    async says(chat: string, text: string, from?: string): Promise<void> {
      await teams.say({ in: chat, text, ...(from && { from }) }).first
      await world.settled()
    },
    /** Press the button on the newest message that has it. */
    async presses(chat: string, title: string, options: { from?: string; nth?: number } = {}): Promise<void> {
      await press(world, chat, title, options).first
      await world.settled()
    },
    press: (chat: string, title: string, more: { from?: string; nth?: number } = {}) => press(world, chat, title, more),
    async listOf(user: User): Promise<Conversation[]> {
      return (await app.instance.chat.conversations.list(user.id, { limit: 50 })).items
    },
  }
}

export type PeopleWorld = Awaited<ReturnType<typeof startPeople>>

/** `nth`: which of those of the same title, from the top. */
function press({ teams }: World, chat: string, title: string, { from, nth = 0 }: { from?: string; nth?: number }) {
  const on = teams.screen(chat).answers.findLast(({ buttons }) => buttons.some((each) => each.title === title))
  const action = on?.buttons.filter((each) => each.title === title)[nth]?.action
  if (!on || !action) throw new Error(`there is no button ${title}`)
  // Of several with the same words the stand-in's own press takes the first.
  return teams.say({
    in: chat,
    value: action.data ?? {},
    replyTo: on.id,
    ...(from && { from }),
  })
}
