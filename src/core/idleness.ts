import { describeValue, SabotError } from './errors.js'

/**
 * Tells when an input has been without records for longer than a timeout. Time comes from the caller.
 *
 * Law: an input is idle only after a check that came when nothing had been seen for more than `timeoutMs`, counted from
 * the first check after the last activity; so time during which nobody checked does not make it idle.
 */
export class IdlenessTimer {
  readonly timeoutMs: number
  private activities = 0
  private seenActivities = 0
  private quietSince: number | undefined
  private idle = false

  /** @throws SabotError INVALID_DURATION unless the timeout is a finite number above 0 */
  constructor(timeoutMs: number) {
    if (!(timeoutMs > 0 && timeoutMs < Number.POSITIVE_INFINITY)) {
      throw new SabotError(
        'INVALID_DURATION',
        `The idleness timeout must be above 0 ms, not ${describeValue(timeoutMs)}; leave it out to turn idleness off`,
        { timeoutMs },
      )
    }
    this.timeoutMs = timeoutMs
  }

  /** A record came. */
  activity(): void {
    this.activities++
  }

  /** Whether the input is idle at `nowMs`, by a clock that does not go back. */
  check(nowMs: number): boolean {
    if (this.activities !== this.seenActivities) {
      this.seenActivities = this.activities
      this.quietSince = undefined
      this.idle = false
    } else if (this.quietSince === undefined) {
      this.quietSince = nowMs
    } else if (nowMs - this.quietSince > this.timeoutMs) {
      this.idle = true
    }
    return this.idle
  }
}
