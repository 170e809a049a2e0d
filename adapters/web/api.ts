import { timeOf } from '../../src/ids.ts'
import type { Chat, Message, Model, User } from '../../src/types.ts'
import { conversationItem, message, messagePage, openConversation } from './present.ts'
import { forPeople, type Route } from './route.ts'
import * as schemas from './schemas.ts'
import type { Streams } from './streams.ts'
import type { Submit } from './submit.ts'
import { clean, cleanLine, sendAll } from './text.ts'

export interface ApiParts {
  chat: Chat
  model: Pick<Model, 'name' | 'kind'>
  streams: Streams
  submit: Submit
}

const done = { 204: { text: 'Done' } }
const shared = { 409: { text: 'Others take part in it: it can only be read here', content: schemas.Failure } }
const unknown = { 404: { text: 'No such conversation, or not yours', content: schemas.Failure } }

/** What the page's scripts talk to. */
export function apiRoutes(parts: ApiParts): Route[] {
  return [me(parts), ...conversationRoutes(parts), ...messageRoutes(parts), stream(parts)]
}

function me({ model }: ApiParts): Route {
  return forPeople(
    {
      method: 'get',
      path: '/api/me',
      summary: 'Who is signed in, and which model answers',
      answers: { 200: { text: 'You', content: schemas.Me } },
    },
    ({ response }, { user }) => response.json({ user: shownUser(user), model: { name: model.name, kind: model.kind } }),
  )
}

export function shownUser({ id, name, roles }: User) {
  return { id, name, roles }
}

function conversationRoutes({ chat }: ApiParts): Route[] {
  const { conversations } = chat
  return [
    forPeople(
      {
        method: 'get',
        path: '/api/conversations',
        summary: 'Your conversations on all surfaces, the last updated first',
        query: schemas.ListQuery,
        answers: { 200: { text: 'A page of them; with `q` all that was found', content: schemas.ConversationList } },
      },
      async ({ query, response }, { user }) => {
        response.json(await listed(chat, user, query))
      },
    ),
    forPeople(
      {
        method: 'get',
        path: '/api/conversations/:id',
        summary: 'A conversation with its newest messages',
        params: schemas.inConversation,
        query: schemas.OpenQuery,
        answers: { 200: { text: 'The conversation', content: schemas.OpenConversation }, ...unknown },
      },
      async ({ params, query, response }, { user }) => {
        response.json(openConversation(await conversations.open(user.id, params.id, query), user))
      },
    ),
    forPeople(
      {
        method: 'patch',
        path: '/api/conversations/:id',
        summary: 'Rename a conversation',
        params: schemas.inConversation,
        body: schemas.Rename,
        answers: { ...done, ...unknown, ...shared },
      },
      async ({ params, body, response }, { user }) => {
        await conversations.rename(user.id, params.id, cleanLine(body.title))
        response.status(204).end()
      },
    ),
    forPeople(
      {
        method: 'delete',
        path: '/api/conversations/:id',
        summary: 'Delete a conversation with all its messages; one of several leaves your list alone',
        params: schemas.inConversation,
        answers: { ...done, ...unknown },
      },
      async ({ params, response }, { user }) => {
        await conversations.remove(user.id, params.id)
        response.status(204).end()
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/api/conversations/:id/copy',
        summary: 'Continue a conversation of several in private',
        params: schemas.inConversation,
        answers: { 201: { text: 'Your copy of it', content: schemas.Copied }, ...unknown },
      },
      async ({ params, response }, { user }) => {
        response.status(201).json({ conversation: await conversations.copy(user.id, params.id) })
      },
    ),
    forPeople(
      {
        method: 'get',
        path: '/api/conversations/:id/export',
        summary: 'Download a conversation',
        params: schemas.inConversation,
        query: schemas.ExportQuery,
        answers: { 200: { text: 'A file, Markdown (`text/markdown`) or JSON', content: 'text/markdown' }, ...unknown },
      },
      async ({ params, query, response }, { user }) => {
        const { conversation } = await conversations.open(user.id, params.id, { limit: 1 })
        const text = await conversations.export(user.id, params.id, query.format)
        const [type, ending] = query.format === 'json' ? ['application/json', 'json'] : ['text/markdown', 'md']
        response.attachment(`${fileName(conversation.title)}.${ending}`).set('Content-Type', `${type}; charset=utf-8`)
        await sendAll(text, response)
      },
    ),
  ]
}

/** The list for a user, or what a search found. */
export async function listed(
  chat: Chat,
  user: User,
  query: { limit: number; before?: string | undefined; q?: string | undefined },
) {
  const q = cleanLine(query.q ?? '')
  if (q !== '') {
    const found = await chat.conversations.search(user.id, q, query.limit)
    return { items: found.map(({ conversation, snippet }) => conversationItem(conversation, snippet)) }
  }
  const { limit, before } = query
  const page = await chat.conversations.list(user.id, { limit, ...(before !== undefined && { before }) })
  return {
    items: page.items.map((one) => conversationItem(one)),
    ...(page.next !== undefined && { next: page.next }),
  }
}

