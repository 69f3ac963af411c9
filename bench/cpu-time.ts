import { setTimeout } from 'node:timers/promises'
import type { MeasuredContender, TimedUnit } from './harness.js'

const SWEEP_MS = 30

export interface CpuTimed {
  readonly unit: TimedUnit
  /** Rows that one run goes through; a slow peer may be given fewer than the subject. */
  readonly rows: number
  /** Not measured. */
  readonly prepare?: () => void | Promise<void>
  readonly run: () => void | Promise<void>
}

/**
 * Measured by the CPU time of this process, all threads together (garbage collection and just-in-time compilation
 * too). On a free core that is the time by the clock; on a shared machine it leaves out what others took.
 */
export function cpuTimed({ unit, rows, prepare, run }: CpuTimed): MeasuredContender {
  return {
    measure: async () => {
      await prepare?.()
      // What earlier contenders left behind is not this one's to collect, nor, in other threads, to sweep.
      globalThis.gc?.()
      await setTimeout(SWEEP_MS)
      const before = process.cpuUsage()
      const pending = run()
      if (pending) await pending
      const { user, system } = process.cpuUsage(before)
      return inUnit(unit, user + system, rows)
    },
  }
}

/** `elapsedUs` for `rows` rows, in a unit. */
export function inUnit(unit: TimedUnit, elapsedUs: number, rows: number): number {
  if (unit === 'Mrows/s') return rows / elapsedUs
  return unit === 'ms' ? elapsedUs / 1000 : (elapsedUs * 1000) / rows
}
