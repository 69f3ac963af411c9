/* The newest hour of the results, while they are being written. */
import { type HourlyResult, parseResult } from './hourly-result.js'

/**
 * Follows the result file's bytes. Only what was written last is kept as bytes, and lines are parsed when somebody
 * looks: the demo's display costs next to nothing however fast results come.
 */
export class LatestHour {
  private recent: Uint8Array[] = []
  private recentBytes = 0
  private readonly keptBytes: number

  /** `keptBytes` must hold an hour's results. */
  constructor(keptBytes = 128 * 1024) {
    this.keptBytes = keptBytes
  }

  append(bytes: Uint8Array): void {
    this.recent.push(bytes.slice(Math.max(0, bytes.length - this.keptBytes)))
    this.recentBytes += bytes.length
    let first = this.recent[0]
    while (first !== undefined && this.recent.length > 1 && this.recentBytes - first.length >= this.keptBytes) {
      this.recentBytes -= first.length
      this.recent.shift()
      first = this.recent[0]
    }
  }

  /** The results of the last hour that was written, in no order; empty where there are none yet. */
  results(): HourlyResult[] {
    // The first line may have lost its beginning.
    const lines = Buffer.concat(this.recent).toString('utf8').split('\n')
    const whole = lines.slice(this.recentBytes > this.keptBytes ? 1 : 0).filter(line => line.endsWith('}'))
    const latest: HourlyResult[] = []
    for (const line of whole.reverse()) {
      const result = parseResult(line)
      if (latest[0] !== undefined && result.windowStart !== latest[0].windowStart) break
      latest.push(result)
    }
    return latest
  }
}