function messageRoutes({ chat, submit }: ApiParts): Route[] {
  return [
    forPeople(
      {
        method: 'get',
        path: '/api/conversations/:id/messages',
        summary: 'Page back through a conversation',
        params: schemas.inConversation,
        query: schemas.MessagesQuery,
        answers: { 200: { text: 'Messages, the oldest first', content: schemas.MessagePage }, ...unknown },
      },
      async ({ params, query, response }, { user }) => {
        const { messages } = await chat.conversations.open(user.id, params.id, query)
        response.json(messagePage(messages, user))
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/api/messages',
        summary: 'Send a message',
        description: 'Answers as soon as the message is stored. The same `id` again is the same message: `duplicate`.',
        body: schemas.NewMessage,
        answers: {
          202: { text: 'Stored; its answer comes on the stream of this turn', content: schemas.Accepted },
          413: { text: 'Too long', content: schemas.Failure },
          429: { text: 'Too many messages wait already', content: schemas.Failure },
          ...unknown,
          ...shared,
        },
      },
      async ({ body, response }, person) => {
        const { status, conversation, turn } = await submit(person, body)
        response.status(202).json({ status, conversation, turn })
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/api/conversations/:id/stop',
        summary: 'Stop what is being answered or waits',
        params: schemas.inConversation,
        body: schemas.Stop,
        answers: { ...done, ...unknown },
      },
      async ({ params, body, response }, { user }) => {
        await chat.stop(user.id, params.id, body.turn)
        response.status(204).end()
      },
    ),
    forPeople(
      {
        method: 'put',
        path: '/api/conversations/:id/turns/:turn/feedback',
        summary: 'Say whether an answer was good, or take it back',
        params: schemas.inTurn,
        body: schemas.Feedback,
        answers: { ...done, ...unknown },
      },
      async ({ params, body, response }, { user }) => {
        await rate(chat, user, params, body)
        response.status(204).end()
      },
    ),
  ]
}

export async function rate(
  chat: Chat,
  user: User,
  { id, turn }: { id: string; turn: string },
  { value, comment }: { value: 'up' | 'down' | null; comment?: string | undefined },
): Promise<void> {
  const words = clean(comment ?? '')
  await chat.conversations.rate(user.id, id, turn, value && { value, ...(words !== '' && { comment: words }) })
}

function stream({ chat, streams }: ApiParts): Route {
  return forPeople(
    {
      method: 'get',
      path: '/api/conversations/:id/turns/:turn/stream',
      summary: 'Follow an answer as it is written',
      description:
        'Server-sent events `started` (StreamStarted), `text` (StreamText), `reset` (StreamReset) and, as the last, `end` ' +
        '(StreamEnd). Resumes after the event named in `Last-Event-ID`. A turn that is over answers `end` at once.',
      params: schemas.inTurn,
      query: schemas.StreamQuery,
      answers: { 200: { text: 'The events', content: 'text/event-stream' }, ...unknown },
    },
    async ({ params: { id, turn }, query, request, response }, { user, session }) => {
      await chat.conversations.open(user.id, id, { limit: 1 })
      if (request.method === 'HEAD') {
        response.type('text/event-stream').end()
        return
      }
      const stream = streams.open(request, response, { session: session.id, user: user.id })
      const from = request.get('last-event-id') || query.from
      const unwatch = chat.watch(id, turn, from, (event) => {
        if (event.type === 'started') stream.send('started', {})
        else if (event.type === 'text') stream.send('text', { offset: event.offset, text: event.text }, event.id)
        else if (event.type === 'reset') stream.send('reset', { text: event.text }, event.id)
        else void finish()
      })
      stream.onClose(unwatch)

      async function finish(): Promise<void> {
        try {
          stream.send('end', { messages: await storedTurn(chat, user, id, turn) })
        } catch {
          // Closed without `end`: the browser comes back and asks again.
        }
        stream.close()
      }
    },
  )
}

/** Enough to find the turn that just ended at the first look, behind those that may have ended since. */
const lookedAt = 100
/** How far the clocks of two instances may be apart. */
const clockSkewMs = 5 * 60_000

/** A turn's messages, looked for from the newest back to those that were stored before it was even asked. */
async function storedTurn(chat: Chat, user: User, id: string, turn: string) {
  const found: Message[] = []
  for (let before: number | undefined; ; ) {
    const { messages } = await chat.conversations.open(user.id, id, {
      limit: lookedAt,
      ...(before !== undefined && { before }),
    })
    const [oldest] = messages
    found.unshift(...messages.filter((one) => one.turn === turn))
    const whole = found.length > 0 && found[0] !== oldest
    // Also where the turn's id tells no time, because it never was one.
    const answeredBefore = messages.some(({ role, at }) => role === 'assistant' && !(at >= timeOf(turn) - clockSkewMs))
    if (whole || answeredBefore || !oldest || oldest.seq === 0) return found.map((one) => message(one, user))
    before = oldest.seq
  }
}

/** Free of what any file system forbids or any eye is fooled by. */
function fileName(title: string): string {
  const safe = title.replace(/[\p{Cc}\p{Cf}\s\\/:*?"<>|]+/gu, ' ').trim()
  return safe.slice(0, 80).toWellFormed() || 'conversation'
}
