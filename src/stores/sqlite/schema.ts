import type { DatabaseSync } from 'node:sqlite'

/**
 * How the data came to look as it does, oldest step first. A step that was ever released never changes: what comes next
 * is appended. `PRAGMA user_version` counts the steps a file has behind it.
 */
export const steps: readonly string[] = [
  `
  -- Conversations. Times are milliseconds since the epoch.
  CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL DEFAULT '',
    title_folded TEXT NOT NULL DEFAULT '',
    titled_by TEXT NOT NULL DEFAULT 'none',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    surface TEXT NOT NULL,
    direct INTEGER NOT NULL,
    count INTEGER NOT NULL DEFAULT 0,
    input INTEGER NOT NULL DEFAULT 0,
    output INTEGER NOT NULL DEFAULT 0,
    cache_read INTEGER NOT NULL DEFAULT 0,
    cache_write INTEGER NOT NULL DEFAULT 0,
    summary TEXT,
    summary_up_to INTEGER
  ) WITHOUT ROWID;

  -- Who took part, and where the conversation stands in their list.
  CREATE TABLE members (
    user TEXT NOT NULL,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
  );
  CREATE INDEX members_by_time ON members (user, at, conversation);
  CREATE INDEX members_by_conversation ON members (conversation);

  -- body: the message as JSON, without seq and rating. size: its bytes. folded: its text, as searches see it.
  CREATE TABLE messages (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    turn TEXT NOT NULL,
    role TEXT NOT NULL,
    size INTEGER NOT NULL,
    rating TEXT,
    body TEXT NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (conversation, seq)
  );
  CREATE INDEX messages_by_turn ON messages (conversation, turn);

  -- The inboxes: n counts up in the order of arrival. answer and discard: committed, but not delivered yet.
  CREATE TABLE entries (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    home TEXT NOT NULL,
    conversation TEXT NOT NULL,
    turn TEXT NOT NULL UNIQUE,
    accepted_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    stopped INTEGER NOT NULL DEFAULT 0,
    discard INTEGER NOT NULL DEFAULT 0,
    incoming TEXT NOT NULL,
    draft TEXT,
    answer TEXT
  );
  CREATE INDEX entries_by_home ON entries (home, n);
  CREATE INDEX entries_by_conversation ON entries (conversation, n);

  -- One row for each home whose inbox is not empty. head: its oldest entry. lease_until 0: nobody works on it.
  CREATE TABLE queues (
    home TEXT PRIMARY KEY,
    head INTEGER NOT NULL,
    token TEXT,
    turn TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX queues_by_lease ON queues (lease_until, head);

  -- Turns that are over and the token that ended them, so that a repeated call is told the same.
  CREATE TABLE finished (turn TEXT PRIMARY KEY, token TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX finished_by_expiry ON finished (expires_at);

  CREATE TABLE seen (
    home TEXT NOT NULL,
    id TEXT NOT NULL,
    turn TEXT NOT NULL,
    conversation TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (home, id)
  );
  CREATE INDEX seen_by_expiry ON seen (expires_at);

  CREATE TABLE pointers (home TEXT PRIMARY KEY, conversation TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX pointers_by_conversation ON pointers (conversation);
  CREATE INDEX pointers_by_expiry ON pointers (expires_at);

  CREATE TABLE users (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE identities (
    identity TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
  ) WITHOUT ROWID;
  CREATE INDEX identities_by_user ON identities (user);

  CREATE TABLE sessions (id TEXT PRIMARY KEY, user TEXT, data TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX sessions_by_user ON sessions (user);
  CREATE INDEX sessions_by_expiry ON sessions (expires_at);

  CREATE TABLE counters (key TEXT PRIMARY KEY, count INTEGER NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX counters_by_expiry ON counters (expires_at);

  CREATE TABLE cache (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX cache_by_expiry ON cache (expires_at);

  -- One row that a health check writes.
  CREATE TABLE pings (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL);
  `,
  `
  -- used_at: when a message was last stored from there. muted: takes no follow-ups.
  ALTER TABLE pointers ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE pointers ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;

  -- begun: someone has worked on it. amended: its text is not the one that is being answered; the title of the new one.
  ALTER TABLE entries ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE entries ADD COLUMN amended TEXT;
  UPDATE entries SET begun = 1 WHERE attempt > 0;

  -- amended: its question was changed while it was answered.
  ALTER TABLE finished ADD COLUMN amended INTEGER NOT NULL DEFAULT 0;

  -- Turns that were asked anew, and the turn under which they go on.
  CREATE TABLE replaced (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    turn TEXT NOT NULL,
    successor TEXT NOT NULL,
    PRIMARY KEY (conversation, turn)
  ) WITHOUT ROWID;

  -- Secrets of surfaces, encrypted by them, and the locks on them.
  CREATE TABLE vault (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE locks (key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX locks_by_expiry ON locks (expires_at);
  `,
  `
  -- What is used of an allowance in its window, and what running turns hold of it.
  CREATE TABLE budgets (key TEXT PRIMARY KEY, used INTEGER NOT NULL, expires_at INTEGER NOT NULL);
  CREATE INDEX budgets_by_expiry ON budgets (expires_at);
  CREATE TABLE holds (
    key TEXT NOT NULL,
    turn TEXT NOT NULL,
    amount INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (key, turn)
  );
  CREATE INDEX holds_by_expiry ON holds (expires_at);

  -- What was used, by day, person, surface, workspace and model. No user: it is forgotten who it was.
  CREATE TABLE usage (
    day TEXT NOT NULL,
    user TEXT NOT NULL,
    surface TEXT NOT NULL,
    workspace TEXT NOT NULL,
    model TEXT NOT NULL,
    turns INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (day, user, surface, workspace, model)
  );
  CREATE INDEX usage_by_user ON usage (user, day);
  CREATE INDEX usage_by_expiry ON usage (expires_at);

  -- Logs (audit, feedback). The id sorts by time.
  CREATE TABLE records (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    user TEXT,
    data TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;
  CREATE INDEX records_by_user ON records (kind, user, id);

  -- audience: of a shared one, whose members read along.
  ALTER TABLE conversations ADD COLUMN audience TEXT;
  CREATE INDEX conversations_by_update ON conversations (updated_at, id);
  CREATE INDEX conversations_by_surface ON conversations (surface, updated_at, id);

  -- Users who were merged into another, by the id they had; never one that leads to an alias.
  CREATE TABLE aliases (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
  ) WITHOUT ROWID;
  CREATE INDEX aliases_by_user ON aliases (user);

  -- Who left a channel or a team.
  CREATE TABLE absences (identity TEXT NOT NULL, audience TEXT NOT NULL, PRIMARY KEY (identity, audience)) WITHOUT ROWID;
  `,
]

