import { once } from 'node:events'
import pino from 'pino'
import { ConfigError } from './config/fault.ts'
import type { LogConfig } from './config.ts'
import { messageOf } from './errors.ts'
import type { Log } from './types.ts'

/** Where lines go: one call a line, newline included. */
interface Sink {
  write(line: string): void
}

interface File extends Sink {
  flush(): void
  close(): Promise<void>
}

export interface Logs {
  /** The log of one component, at its own level. Give every request and turn a child: `log.child({ turn })`. */
  log(component: string): Log
  /** Write out what waits. For the last moment before an exit: it blocks. */
  flush(): void
  close(): Promise<void>
}

/**
 * Opens the log: to the console, and to a file if one is configured. The console is written without a worker or buffer,
 * so that nothing is lost when the process is killed. Rejects with a `ConfigError` when the file cannot be opened.
 */
export async function createLog(
  config: LogConfig,
  terminal: Sink = pino.destination({ dest: 1, sync: true }),
): Promise<Logs> {
  const shown = config.format === 'pretty' ? await prettySink(terminal) : terminal
  let file = config.file && (await openFile(config.file, terminal))
  const sink: Sink = {
    write(line) {
      shown.write(line)
      file?.write(line)
    },
  }
  const root = pino(
    {
      level: config.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError, cause: describeError },
      hooks: { streamWrite: concealer(config.secrets.map((secret) => secret.reveal())) },
    },
    sink,
  )
  return {
    log: (component) => root.child({ component }, { level: config.levels[component] ?? config.level }),
    flush: () => file?.flush(),
    async close() {
      const open = file
      file = undefined
      await open?.close()
    },
  }
}

/** For people: time, level, component and sentence, fields behind them. */
async function prettySink(terminal: Sink): Promise<Sink> {
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: process.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    // The last two are in the sentence already.
    ignore: 'pid,hostname,component,url',
    messageFormat: '[{component}] {msg}',
    singleLine: true,
  })
  return { write: (line) => void terminal.write(pretty(line)) }
}

/** What may wait for a slow disk before lines are dropped. */
const maxWaitingBytes = 8 * 1024 * 1024

async function openFile(file: NonNullable<LogConfig['file']>, terminal: Sink): Promise<File> {
  const { default: roll } = await import('pino-roll')
  try {
    const stream = await roll({
      file: file.path,
      size: `${file.megabytes}m`,
      limit: { count: file.count, removeOtherLogFiles: true },
      mkdir: true,
      mode: 0o640,
      maxLength: maxWaitingBytes,
    })
    await once(stream, 'ready')
    // A full disk must not stop the service; the console has every line.
    stream.on('error', (error) => terminal.write(`The log file cannot be written: ${messageOf(error)}\n`))
    return {
      write: (line) => void stream.write(line),
      flush: () => stream.flushSync(),
      async close() {
        const closed = once(stream, 'close').catch(() => undefined)
        stream.end()
        await closed
      },
    }
  } catch (thrown) {
    const problem = `is ${JSON.stringify(file.path)}: ${messageOf(thrown)}`
    throw new ConfigError([{ variable: 'LOG_FILE', problem, expected: 'a file that can be written' }])
  }
}

const maxCauses = 5

/**
 * An error as the log shows it, with its causes. Chosen fields only: SDKs hang whole requests on their errors (ioredis
 * the command with its arguments, the AWS SDK the response), and those have people's messages in them.
 */
function describeError(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return thrown
  const { name, message, stack, cause } = thrown
  const { code, $metadata } = thrown as { code?: unknown; $metadata?: { httpStatusCode?: number; requestId?: string } }
  return {
    type: name,
    message,
    ...(code !== undefined && { code: String(code) }),
    ...($metadata && { status: $metadata.httpStatusCode, requestId: $metadata.requestId }),
    stack: stack?.slice(stack.indexOf('\n') + 1),
    ...(cause !== undefined && depth < maxCauses && { cause: describeError(cause, depth + 1) }),
    ...(thrown instanceof AggregateError && {
      errors: thrown.errors.slice(0, maxCauses).map((one) => describeError(one, maxCauses)),
    }),
  }
}

/** Fields that no caller should log, and whose text is taken out of every line at any depth if one does. */
const privateFields =
  'password|secret|token|accessToken|refreshToken|authorization|cookie|set-cookie|csrf|_csrf|apiKey|text|title|prompt|email|address'

/**
 * The second net under "never log secrets or what people write": known secrets wherever they appear in a line, and the
 * strings of private fields. On the finished line, so that it holds at any depth and for whatever made the text; inside a
 * JSON string a quote is always escaped, so a field's name is never taken for one in somebody's words.
 */
function concealer(secrets: readonly string[]): (line: string) => string {
  const fields = new RegExp(`("(?:${privateFields})":)"(?:[^"\\\\]|\\\\.)*"`, 'gi')
  // Shorter ones would be found in ordinary words.
  const known = secrets.filter((secret) => secret.length >= 8).map((secret) => JSON.stringify(secret).slice(1, -1))
  const values = known.length > 0 ? new RegExp(known.map(RegExp.escape).join('|'), 'g') : undefined
  return (line) => {
    const concealed = line.replace(fields, '$1"[hidden]"')
    return values ? concealed.replace(values, '[secret]') : concealed
  }
}
