import type { Channel, Message, Person, State } from './state.ts'

/** Finding what has to be there: a test that names what is not has a mistake of its own. */

export function channelOf(state: State, id: string): Channel {
  const channel = state.channels.get(id)
  if (!channel) throw new Error(`there is no channel ${id}`)
  return channel
}

export function messageOf(state: State, channel: string, ts: string): Message {
  const message = state.message(channel, ts)
  if (!message) throw new Error(`there is no message ${ts} in ${channel}`)
  return message
}

export function personOf(state: State, id: string): Person {
  const found = state.people.get(id)
  if (!found) throw new Error(`there is no person ${id}`)
  return found
}
