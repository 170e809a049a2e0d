import { Fault } from './errors.ts'
import type { Store } from './store.ts'

/** The same store. `failed` is told of each call that fails because the store cannot be reached or cannot write. */
export function watchFailures(store: Store, failed: (engine: Store['engine']) => void): Store {
  const count = (thrown: unknown): void => {
    if (thrown instanceof Fault && thrown.code === 'store_unavailable') failed(store.engine)
  }
  /** A port, or the store as one: its methods called as they are, their failures seen on the side. */
  const watched = <T extends object>(port: T): T => {
    const known = new Map<PropertyKey, unknown>()
    return new Proxy(port, {
      get(target, key) {
        if (!known.has(key)) known.set(key, part(target, Reflect.get(target, key)))
        return known.get(key)
      },
    })
  }
  const part = (port: object, value: unknown): unknown => {
    if (typeof value === 'object' && value !== null) return watched(value)
    if (typeof value !== 'function') return value
    return (...args: unknown[]) => {
      const result: unknown = Reflect.apply(value, port, args)
      if (result instanceof Promise) result.catch(count)
      return result
    }
  }
  return watched(store)
}
