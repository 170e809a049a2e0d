import { Fault, type FaultCode, messageOf } from '../errors.ts'

/** The service said within its stream that it failed. Named as the same error outside a stream is. */
export class StreamFault extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = name.charAt(0).toUpperCase() + name.slice(1)
  }
}

/** The stream ended, but not with `messageStop`. */
export class CutError extends Error {
  override readonly name = 'CutError'
}

/** Nothing came for too long. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
}

/** The model ended its turn without a word, or with something that is none. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  /** Asking the same again may end otherwise. */
  readonly again: boolean

  constructor(stop: string, again: boolean) {
    super(`the model ended with ${stop} and no text`)
    this.again = again
  }
}

/** What to do about a failure that came before the first text. */
export interface Verdict {
  code: FaultCode
  /** How often to try one model in all. */
  tries: number
  /** The wait before the second try is chance times this, then doubles. */
  baseMs: number
  /** Whether another model may do better. */
  next: boolean
  /** What the service asked us to wait. */
  retryAfterMs?: number
  /** For the operator: what to change. */
  hint?: string
}

type Kind = Omit<Verdict, 'retryAfterMs'>

const throttled: Kind = { code: 'model_busy', tries: 3, baseMs: 1_000, next: true }
const transient: Kind = { code: 'model_unavailable', tries: 3, baseMs: 200, next: true }
const modelFailed: Kind = { code: 'model_unavailable', tries: 2, baseMs: 200, next: true }
const modelSlow: Kind = { ...modelFailed, code: 'model_slow' }
const silent: Kind = { code: 'model_slow', tries: 1, baseMs: 0, next: true }
const noAnswer: Kind = { code: 'empty_answer', tries: 2, baseMs: 200, next: true }
const rejected: Kind = { code: 'model_rejected', tries: 1, baseMs: 0, next: false }
const overflow: Kind = { code: 'context_overflow', tries: 1, baseMs: 0, next: false }
const defect: Kind = { code: 'internal', tries: 1, baseMs: 0, next: false }
const access: Kind = {
  code: 'model_access',
  tries: 1,
  baseMs: 0,
  next: true,
  hint: 'allow bedrock:InvokeModelWithResponseStream on this model (with an inference profile: on the profile and on the foundation model in every region), and ask for access to it in the Bedrock console',
}
const credentials: Kind = {
  code: 'model_access',
  tries: 1,
  baseMs: 0,
  next: false,
  hint: 'the AWS credentials are missing, wrong or expired; renew them, and check the clock of this machine',
}
const missing: Kind = {
  code: 'model_config',
  tries: 1,
  baseMs: 0,
  next: true,
  hint: 'there is no such model here, or it was retired: set BEDROCK_MODEL_ID to a newer one, and check AWS_REGION',
}
const certificate: Kind = {
  ...transient,
  tries: 1,
  next: false,
  hint: 'the TLS certificate of the endpoint is not trusted: a proxy in between needs its CA in NODE_EXTRA_CA_CERTS',
}

const noHost: Kind = {
  ...transient,
  hint: 'the endpoint has no address: check AWS_REGION, AWS_ENDPOINT_URL_BEDROCK_RUNTIME and the DNS of this machine',
}
const noRegion: Kind = { ...missing, next: false, hint: 'set AWS_REGION to the region of Bedrock' }

const byName: Record<string, Kind> = {
  ThrottlingException: throttled,
  TooManyRequestsException: throttled,
  ModelNotReadyException: throttled,
  ServiceQuotaExceededException: throttled,
  InternalServerException: transient,
  ServiceUnavailableException: transient,
  TimeoutError: transient,
  CutError: transient,
  FrameError: transient,
  ModelTimeoutException: modelSlow,
  ModelErrorException: modelFailed,
  ModelStreamErrorException: modelFailed,
  SilenceError: silent,
  AccessDeniedException: access,
  ExpiredTokenException: credentials,
  ExpiredToken: credentials,
  UnrecognizedClientException: credentials,
  InvalidClientTokenId: credentials,
  InvalidSignatureException: credentials,
  IncompleteSignatureException: credentials,
  MissingAuthenticationTokenException: credentials,
  CredentialsProviderError: credentials,
  TokenProviderError: credentials,
  ResourceNotFoundException: missing,
}

