import { z } from 'zod'
import { surfaces } from '../../src/types.ts'

/**
 * What goes over the wire, once: these schemas validate requests, are the contract that responses are tested against, and
 * become the OpenAPI document. Objects that we send are strict, so that nothing slips out that is not written here.
 */
export const named = z.registry<{ id: string; description?: string }>()

const surface = z.enum(surfaces as [string, ...string[]])
const time = z.int().describe('Milliseconds since 1970')
const conversationId = z.string().regex(/^[\w-]{12,64}$/)
const turnId = z.string().regex(/^[\w-]{8,64}$/)

export const Usage = z
  .strictObject({
    input: z.number(),
    output: z.number(),
    cacheRead: z.number(),
    cacheWrite: z.number(),
    estimated: z.boolean().optional(),
  })
  .register(named, { id: 'Usage', description: 'Tokens; `input` leaves out what came from the cache' })

export const Notice = z
  .strictObject({
    code: z.string().describe('Stable; for programs'),
    text: z.string().describe('Plain words; for people'),
    retry: z.boolean().describe('The same again may help'),
  })
  .register(named, { id: 'Notice' })

export const Failure = z.strictObject({ error: Notice }).register(named, { id: 'Failure' })

export const Me = z
  .strictObject({
    user: z.strictObject({ id: z.string(), name: z.string(), roles: z.array(z.enum(['admin', 'member'])) }),
    model: z.strictObject({ name: z.string(), kind: z.enum(['bedrock', 'demo', 'none']) }),
  })
  .register(named, { id: 'Me' })

export const ConversationItem = z
  .strictObject({
    id: conversationId,
    title: z.string(),
    titledBy: z.enum(['none', 'text', 'model', 'user']),
    surface: surface.describe('Where it began'),
    direct: z.boolean().describe('Only one person and the bot take part'),
    createdAt: time,
    updatedAt: time,
    count: z.int().describe('Messages'),
    usage: Usage,
    snippet: z.string().optional().describe('The words around what was searched for'),
  })
  .register(named, { id: 'ConversationItem' })

export const ConversationList = z
  .strictObject({
    items: z.array(ConversationItem),
    next: z.string().optional().describe('Pass as `before` for the next page; absent on the last'),
  })
  .register(named, { id: 'ConversationList' })

export const Message = z
  .strictObject({
    seq: z.int().describe('Its place in the conversation, from 0'),
    turn: turnId.describe('The same for a question and its answer'),
    role: z.enum(['user', 'assistant']),
    text: z.string(),
    at: time,
    surface,
    author: z.strictObject({ name: z.string(), self: z.boolean() }).optional(),
    answer: z
      .strictObject({
        stop: z.enum(['end', 'length', 'context', 'stopped', 'filtered', 'guardrail', 'broken', 'failed']),
        model: z.string(),
        usage: Usage.optional(),
        notice: Notice.optional(),
        cached: z.boolean().optional(),
      })
      .optional()
      .describe('How an answer came about'),
    rating: z
      .strictObject({ value: z.enum(['up', 'down']), comment: z.string().optional() })
      .optional()
      .describe('Your own'),
  })
  .register(named, { id: 'Message' })

export const Pending = z
  .strictObject({
    turn: turnId,
    conversation: conversationId,
    text: z.string(),
    at: time,
    surface,
    self: z.boolean().describe('You asked it'),
    running: z.boolean().describe('It is being answered now'),
    replaces: z.string().optional().describe('The turn that is asked anew'),
  })
  .register(named, { id: 'PendingTurn', description: 'A question that waits for its answer' })

const before = z.int().optional().describe('Page back from this `seq`; absent at the beginning')

export const OpenConversation = z
  .strictObject({ conversation: ConversationItem, messages: z.array(Message), pending: z.array(Pending), before })
  .register(named, { id: 'OpenConversation' })

export const MessagePage = z.strictObject({ messages: z.array(Message), before }).register(named, { id: 'MessagePage' })

export const Accepted = z
  .strictObject({ status: z.enum(['accepted', 'duplicate']), conversation: conversationId, turn: turnId })
  .register(named, { id: 'Accepted' })

const rows = z.array(z.looseObject({}))
export const MyData = z
  .strictObject({
    user: z.looseObject({ id: z.string(), name: z.string(), identities: z.array(z.string()) }),
    conversations: rows.describe('Each as its own export'),
    feedback: rows,
    usage: rows.describe('By day, surface and model'),
    audit: rows.describe('What was done with your rights'),
  })
  .register(named, { id: 'MyData' })

export const ForgetForm = z.strictObject({ _csrf: z.string().optional(), word: z.string().max(100) })

