import { readFileSync } from 'node:fs'

/** What the environment says of AWS. Of secrets only their presence matters here. */
export interface CredentialHints {
  bearerToken?: unknown
  accessKeyId?: string
  secretAccessKey?: unknown
  profile?: string
  /** Paths of the shared files, `~/.aws/credentials` and `~/.aws/config` by default. */
  credentialsFile: string
  configFile: string
  roleArn?: string
  webIdentityTokenFile?: string
  /** URL or path of the container platform's credentials. */
  containerCredentials?: string
  /** Whether the SDK may ask the instance's metadata service. */
  instanceMetadata: boolean
}

export type CredentialSource =
  | 'bearer token'
  | 'access key'
  | 'shared files'
  | 'web identity'
  | 'container role'
  | 'instance role'

/**
 * Where the SDK may find credentials, or `null` where it cannot: told without any network call, because asking the
 * metadata service of a machine that has none takes seconds. `vendorFile` is where Linux names the machine's maker.
 */
export function findCredentials(
  aws: CredentialHints,
  vendorFile = '/sys/devices/virtual/dmi/id/sys_vendor',
): CredentialSource | null {
  if (aws.bearerToken) return 'bearer token'
  if (aws.accessKeyId && aws.secretAccessKey) return 'access key'
  if (saysHow(textOf(aws.credentialsFile)) || saysHow(textOf(aws.configFile))) return 'shared files'
  if (aws.webIdentityTokenFile && aws.roleArn) return 'web identity'
  if (aws.containerCredentials) return 'container role'
  if (aws.instanceMetadata && textOf(vendorFile).startsWith('Amazon EC2')) return 'instance role'
  return null
}

/** A configuration file often names a region and nothing else: only these lines lead to credentials. */
function saysHow(ini: string): boolean {
  return /^\s*(aws_access_key_id|credential_process|credential_source|source_profile|role_arn|web_identity_token_file|sso_session|sso_start_url|login_session)\s*=\s*\S/m.test(
    ini,
  )
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
