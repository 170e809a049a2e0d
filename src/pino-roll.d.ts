/** The package has no types of its own. Only what log.ts uses. */
declare module 'pino-roll' {
  import type { SonicBoom, SonicBoomOpts } from 'sonic-boom'

  export interface RollOptions extends Omit<SonicBoomOpts, 'dest' | 'fd'> {
    file: string
    /** `20m`: begin a new file at 20 MB. */
    size?: string
    limit?: { count: number; removeOtherLogFiles?: boolean }
  }
  export default function roll(options: RollOptions): Promise<SonicBoom>
}
