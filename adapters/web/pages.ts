import { randomUUID } from 'node:crypto'
import type { Response } from 'express'
import { asFault, Fault } from '../../src/errors.ts'
import type { Chat, Model, Notice } from '../../src/types.ts'
import { listed, rate, shownUser } from './api.ts'
import { csrfToken } from './csrf.ts'
import { renderMarkdown } from './markdown.ts'
import { openConversation } from './present.ts'
import { forPeople, type Person, type Route } from './route.ts'
import * as schemas from './schemas.ts'
import type { Submit } from './submit.ts'
import { cleanLine } from './text.ts'

export interface PageParts {
  basePath: string
  chat: Chat
  model: Pick<Model, 'name' | 'kind'>
  submit: Submit
  maxMessageChars: number
  /** How long a form post waits for its answer. */
  answerMs: number
  /** Aborted when the service ends: nobody waits any longer. */
  closing: AbortSignal
}

/** What of the page depends on the request. */
interface View {
  conversation?: string | undefined
  q?: string | undefined
  /** Page of the list. */
  list?: string | undefined
  before?: number | undefined
  notice?: Notice
  /** What the person wrote and could not be sent. */
  draft?: string
}

const listLimit = 30
const messageLimit = 50

const page = { 200: { text: 'The page', content: 'text/html' } }
const back = { 303: { text: 'Back to the conversation' } }

/** The chat as plain pages and forms: all of it works without scripts, which only make it livelier. */
export function pageRoutes(parts: PageParts): Route[] {
  return [...chatPages(parts), sendForm(parts), ...conversationForms(parts)]
}

async function showChat(parts: PageParts, response: Response, person: Person, view: View): Promise<void> {
  const { chat, model } = parts
  const { user } = person
  const [list, open] = await Promise.all([
    listed(chat, user, { limit: listLimit, q: view.q, before: view.list }),
    view.conversation === undefined
      ? undefined
      : chat.conversations.open(user.id, view.conversation, {
          limit: messageLimit,
          ...(view.before !== undefined && { before: view.before }),
        }),
  ])
  response.render('chat', {
    csrf: csrfToken(person.session.csrf),
    user: shownUser(user),
    model: { name: model.name, kind: model.kind },
    list: list.items,
    listNext: list.next,
    q: view.q,
    open: open && openConversation(open, user),
    messageId: randomUUID(),
    notice: view.notice,
    draft: view.draft,
    maxLength: parts.maxMessageChars,
    renderMarkdown,
  })
}

function chatPages(parts: PageParts): Route[] {
  return [
    forPeople(
      { method: 'get', path: '/', summary: 'A new chat', query: schemas.PageQuery, answers: page },
      ({ query, response }, person) => showChat(parts, response, person, query),
    ),
    forPeople(
      {
        method: 'get',
        path: '/c/:id',
        summary: 'A conversation',
        params: schemas.inConversation,
        query: schemas.PageQuery,
        answers: { ...page, 404: { text: 'No such conversation, or not yours', content: 'text/html' } },
      },
      ({ params, query, response }, person) => showChat(parts, response, person, { ...query, conversation: params.id }),
    ),
  ]
}

/** What a form was sent for and a person can put right themselves: shown on the page, with what they wrote. */
const correctable: ReadonlySet<string> = new Set(['empty_message', 'too_long', 'inbox_full'])
const correctableStatus: Record<string, number> = { empty_message: 400, too_long: 413, inbox_full: 429 }

function sendForm(parts: PageParts): Route {
  return forPeople(
    {
      method: 'post',
      path: '/chat',
      summary: 'Send a message and wait for its answer',
      body: schemas.MessageForm,
      answers: {
        303: { text: 'To the conversation, once the answer is there' },
        413: { text: 'Too long', content: 'text/html' },
        429: { text: 'Too many messages wait already', content: 'text/html' },
      },
    },
    async ({ body, response }, person) => {
      const { message: text, id = randomUUID(), conversation, replaces } = body
      try {
        const accepted = await parts.submit(person, { id, text, conversation, replaces })
        await waited(parts, response, accepted)
        response.redirect(303, `${parts.basePath}/c/${accepted.conversation}`)
      } catch (thrown) {
        const { code, notice } = asFault(thrown)
        if (!(thrown instanceof Fault) || !correctable.has(code)) throw thrown
        response.status(correctableStatus[code] ?? 400)
        await showChat(parts, response, person, { conversation, notice, draft: text })
      }
    },
  )
}

/** Until the answer is stored, the time is up, the person has gone or the service ends. */
async function waited(
  { chat, answerMs, closing }: PageParts,
  response: Response,
  { conversation, turn }: { conversation: string; turn: string },
): Promise<void> {
  const { promise: left, resolve } = Promise.withResolvers<void>()
  const leave = (): void => resolve()
  if (closing.aborted) leave()
  response.once('close', leave)
  closing.addEventListener('abort', leave)
  await Promise.race([chat.settled(conversation, turn, answerMs), left])
  closing.removeEventListener('abort', leave)
}

/** Small forms of a conversation; each leads back to it. */
function conversationForms({ chat, basePath }: PageParts): Route[] {
  const backTo = (response: Response, id: string) => response.redirect(303, `${basePath}/c/${id}`)
  return [
    forPeople(
      {
        method: 'post',
        path: '/c/:id/rename',
        summary: 'Rename a conversation',
        params: schemas.inConversation,
        body: schemas.RenameForm,
        answers: back,
      },
      async ({ params, body, response }, { user }) => {
        await chat.conversations.rename(user.id, params.id, cleanLine(body.title))
        backTo(response, params.id)
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/c/:id/delete',
        summary: 'Delete a conversation',
        params: schemas.inConversation,
        body: schemas.BareForm,
        answers: { 303: { text: 'To a new chat' } },
      },
      async ({ params, response }, { user }) => {
        await chat.conversations.remove(user.id, params.id)
        response.redirect(303, `${basePath}/`)
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/c/:id/copy',
        summary: 'Continue a conversation of several in private',
        params: schemas.inConversation,
        body: schemas.BareForm,
        answers: { 303: { text: 'To your copy of it' } },
      },
      async ({ params, response }, { user }) => {
        backTo(response, await chat.conversations.copy(user.id, params.id))
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/c/:id/stop',
        summary: 'Stop what is being answered or waits',
        params: schemas.inConversation,
        body: schemas.StopForm,
        answers: back,
      },
      async ({ params, body, response }, { user }) => {
        await chat.stop(user.id, params.id, body.turn)
        backTo(response, params.id)
      },
    ),
    forPeople(
      {
        method: 'post',
        path: '/c/:id/turns/:turn/feedback',
        summary: 'Say whether an answer was good, or take it back',
        params: schemas.inTurn,
        body: schemas.FeedbackForm,
        answers: back,
      },
      async ({ params, body, response }, { user }) => {
        await rate(chat, user, params, body)
        backTo(response, params.id)
      },
    ),
  ]
}
