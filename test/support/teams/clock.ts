/** One clock for all stand-ins: what is rate-limited, runs out and is sent again goes by it. */
export { type Clock, type FakeClock, fakeClock, systemClock } from '../slack/clock.ts'
