import { z } from 'zod'
import { surfaces } from '../../../src/types.ts'

const csrf = z.string().optional().describe('The token of the page')
const note = z.string().max(40).optional().catch(undefined)
const blankIsAbsent = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value
const text = (most: number) => z.preprocess(blankIsAbsent, z.string().trim().max(most).optional()).catch(undefined)
const day = z.preprocess(blankIsAbsent, z.iso.date().optional()).catch(undefined).describe('`2026-11-23`, in UTC')

export const ofUser = z.object({ id: z.string().min(1).max(200) })

export const ToldQuery = z.object({ done: note.describe('What was done'), failed: note.describe('What went wrong') })
export const UsersQuery = ToldQuery.extend({
  q: text(200).describe('Words in names, addresses or identities'),
  after: text(200).describe('Page of the list'),
})

export const RoleForm = z.object({ role: z.enum(['admin', 'member']), _csrf: csrf })
export const StateForm = z.object({ state: z.enum(['active', 'disabled']), _csrf: csrf })
export const HoldForm = z.object({ hold: z.enum(['on', 'off']), _csrf: csrf })
const way = z.string().max(40).describe('Stands for one of their identities')
export const WayQuery = z.object({ way })
export const WayForm = z.object({ way, _csrf: csrf })
export const WordForm = z.object({ word: z.string().max(100), _csrf: csrf })

const measure = z
  .preprocess(blankIsAbsent, z.coerce.number().optional())
  .describe('Blank: none of their own; -1: no limit')
export const LimitForm = z.object({
  of: z.enum(['everyone', 'role', 'workspace', 'user']),
  name: z.string().max(200).default('').describe('Which role, workspace or user'),
  messagesPerMinute: measure,
  tokensPerDay: measure,
  tokensPerMonth: measure,
  costPerDay: measure,
  costPerMonth: measure,
  _csrf: csrf,
})
export const roleName = z.enum(['admin', 'member'])
export const workspaceName = z.string().regex(new RegExp(`^(${surfaces.join('|')}):[\\w.-]{1,100}$`))

export const UsageQuery = z.object({
  from: day,
  to: day,
  of: z.enum(['tokens', 'turns', 'cost']).optional().catch(undefined).describe('What the plot shows'),
})
export const LogQuery = z.object({
  before: text(100).describe('Page of the list'),
  user: text(300).describe('Whom it is about: an id, a name or an identity'),
  action: text(40).describe('What was done'),
})
