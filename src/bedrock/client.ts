import type { Readable } from 'node:stream'
import {
  BedrockRuntimeClient,
  ConverseStreamCommand,
  type ConverseStreamCommandInput,
} from '@aws-sdk/client-bedrock-runtime'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/** One request to Bedrock, up to its first byte. Signing, credentials and error documents are the SDK's. */
export interface BedrockClient {
  /** Resolves with the raw event stream when the response's headers came; rejects with the SDK's errors. */
  send(input: ConverseStreamCommandInput, signal: AbortSignal): Promise<Readable>
  close(): void
}

/** The SDK's 50 would make the 51st person wait for another's answer to end. */
const maxSockets = 1024

export function createClient(options: { region?: string | undefined; endpoint?: string | undefined }): BedrockClient {
  const client = new BedrockRuntimeClient({
    ...(options.region && { region: options.region }),
    ...(options.endpoint && { endpoint: options.endpoint }),
    // Retries are ours: the SDK's share one budget among all callers and know nothing of other models.
    maxAttempts: 1,
    retryMode: 'standard',
    // HTTP/1.1: over the default HTTP/2 a cut connection is a normal end of the stream, and each call is a new session.
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 3_000,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    }),
    eventStreamSerdeProvider: () => ({ deserialize: bodyAsItIs, serialize: noInput }),
  })
  lighten(client)
  return {
    async send(input, signal) {
      const { stream } = await client.send(new ConverseStreamCommand(input), { abortSignal: signal })
      const first = await (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
      return first.value as Readable
    },
    close: () => client.destroy(),
  }
}

/**
 * Instead of decoding events, hands the body out as the only "event". So nothing of the SDK runs per delta, its wrappers
 * (which drop `return()` and so leak the socket of everyone who stops reading) hold nothing, and the stream is ours to end.
 */
async function* bodyAsItIs<T>(body: Readable): AsyncGenerator<T> {
  yield body as T
}

function noInput(): never {
  throw new Error('Converse takes no event stream')
}

/** Half of what a request costs in the SDK goes into what nobody here needs: measured, 1.6 ms down to 1.1. */
function lighten(client: BedrockRuntimeClient): void {
  for (const name of ['loggerMiddleware', 'recursionDetectionMiddleware', 'getUserAgentMiddleware'])
    client.middlewareStack.remove(name)
  client.middlewareStack.add(
    (next) => (args) => {
      ;(args.request as { headers: Record<string, string> }).headers['user-agent'] = 'team-chat-bot'
      return next(args)
    },
    { step: 'build', name: 'staticUserAgent' },
  )
  // Looks its decoder up in node_modules with each response. Where the SDK goes another way, `bodyAsItIs` is asked still.
  Object.assign(client.config.protocol, {
    deserializeEventStream: async ({ response }: { response: { body: Readable } }) => bodyAsItIs(response.body),
  })
}
