import { setImmediate } from 'node:timers'
import type { Clock } from '../runtime/environment.js'

/** The longest delay that setTimeout takes; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Time of this machine, and timers of this process. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  nextTurn: () => new Promise(resolve => setImmediate(resolve)),
  schedule(delayMs, run) {
    let timer: NodeJS.Timeout
    const wait = (leftMs: number): void => {
      timer = setTimeout(
        () => (leftMs > MAX_DELAY_MS ? wait(leftMs - MAX_DELAY_MS) : run()),
        Math.min(leftMs, MAX_DELAY_MS),
      )
    }
    wait(delayMs)
    return () => clearTimeout(timer)
  },
}