/** Tables whose rows end by themselves, each with an index on `expires_at`. */
export const expiring = [
  'seen',
  'finished',
  'pointers',
  'sessions',
  'counters',
  'cache',
  'locks',
  'budgets',
  'holds',
  'usage',
] as const

/** Bring a file up to this version, each step in a transaction of its own. Throws plain words if it is newer, or not ours. */
export function migrate(database: DatabaseSync, file: string, path: readonly string[] = steps): void {
  while (versionOf(database) !== path.length) {
    database.exec('BEGIN IMMEDIATE')
    try {
      // Read again under the lock: another process may have taken the step meanwhile.
      const version = versionOf(database)
      refuseForeign(database, file, version, path.length)
      if (version < path.length) database.exec(`${path[version]}; PRAGMA user_version = ${version + 1}`)
      database.exec('COMMIT')
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version)
}

function refuseForeign(database: DatabaseSync, file: string, version: number, known: number): void {
  if (version > known) {
    throw new Error(
      `The data in ${file} was written by a newer version of this application (data version ${version}, this one ` +
        `knows up to ${known}). Run that version, or restore a backup made before the upgrade.`,
    )
  }
  if (version === 0 && database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get()) {
    throw new Error(
      `${file} is a database of another application. Move it away, or use another directory for the data.`,
    )
  }
}
