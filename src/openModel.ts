import { createBedrock, findCredentials } from './bedrock.ts'
import { credentialVariables } from './config/features.ts'
import type { Config } from './config.ts'
import { createDemo, createMissing } from './demo.ts'
import type { Log, Metrics, Model } from './types.ts'

/**
 * The model that answers: Bedrock where credentials can be there, else the demo model, and never that in production.
 * Asks nobody over the network.
 */
export function openModel(config: Config, log: Log, metrics: Metrics): Model {
  const { aws, bedrock, production } = config
  const source = findCredentials(aws)
  if (source) {
    log.info({ model: bedrock.modelId, credentials: source }, 'answers come from Bedrock')
    const { temperature, topP } = bedrock
    return createBedrock({
      ...(aws.region && { region: aws.region }),
      ...(aws.endpoint && { endpoint: aws.endpoint }),
      modelId: bedrock.modelId,
      fallbackIds: bedrock.fallbackModelIds,
      titleModelId: bedrock.titleModelId,
      ...(bedrock.guardrail && { guardrail: bedrock.guardrail }),
      ...((temperature !== undefined || topP !== undefined) && {
        sampling: { ...(temperature !== undefined && { temperature }), ...(topP !== undefined && { topP }) },
      }),
      maxTokens: bedrock.maxTokens,
      overrides: bedrock.models,
      firstTokenMs: bedrock.firstTokenMs,
      idleMs: bedrock.idleMs,
      log,
      metrics,
    })
  }
  if (!production) return createDemo({ log })
  log.error({}, `no AWS credentials found, so no question can be answered: set ${credentialVariables}`)
  return createMissing('no AWS credentials found')
}
