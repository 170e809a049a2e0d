/**
 * Every key of Redis, spelled here and nowhere else.
 *
 * A key is `<prefix>{<shard>}:<kind>:<name>`. The braces are Redis Cluster's hash tag: all keys of one shard live in one
 * hash slot. The shard comes from the key's owner (a home, a user, ...), so that a home's lease, inbox, seen ids and
 * conversations are together and one script can change them in one step, on a Cluster as on one server.
 *
 * The number of shards and the hash are part of the data's layout: changing either needs a migration.
 */
export const shards = 64

export interface KeyKind {
  kind: string
  /** After `<prefix>`. `S(x)` is the shard of `x`. */
  key: string
  type: 'string' | 'hash' | 'list' | 'zset'
  /** `ttl`: Redis drops it by itself. `owner`: it lives until what `lifetime` names deletes it. */
  ends: 'ttl' | 'owner'
  holds: string
  lifetime: string
}

const row = (
  kind: string,
  key: string,
  type: KeyKind['type'],
  ends: KeyKind['ends'],
  holds: string,
  lifetime: string,
): KeyKind => ({ kind, key, type, ends, holds, lifetime })

// biome-ignore format: a table reads best as a table
/** All keys: what they hold and when they end. No key is without a lifetime or an owner that deletes it. */
export const keyTable: readonly KeyKind[] = [
  row('home',          '{S(home)}:home:<home>',                 'hash',   'ttl',   'pointer (and mute), lease, running turn (draft, answer, attempt), stop and amendment marks, last settled turns', '180 days after the last message'),
  row('inbox',         '{S(home)}:inbox:<home>',                'list',   'ttl',   'waiting messages, the running one first; at most maxWaiting',             'gone when empty; 180 days after the last message'),
  row('due',           '{shard}:due',                           'zset',   'owner', 'homes with work, by the time someone must look: now, or the lease\'s end', 'a home leaves when its inbox is empty'),
  row('seen',          '{S(home)}:seen:<home>:<id>',            'string', 'ttl',   'conversation and turn a message id became',                               '3 days; 180 for a message\'s own id'),
  row('conversation',  '{S(home)}:conversation:<id>',           'hash',   'owner', 'title, times, surface, audience, participants (and whom one of them was merged into), usage, summary', 'conversations.remove, or a discarded first turn'),
  row('messages',      '{S(home)}:messages:<id>',               'list',   'owner', 'messages; the index is the seq',                                          'with its conversation; one hour while a copy is being made'),
  row('turns',         '{S(home)}:turns:<id>',                  'hash',   'owner', 'by turn: seq of its first message and of its answer, rating; or = and the turn that replaced it', 'with its conversation'),
  row('updated',       '{shard}:updated',                       'zset',   'owner', 'the shard\'s conversations by time of update',                            'with its conversations'),
  row('user',          '{S(user)}:user:<user>',                 'hash',   'owner', 'the user\'s record, a field each; or the user they were merged into',     'users.remove; one minute while it is being created'),
  row('users',         '{shard}:users',                         'zset',   'owner', 'ids of the shard\'s users, for pages through all',                        'with its users'),
  row('conversations', '{S(user)}:conversations:<user>',        'zset',   'owner', 'the user\'s conversations by time of update',                             'conversations.remove takes an entry out; list drops what is gone'),
  row('identity',      '{S(identity)}:identity:<identity>',     'string', 'owner', 'id of the user behind an identity',                                       'with its user'),
  row('sessions',      '{S(user)}:sessions:<user>',             'zset',   'ttl',   'the user\'s sessions by their end',                                       'the end of the last session'),
  row('absences',      '{S(identity)}:absences:<identity>',     'zset',   'owner', 'channels and teams that someone left',                                    'absences.back, users.remove'),
  row('session',       '{S(session)}:session:<session>',        'string', 'ttl',   'a session of the web page',                                               'the session\'s end'),
  row('budget',        '{S(key)}:budget:<key>',                 'hash',   'ttl',   'what is used of an allowance in its window, what is held of it, and by which turn', 'the window\'s end'),
  row('reserved',      '{S(key)}:reserved:<key>',               'zset',   'ttl',   'turns that hold some of an allowance, by the end of that',                'the window\'s end'),
  row('usage',         '{S(user)}:usage:<day>',                 'hash',   'ttl',   'what the shard\'s users used on a day, by user, surface, workspace, model', '400 days after it'),
  row('usageOf',       '{S(user)}:usageOf:<user>:<month>',      'hash',   'ttl',   'the same of one user, by day',                                            '400 days after the month'),
  row('entries',       '{S(id)}:entries:<log>',                 'hash',   'owner', 'entries of a log (audit, feedback), by id',                               'records.drop, records.purge'),
  row('records',       '{S(id)}:records:<log>',                 'zset',   'owner', 'their ids, in their order',                                               'with its entries'),
  row('recordsOf',     '{S(user)}:recordsOf:<log>:<user>',      'zset',   'owner', 'ids of the entries about a user',                                         'with its entries; list drops what is gone'),
  row('counter',       '{S(key)}:counter:<key>',                'hash',   'ttl',   'hits in the current window',                                              'the window\'s end'),
  row('cache',         '{S(key)}:cache:<key>',                  'string', 'ttl',   'a cached text',                                                           'as set'),
  row('vault',         '{S(key)}:vault:<key>',                  'string', 'owner', 'a secret of a surface, encrypted by it',                                  'vault.delete'),
  row('hold',          '{S(key)}:hold:<key>',                   'string', 'ttl',   'who holds the lock of a vault key',                                       'as taken'),
  row('probe',         '{shard}:probe',                         'string', 'ttl',   'proof that the shard can be written to',                                  'one minute'),
  row('schema',        '{schema}:schema',                       'hash',   'owner', 'version of the layout and number of shards',                              'with the data'),
  row('joining',       '{people}:joining',                      'hash',   'owner', 'the step at users and identities that was begun and not ended',           'its end; users.resume'),
  row('joiner',        '{people}:joiner',                       'string', 'ttl',   'held by the instance that joins or parts users',                          'ten seconds, renewed'),
  row('lock',          '{schema}:lock',                         'string', 'ttl',   'held by the instance that migrates the layout',                           'one minute, renewed'),
]

