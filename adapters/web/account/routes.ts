import type { Accounts, Passwords } from '../accounts.ts'
import type { Route } from '../route.ts'
import type { SessionStore } from '../sessions.ts'
import type { Connecting } from '../signIn/connecting.ts'
import { type DataParts, dataRoutes } from './data.ts'
import { connectRoutes, unlinkRoutes } from './join.ts'
import { type LinkParts, linkRoutes } from './links.ts'
import { accountPage } from './page.ts'
import { passwordRoute } from './password.ts'

export interface AccountRouteParts extends LinkParts, DataParts {
  accounts: Accounts
  passwords: Passwords
  sessions: Pick<SessionStore, 'endAll'>
  connecting: Connecting
}

/** Everything people do to their own account. All of it works without scripts. */
export function accountRoutes(parts: AccountRouteParts): Route[] {
  return [
    accountPage(parts),
    ...connectRoutes(parts),
    ...unlinkRoutes(parts),
    ...linkRoutes(parts),
    passwordRoute(parts),
    ...dataRoutes(parts),
  ]
}
