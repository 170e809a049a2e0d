import { type Balance, type Budgets, holdMs } from '../../store.ts'
import type { Engine } from './engine.ts'

export function openBudgets({ connection, keys, given }: Engine): Budgets {
  async function step(key: string, values: object): Promise<Balance & { ok: boolean }> {
    const reply = await connection.script('budget', [keys.budget(key), keys.reserved(key)], given(values))
    const [used, held, ok] = reply as [number, number, number]
    return { used, held, ok: ok === 1 }
  }

  async function balance(key: string, values: object): Promise<Balance> {
    const { used, held } = await step(key, values)
    return { used, held }
  }

  return {
    hold: (key, claim) => step(key, { ...claim, holdMs }),
    settle: (key, turn, amount) => balance(key, { turn, amount }),
    read: (all) => Promise.all(all.map((key) => balance(key, {}))),
  }
}
