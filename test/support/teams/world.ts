import { randomUUID } from 'node:crypto'
import { type Chat, type Person, randomName, type State, type Team } from './state.ts'

/** Who and what there is from the start. */
export interface Cast {
  ana: Person
  ben: Person
  /** A guest in this tenant. */
  gus: Person
  /** Belongs to another tenant. */
  olga: Person
  team: Team
  /** Ana and the bot. */
  personal: Chat
  /** Ben and the bot. */
  bensPersonal: Chat
  /** Ana, Ben, Gus and the bot. */
  group: Chat
  general: Chat
  projects: Chat
}

export function addPerson(state: State, person: Partial<Person> & { name: string }): Person {
  const [givenName = person.name, surname = ''] = person.name.split(' ')
  const email = `${person.name.toLowerCase().replaceAll(' ', '.')}@contoso.example`
  const whole: Person = {
    id: `29:1${randomName(48)}`,
    aadObjectId: randomUUID(),
    tenantId: state.tenantId,
    givenName,
    surname,
    email,
    userPrincipalName: person.email ?? email,
    userRole: 'user',
    ...person,
  }
  state.people.set(whole.id, whole)
  return whole
}

export function addPersonal(state: State, person: Person, tenantId = person.tenantId): Chat {
  const id = `a:1${randomName(60)}`
  const chat: Chat = { ...empty(tenantId), id, type: 'personal', name: '', members: [person.id] }
  state.chats.set(id, chat)
  return chat
}

export function addGroup(state: State, name: string, members: Person[]): Chat {
  const id = `19:${randomUUID().replaceAll('-', '')}@thread.v2`
  const chat: Chat = { ...empty(state.tenantId), id, type: 'groupChat', name, members: members.map((each) => each.id) }
  state.chats.set(id, chat)
  return chat
}

export function newTeam(name: string): Team {
  return { id: `19:${randomName(32)}@thread.tacv2`, name, aadGroupId: randomUUID() }
}

/** A channel. A team's General channel has the team's own id. */
export function addChannel(state: State, team: Team, name: string, members: Person[]): Chat {
  const id = name === 'General' ? team.id : `19:${randomUUID().replaceAll('-', '')}@thread.tacv2`
  const ids = members.map((each) => each.id)
  const chat: Chat = { ...empty(state.tenantId), id, type: 'channel', name, team, members: ids }
  state.chats.set(id, chat)
  return chat
}

const empty = (tenantId: string) => ({ tenantId, hasBot: true, messages: [], typingUntil: 0 })

export function createCast(state: State): Cast {
  const ana = addPerson(state, { name: 'Ana Marsh' })
  const ben = addPerson(state, { name: 'Ben Okafor' })
  const gus = addPerson(state, {
    name: 'Gus Partner',
    email: 'gus@partner.example',
    userPrincipalName: 'gus_partner.example#EXT#@contoso.example',
  })
  const olga = addPerson(state, { name: 'Olga Other', tenantId: randomUUID(), email: 'olga@fabrikam.example' })
  const team = newTeam('Field Office')
  return {
    ana,
    ben,
    gus,
    olga,
    team,
    personal: addPersonal(state, ana),
    bensPersonal: addPersonal(state, ben),
    group: addGroup(state, 'Lunch', [ana, ben, gus]),
    general: addChannel(state, team, 'General', [ana, ben]),
    projects: addChannel(state, team, 'Projects', [ana, ben]),
  }
}
