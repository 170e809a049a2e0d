import { parseArgs } from 'node:util'
import { createAudit } from '../audit.ts'
import { type Config, ConfigError, configExitCode, readConfig } from '../config.ts'
import { messageOf } from '../errors.ts'
import { createLog } from '../log.ts'
import { openStore } from '../openStore.ts'
import { tellOfChange } from '../people.ts'
import type { Role } from '../types.ts'
import { Cancelled, readNewPassword, type Terminal } from './password.ts'
import { createUserCommands, type NewPassword, type UserCommands } from './users.ts'

const usage = `Manage the users of the web page.

  npm run user -- add NAME [admin|member] [--generate]
  npm run user -- list
  npm run user -- passwd NAME [--generate]
  npm run user -- disable NAME      no more sign-in or answers; ends all sessions
  npm run user -- enable NAME
  npm run user -- role NAME admin|member

The password is asked for, or read from standard input when that is a pipe; --generate makes one and shows it once.
NAME may also be an identity as "list" shows it, such as slack:T024BE7LD:U0G9QFEMU.`

/** EX_USAGE of sysexits.h. */
const usageExitCode = 64
/** What a shell says of a program ended by Ctrl+C. */
const interruptedExitCode = 130

class UsageError extends Error {}

type Changed = Parameters<typeof createUserCommands>[2]
type Run = (commands: UserCommands, terminal: Terminal) => Promise<Iterable<string>> | AsyncIterable<string>

/** What the arguments ask for, checked before anything is opened. */
function parse(args: string[]): Run | 'help' {
  const { positionals, values } = parsed(args)
  const [command, name, word, ...rest] = positionals
  if (values.help || (command === undefined && !values.generate)) return 'help'
  if (command === 'list' && name === undefined && !values.generate) return (commands) => commands.list()
  // What is too much is not repeated: it may be a password.
  if (rest.length > 0 || command === 'list') throw new UsageError('There are too many arguments.')
  if (command === undefined || !['add', 'passwd', 'disable', 'enable', 'role'].includes(command))
    throw new UsageError(`There is no command ${JSON.stringify(command ?? '')}.`)
  if (name === undefined) throw new UsageError('The name is missing.')
  return commandOf(command, name, word, values.generate === true)
}

function parsed(args: string[]) {
  try {
    const options = { generate: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ args, options, allowPositionals: true })
  } catch {
    throw new UsageError('There is an option that is not known here.')
  }
}

function commandOf(command: string, name: string, word: string | undefined, generate: boolean): Run {
  const takesRole = command === 'add' || command === 'role'
  const takesPassword = command === 'add' || command === 'passwd'
  if (word !== undefined && !takesRole)
    throw new UsageError(
      takesPassword ? 'A password is never an argument: others could see it.' : 'There are too many arguments.',
    )
  if (generate && !takesPassword) throw new UsageError(`--generate does not go with ${command}.`)
  const role = roleOf(command, word)
  return async (commands, terminal) => {
    const password: NewPassword = generate ? 'generate' : () => readNewPassword(terminal)
    if (command === 'add') return commands.add(name, role, password)
    if (command === 'passwd') return commands.passwd(name, password)
    if (command === 'role') return commands.role(name, role)
    return command === 'disable' ? commands.disable(name) : commands.enable(name)
  }
}

function roleOf(command: string, word: string | undefined): Role {
  if (word === 'admin' || word === 'member') return word
  if (word === undefined && command !== 'role') return 'member'
  throw new UsageError(word === undefined ? 'The role is missing: admin or member.' : 'The role is admin or member.')
}

/** Where a command reads and writes, and what it is configured by. */
export interface Surroundings extends Terminal {
  out: { write(text: string): unknown }
  config(): Config
}

async function execute(run: Run, around: Surroundings): Promise<void> {
  const config = around.config()
  const logs = await createLog(
    { level: 'warn', levels: {}, format: 'pretty', secrets: config.log.secrets },
    around.prompts,
  )
  const store = await openStore(config, logs.log('store'))
  try {
    const audit = createAudit({ records: store.records, log: logs.log('audit') })
    const changed: Changed = async (user, action, details) => {
      await tellOfChange(store.bus, user)
      await audit.record(action, { user: user.id, actor: 'operator', ...(details && { details }) })
    }
    const told = run(createUserCommands(store.users, store.sessions, changed), around)
    for await (const line of await told) around.out.write(`${line}\n`)
  } finally {
    await store.close()
  }
}

/** Runs one command; resolves to the exit code. */
export async function main(args: string[], around: Surroundings): Promise<number> {
  try {
    const run = parse(args)
    if (run === 'help') around.out.write(`${usage}\n`)
    else await execute(run, around)
    return 0
  } catch (thrown) {
    const more = thrown instanceof UsageError ? `\n\n${usage}` : ''
    around.prompts.write(`${messageOf(thrown)}${more}\n`)
    if (thrown instanceof UsageError) return usageExitCode
    if (thrown instanceof Cancelled) return interruptedExitCode
    return thrown instanceof ConfigError ? configExitCode : 1
  }
}

if (import.meta.main) {
  const { stdin: input, stdout: out, stderr: prompts } = process
  process.exitCode = await main(process.argv.slice(2), { input, out, prompts, config: readConfig })
}
