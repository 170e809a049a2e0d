import type { Route } from '../route.ts'
import { userDeeds } from './deeds.ts'
import { limitPages } from './limits.ts'
import { logPages } from './logs.ts'
import type { AdminParts } from './page.ts'
import { usagePages } from './usage.ts'
import { userPages } from './users.ts'

/** The pages for admins. All of them work without scripts; to everybody else there is nothing at their addresses. */
export function adminRoutes(parts: AdminParts): Route[] {
  return [...userPages(parts), ...userDeeds(parts), ...limitPages(parts), ...usagePages(parts), ...logPages(parts)]
}
