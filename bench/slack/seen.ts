/** What Slack's stand-in saw of the answers in one thread: counts of all, moments (of the clock in clock.ts) of the last. */
export interface SeenAnswer {
  /** `channel:thread` */
  thread: string
  /** How often each was called for it. */
  starts: number
  appends: number
  stops: number
  posts: number
  /** The model's pieces that its messages hold. */
  pieces: number
  /** When its first text was here. */
  startedAt?: number
  /** From the question leaving its sender until the model had the request, in milliseconds. */
  took?: number
  /** When the first and the last piece left the model. */
  firstSent?: number
  lastSent?: number
  /** When its last message was ended or posted. */
  endedAt?: number
}
