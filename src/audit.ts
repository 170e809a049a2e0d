import { newId } from './ids.ts'
import type { Records } from './store.ts'
import type { JsonObject, Log } from './types.ts'

/** What is written down about people, rights and data. */
export type AuditAction =
  | 'sign_in'
  | 'sign_in_refused'
  | 'access_refused'
  | 'join'
  | 'unlink'
  | 'role'
  | 'disable'
  | 'enable'
  | 'hold'
  | 'limit'
  | 'export'
  | 'delete'
  | 'sessions_ended'
  | 'password'
  | 'installed'
  | 'uninstalled'

export interface AuditEvent {
  /** Id of the user it is about. */
  user?: string
  /** Id of the user who did it; the same as `user` where people do something for themselves, `operator` at a command line. */
  actor?: string
  /** Ids, counts and names of settings: never the text of a message or a title. */
  details?: JsonObject
}

/** The audit log. An entry that cannot be stored is in the operator's log at least, and never in the way of what was done. */
export interface Audit {
  record(action: AuditAction, event: AuditEvent): Promise<void>
}

export function createAudit(options: { records: Pick<Records, 'put'>; log: Log; now?: () => number }): Audit {
  const { records, log, now = Date.now } = options
  return {
    async record(action, { user, actor, details }) {
      const at = now()
      const data = { action, ...(actor !== undefined && { actor }), ...(details && { details }) }
      // Identities among the details may be people's names: they stay in the store.
      log.info({ action, user, actor }, 'audit')
      try {
        await records.put('audit', { id: newId(at), at, ...(user !== undefined && { user }), data })
      } catch (thrown) {
        log.error({ err: thrown, action, user, actor }, 'an entry of the audit log could not be stored')
      }
    },
  }
}
