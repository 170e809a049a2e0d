import { type Balance, type Budgets, holdMs } from '../../store.ts'
import type { Database } from './database.ts'

/** Written lazily: the turn that is paid for syncs the disk itself when its answer is stored. */
export function createBudgets(db: Database, now: () => number): Budgets {
  function balance(key: string): Balance {
    return db.one<Balance>(
      `SELECT
        coalesce((SELECT used FROM budgets WHERE key = ?1 AND expires_at > ?2), 0) AS used,
        coalesce((SELECT sum(amount) FROM holds WHERE key = ?1 AND expires_at > ?2), 0) AS held`,
      key,
      now(),
    )!
  }

  function heldBy(key: string, turn: string): number | undefined {
    const text = 'SELECT amount FROM holds WHERE key = ? AND turn = ? AND expires_at > ?'
    return db.one<{ amount: number }>(text, key, turn, now())?.amount
  }

  const free = (key: string, turn: string) =>
    db.run('DELETE FROM holds WHERE key = ? AND turn = ? AND expires_at > ?', key, turn, now())

  return {
    hold(key, { turn, amount, limit, endsAt }) {
      return db.writeLazily(() => {
        const before = heldBy(key, turn)
        const { used, held } = balance(key)
        const ok = used + held - (before ?? 0) < limit || (before !== undefined && amount <= before)
        if (!ok) {
          free(key, turn)
          return { ok, ...balance(key) }
        }
        db.run(
          `INSERT INTO budgets (key, used, expires_at) VALUES (?1, 0, ?2)
            ON CONFLICT DO UPDATE SET
              used = CASE WHEN expires_at > ?3 THEN used ELSE 0 END,
              expires_at = excluded.expires_at`,
          key,
          endsAt,
          now(),
        )
        db.run(
          `INSERT INTO holds (key, turn, amount, expires_at) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET amount = excluded.amount, expires_at = excluded.expires_at`,
          key,
          turn,
          amount,
          Math.min(now() + holdMs, endsAt),
        )
        return { ok, ...balance(key) }
      })
    },

    settle(key, turn, amount) {
      return db.writeLazily(() => {
        if (free(key, turn) > 0) db.run('UPDATE budgets SET used = used + ? WHERE key = ?', amount, key)
        return balance(key)
      })
    },

    read: (keys) => db.read(() => keys.map(balance)),
  }
}
