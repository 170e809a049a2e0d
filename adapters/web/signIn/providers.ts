interface Common {
  /** For people, after "Sign in with". */
  name: string
  /** As its tokens name it (`iss`). */
  issuer: string
  clientId: string
  clientSecret: string
}

/** Slack's "Sign in with Slack": who comes is the member of a workspace. */
export interface SlackProvider extends Common {
  id: 'slack'
  /** Workspaces (`T…`) and organisations (`E…`) whose people may come. Empty: all. */
  teams: readonly string[]
}

/** One tenant of Microsoft Entra ID. */
export interface MicrosoftProvider extends Common {
  id: 'microsoft'
  tenant: string
  allowGuests: boolean
}

/** Any other provider of OpenID Connect. */
export interface OtherProvider extends Common {
  id: 'oidc'
  /** Domains (lower case) of verified e-mail addresses that may come. Empty: all whom the provider signs in. */
  domains: readonly string[]
}

/** Whoever signs people in for us, by OpenID Connect. */
export type Provider = SlackProvider | MicrosoftProvider | OtherProvider

/** All the web page needs to know for it. */
export interface SignInConfig {
  /** Where people open the page, with the base path: providers send them back to an address under it. */
  publicUrl: string
  providers: readonly Provider[]
  /** How long a provider may take for one answer, in seconds. */
  patienceSeconds?: number
}