const byStatus: Record<number, Kind> = {
  401: credentials,
  403: access,
  404: missing,
  408: modelSlow,
  413: overflow,
  424: modelFailed,
  429: throttled,
}

/**
 * One class, many causes: only here the text must tell. Each is a mistake in the settings that another model may not
 * share, but for the first, which the engine answers by sending less.
 */
const validations: readonly { text: RegExp; kind: Kind }[] = [
  {
    text: /input is too long|prompt is too long|exceeds? (the )?(context|maximum context)|maximum context length/i,
    kind: overflow,
  },
  {
    text: /on-demand throughput/i,
    kind: {
      ...missing,
      hint: 'this model is only offered through an inference profile: put us., eu., apac. or global. before its id in BEDROCK_MODEL_ID, or use the ARN of a profile',
    },
  },
  {
    text: /identifier is invalid|end of its life/i,
    kind: { ...missing, hint: 'no model has this id in this region: check BEDROCK_MODEL_ID and AWS_REGION' },
  },
  {
    text: /maximum tokens you requested/i,
    kind: { ...missing, hint: 'lower BEDROCK_MAX_TOKENS, or set "output" of this model in BEDROCK_MODELS' },
  },
  {
    text: /temperature|top_?p/i,
    kind: {
      ...missing,
      hint: 'this model takes no sampling: unset BEDROCK_TEMPERATURE and BEDROCK_TOP_P, or set "sampling": false for it in BEDROCK_MODELS',
    },
  },
  {
    text: /cache_?point|cache_control|prompt caching/i,
    kind: { ...missing, hint: 'this model takes no cache points: set "caching": false for it in BEDROCK_MODELS' },
  },
  {
    text: /guardrail/i,
    kind: {
      ...missing,
      next: false,
      hint: 'check BEDROCK_GUARDRAIL_ID, BEDROCK_GUARDRAIL_VERSION and the region of the guardrail',
    },
  },
]

/** Judges whatever came out of a call, by class and status. */
export function judge(thrown: unknown): Verdict {
  const kind = kindOf(thrown)
  const retryAfterMs = retryAfterOf(thrown)
  return { ...kind, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

function kindOf(thrown: unknown): Kind {
  if (!(thrown instanceof Error)) return defect
  if (thrown instanceof NoAnswerError) return thrown.again ? noAnswer : { ...noAnswer, tries: 1 }
  if (thrown instanceof Fault) return thrown.code === 'context_overflow' ? overflow : { ...defect, code: thrown.code }
  if (thrown.name === 'ValidationException') return validationKind(thrown.message)
  const named = byName[thrown.name]
  if (named) return named
  const status = statusOf(thrown)
  if (status !== undefined) {
    if (status === 400) return validationKind(thrown.message)
    const known = byStatus[status]
    if (known) return known
    if (status >= 500) return transient
    if (status >= 400) return rejected
  }
  if (thrown instanceof StreamFault) return transient
  const { code } = thrown as NodeJS.ErrnoException
  // The SDK's own complaint, which has neither class nor code.
  if (typeof code !== 'string') return thrown.message === 'Region is missing' ? noRegion : defect
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return noHost
  return /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code) ? certificate : transient
}

function validationKind(message: string): Kind {
  return validations.find(({ text }) => text.test(message))?.kind ?? rejected
}

interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number; requestId?: string }
  $response?: { statusCode?: number; headers?: Record<string, string | undefined> }
}

function statusOf(thrown: Error): number | undefined {
  const { $metadata, $response } = thrown as SdkError
  return $metadata?.httpStatusCode ?? $response?.statusCode
}

/** Seconds or a date, as milliseconds from now. */
function retryAfterOf(thrown: unknown): number | undefined {
  const header = (thrown as SdkError | undefined)?.$response?.headers?.['retry-after']
  if (!header) return undefined
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

/** What the log says of a failure. The service's own words are for operators only. */
export function detailOf(thrown: unknown): object {
  const error = thrown as SdkError & NodeJS.ErrnoException
  const requestId = error?.$metadata?.requestId
  const status = thrown instanceof Error ? statusOf(thrown) : undefined
  return {
    error: error?.name,
    ...(error?.code && { errorCode: error.code }),
    ...(status !== undefined && { status }),
    ...(requestId && { requestId }),
    detail: messageOf(thrown).slice(0, 500),
  }
}
