import { describe, expect, it } from 'vitest'
import { KeyChurn } from '../../bench/key-churn.js'
import { builds } from './builds.js'

const [simd] = builds

describe('windows over keys that come and go', () => {
  it('take no more memory after 6 million rows than after 2 million', () => {
    if (simd === undefined) throw new Error('there is no build')
    const churn = new KeyChurn(simd.create())
    /** The most bytes in use, looked at once a second of event time: at the same point of a window each time. */
    const peakInUse = (rows: number): number => {
      let peak = 0
      for (let done = 0; done < rows; done += KeyChurn.rowsPerSecond) {
        churn.run(KeyChurn.rowsPerSecond)
        peak = Math.max(peak, churn.bytesInUse)
      }
      return peak
    }
    const early = peakInUse(2_000_000)
    const memory = churn.memoryBytes
    expect(peakInUse(4_000_000)).toBeLessThanOrEqual(early)
    expect(churn.memoryBytes).toBe(memory)
    // Keys did come and go, and those that went are gone.
    expect(churn.keysSeen).toBeGreaterThan(8 * churn.liveKeys)
  })
})
