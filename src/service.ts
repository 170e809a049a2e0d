import { changeRule, ruleOf } from './admin/rules.ts'
import { createAdmin, type Workspace } from './admin.ts'
import { createAfterwards } from './afterwards.ts'
import { createAnswer } from './answer.ts'
import { createAudit } from './audit.ts'
import { createChat } from './chat.ts'
import { createComposer, promptWindow } from './compose.ts'
import type { Config } from './config.ts'
import { CannotTell } from './errors.ts'
import { createIdentities } from './identities.ts'
import { hashOf } from './ids.ts'
import { isEmpty, noRules, readRules } from './limits/rules.ts'
import { createLimits } from './limits.ts'
import { createLive } from './live.ts'
import { traitsOf } from './models.ts'
import { createPeople } from './people.ts'
import { createPersonal } from './personal.ts'
import { createRetention } from './retention.ts'
import { createSetting } from './settings.ts'
import type { Store } from './store.ts'
import { createTurns } from './turns.ts'
import type { Adapter, Log, Metrics, Model, Profile, Sender, Surface, User } from './types.ts'

/** The core, put together: what adapters are handed, and what begins and ends with the process. */
export type Service = Awaited<ReturnType<typeof createService>>

/** `adapters` may be filled afterwards, before the first message. */
export async function createService(options: {
  config: Pick<Config, 'bedrock' | 'chat' | 'limits' | 'people' | 'retention' | 'teams'>
  store: Store
  model: Model
  adapters: ReadonlyMap<Surface, Adapter>
  /** Where people come from, as far as only the adapters know; may be filled afterwards, too. */
  found?: readonly Workspace[]
  metrics: Metrics
  log(component: string): Log
}) {
  const { config, store, model, adapters, metrics, log } = options
  const live = await createLive(store.bus, log('live'))
  const audit = createAudit({ records: store.records, log: log('audit') })
  const people = createPeople({
    users: store.users,
    bus: store.bus,
    profile,
    linkDomains: config.people.linkDomains,
    began: (user, identity) => limits.carry(goneOf(identity), user),
    audit,
    // Beside an SQLite store only the command line changes users, which tells nobody; but looking is cheap.
    ...(store.engine === 'sqlite' && { cacheMs: 1_000 }),
    log: log('people'),
  })
  const { users, conversations, cache, counters } = store
  const rules = createSetting({
    name: 'limits',
    initial: { ...noRules, everyone: config.limits },
    read: (stored) => readRules(stored, config.limits),
    vault: store.vault,
    bus: store.bus,
    log: log('settings'),
  })
  const limits = createLimits({
    budgets: store.budgets,
    counters: store.counters,
    usage: store.usage,
    rules: rules.current,
    priceOf: (id) => traitsOf(id, config.bedrock.models[id]).price,
    model: config.bedrock.modelId,
    log: log('limits'),
  })
  const identities = createIdentities({ users, conversations, cache, counters, people, carry, audit })
  const composer = createComposer({
    model,
    cache: store.cache,
    limits,
    systemPrompt: config.chat.systemPrompt,
    maxTokens: config.bedrock.maxTokens,
    cacheMs: config.chat.responseCacheMs,
  })
  const afterwards = createAfterwards({ model, conversations, limits, log: log('afterwards') })
  const work = createAnswer({
    store,
    composer,
    adapters,
    people,
    live,
    metrics,
    log: log('turns'),
    committed: afterwards.committed,
  })
  const turns = createTurns({
    store,
    work,
    metrics,
    log: log('turns'),
    maxTurns: config.chat.maxTurns,
    window: promptWindow,
  })
  const personal = createPersonal({ store, stop: turns.stop, people, leaves, audit })
  const chat = createChat({ store, turns, live, people, limits, personal, linking: identities })
  const admin = createAdmin({ store, people, identities, personal, limits, rules, workspaces, audit })
  const retention = createRetention({
    store,
    times: config.retention,
    resume: () => Promise.all([store.users.resume(), personal.resume()]),
    audit,
    log: log('retention'),
  })

  return {
    chat,
    turns,
    identities,
    admin,
    personal,
    limits,
    audit,
    async start(): Promise<void> {
      await Promise.all([people.start(), rules.start()])
      await turns.start()
      retention.start()
    },
    /** After the last turn is over, and before the model and the store are closed. */
    async close(): Promise<void> {
      await afterwards.close()
      live.close()
      people.close()
      rules.close()
      await Promise.all([limits.idle(), retention.close()])
    },
  }

  /** Whoever comes again after all of it was deleted has no new day: a number by a hash stays until the window's end. */
  async function leaves({ id, identities }: User): Promise<void> {
    for (const identity of identities) await limits.carry(id, goneOf(identity))
  }

  /** Neither what is used up nor a limit of one's own is left behind by joining or parting. */
  async function carry(from: string, to: string): Promise<void> {
    await limits.carry(from, to)
    const [source, target] = await Promise.all([users.get(from), users.get(to)])
    const rule = source && !target && ruleOf({ of: 'user', user: source }, rules.current())
    if (rule && !isEmpty(rule)) await changeRule(rules, { of: 'user', user: { id: to } }, rule)
  }

  async function profile(sender: Sender): Promise<Profile> {
    const adapter = adapters.get(sender.surface)
    if (!adapter) throw new CannotTell(`no adapter for ${sender.surface} is switched on`)
    return adapter.profile(sender)
  }

  /** Where people can come from. */
  async function workspaces(): Promise<Workspace[]> {
    const { teams: bot } = config
    const tenants = bot ? (bot.allowedTenants.length > 0 ? bot.allowedTenants : [bot.tenantId ?? 'playground']) : []
    const installed = await store.records.list('installation', { limit: 1_000 })
    return [
      { id: 'web:local', name: 'The web page', how: 'built in' as const },
      ...(options.found ?? []),
      ...installed.map(({ id, at, data }) => ({
        id: `slack:${id}`,
        name: String(data.name),
        how: 'installed' as const,
        since: at,
      })),
      ...tenants.map((id) => ({ id: `teams:${id}`, how: 'configured' as const })),
    ]
  }
}

/** Whose limits are used up, of those who are users no more. */
const goneOf = (identity: string): string => hashOf(['gone', identity])