export type Keys = ReturnType<typeof spellKeys>

/** FNV-1a over UTF-16 units: cheap, and the same on every instance. */
export function shardOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  // The low bits of FNV-1a mix worst; fold the high ones in.
  return ((hash >>> 16) ^ hash) & (shards - 1)
}

/** All keys under a prefix. */
export function spellKeys(prefix: string) {
  const inShard = (shard: number | string, rest: string) => `${prefix}{${shard}}:${rest}`
  const ofHome = (home: string, rest: string) => inShard(shardOf(home), rest)
  const own = (kind: string, name: string) => inShard(shardOf(name), `${kind}:${name}`)
  return {
    home: (home: string) => own('home', home),
    inbox: (home: string) => own('inbox', home),
    due: (home: string) => ofHome(home, 'due'),
    dueIn: (shard: number) => inShard(shard, 'due'),
    seen: (home: string, id: string) => ofHome(home, `seen:${home}:${id}`),
    conversation: (home: string, id: string) => ofHome(home, `conversation:${id}`),
    messages: (home: string, id: string) => ofHome(home, `messages:${id}`),
    turns: (home: string, id: string) => ofHome(home, `turns:${id}`),
    updated: (home: string) => ofHome(home, 'updated'),
    updatedIn: (shard: number) => inShard(shard, 'updated'),
    user: (user: string) => own('user', user),
    users: (user: string) => inShard(shardOf(user), 'users'),
    usersIn: (shard: number) => inShard(shard, 'users'),
    conversations: (user: string) => own('conversations', user),
    identity: (identity: string) => own('identity', identity),
    sessions: (user: string) => own('sessions', user),
    session: (session: string) => own('session', session),
    absences: (identity: string) => own('absences', identity),
    joining: inShard('people', 'joining'),
    joiner: inShard('people', 'joiner'),
    budget: (key: string) => own('budget', key),
    reserved: (key: string) => own('reserved', key),
    usageIn: (shard: number, day: string) => inShard(shard, `usage:${day}`),
    usageOf: (user: string, month: string) => inShard(shardOf(user), `usageOf:${user}:${month}`),
    entriesIn: (shard: number, log: string) => inShard(shard, `entries:${log}`),
    recordsIn: (shard: number, log: string) => inShard(shard, `records:${log}`),
    recordsOf: (user: string, log: string) => inShard(shardOf(user), `recordsOf:${log}:${user}`),
    counter: (key: string) => own('counter', key),
    cache: (key: string) => own('cache', key),
    vault: (key: string) => own('vault', key),
    hold: (key: string) => own('hold', key),
    probeIn: (shard: number) => inShard(shard, 'probe'),
    schema: inShard('schema', 'schema'),
    lock: inShard('schema', 'lock'),
    /** A pattern, not a key. */
    allConversations: `${escaped(prefix)}{*}:conversation:*`,
    /** A channel of pub/sub, not a key. */
    channel: (name: string) => `${prefix}channel:${name}`,
  }
}

/** What means something in a pattern, as itself. */
const escaped = (prefix: string): string => prefix.replace(/[\\*?[\]]/g, '\\$&')
