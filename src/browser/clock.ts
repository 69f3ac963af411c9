import type { Clock } from '../runtime/environment.js'

/** The clock of a page or worker. */
export function browserClock(): Clock {
  // A message to oneself is a turn of the event loop without the 4 ms that nested timeouts are held back.
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.onmessage = () => waiting.shift()?.()
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    nextTurn: () =>
      new Promise(resolve => {
        waiting.push(resolve)
        port2.postMessage(null)
      }),
    schedule: (delayMs, run) => {
      const timer = setTimeout(run, delayMs)
      return () => clearTimeout(timer)
    },
  }
}