export const Copied = z.strictObject({ conversation: conversationId }).register(named, { id: 'Copied' })

/** What the event stream of a turn sends, by the name of the event. */
export const events = {
  started: z.strictObject({}).register(named, { id: 'StreamStarted', description: 'It is being answered' }),
  text: z
    .strictObject({ offset: z.int().describe('Length of the text before this piece'), text: z.string() })
    .register(named, { id: 'StreamText' }),
  reset: z
    .strictObject({ text: z.string() })
    .register(named, { id: 'StreamReset', description: 'The text begins anew: drop all and take this' }),
  end: z
    .strictObject({ messages: z.array(Message).describe('The question and its answer as they are stored') })
    .register(named, { id: 'StreamEnd', description: 'The last event' }),
}

// --- what comes in -------------------------------------------------------------------------------------------------

export const inConversation = z.object({ id: conversationId })
export const inTurn = z.object({ id: conversationId, turn: turnId })

const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual)
const search = z.string().max(200).describe('Words in titles and messages')
const seq = z.coerce.number().int().min(0)

export const ListQuery = z.object({
  limit: limit(100, 30),
  before: z.string().max(200).optional().describe('`next` of the page before'),
  q: search.optional(),
})
export const OpenQuery = z.object({ limit: limit(200, 50) })
export const MessagesQuery = z.object({ before: seq, limit: limit(200, 50) })
export const ExportQuery = z.object({ format: z.enum(['markdown', 'json']).default('markdown') })
export const StreamQuery = z.object({
  from: z.string().max(100).optional().describe('Like `Last-Event-ID`, for the first request of a page'),
})

/** Texts that are blank or too long are told so by words of their own, not by the schema's. */
export const NewMessage = z
  .object({
    id: z.guid().describe('Made by the client; the same for the same message, however often it is sent'),
    text: z.string().describe('May be empty with `replaces`: the same question again'),
    conversation: conversationId.optional().describe('Absent: a new one begins'),
    replaces: turnId.optional().describe('The turn to ask anew; it and all after it are replaced'),
  })
  .register(named, { id: 'NewMessage' })
export const Rename = z.object({ title: z.string().max(1_000) }).register(named, { id: 'Rename' })
export const Stop = z
  .object({ turn: turnId.optional().describe('Absent: all that runs or waits') })
  .register(named, { id: 'Stop' })
export const Feedback = z
  .object({ value: z.enum(['up', 'down']).nullable(), comment: z.string().max(2_000).optional() })
  .register(named, { id: 'Feedback' })

/** What pages are asked for; nonsense in an address is left aside, not refused. */
export const PageQuery = z.object({
  q: search.optional().catch(undefined),
  list: z.string().max(200).optional().catch(undefined).describe('Page of the list of conversations'),
  before: seq.optional().catch(undefined),
})
export const LoginQuery = z.object({
  next: z.string().optional().catch(undefined),
  gone: z.string().optional().catch(undefined).describe('They have just deleted everything about themselves'),
})

export const atProvider = z.object({ provider: z.string().max(20) })

const note = z.string().max(40).optional().catch(undefined)
export const AccountQuery = z.object({
  done: note.describe('What was done'),
  failed: note.describe('What went wrong'),
  at: note.describe('At which provider'),
})
const way = z.string().max(40).describe('Stands for one of your identities')
export const UnlinkQuery = z.object({ way })

const csrf = z.string().optional().describe('The token of the page')
export const LoginForm = z.object({
  username: z.string(),
  password: z.string(),
  next: z.string().optional(),
  _csrf: csrf,
})
export const BareForm = z.object({ _csrf: csrf })
export const UnlinkForm = z.object({ way, _csrf: csrf })
export const CodeForm = z.object({ code: z.string().max(40), _csrf: csrf })
export const PasswordForm = z.object({ current: z.string(), next: z.string(), again: z.string(), _csrf: csrf })
const blankIsAbsent = (value: unknown): unknown => (value === '' ? undefined : value)
export const MessageForm = z.object({
  message: z.string(),
  id: z.guid().optional().describe('Of the page, so that a form that is sent twice is one message'),
  conversation: z.preprocess(blankIsAbsent, conversationId.optional()),
  replaces: z.preprocess(blankIsAbsent, turnId.optional()),
  _csrf: csrf,
})
export const RenameForm = Rename.extend({ _csrf: csrf })
export const StopForm = z.object({ turn: z.preprocess(blankIsAbsent, turnId.optional()), _csrf: csrf })
export const FeedbackForm = z.object({
  value: z.preprocess((value) => (value === '' || value === 'none' ? null : value), z.enum(['up', 'down']).nullable()),
  comment: z.string().max(2_000).optional(),
  _csrf: csrf,
})
