import type { Output } from '../operator.js'

/** The same output, but for its watermarks, which lie `delayMs` back. */
export function delayedOutput(output: Output, delayMs: number): Output {
  if (delayMs === 0) return output
  return {
    batch: batch => output.batch(batch),
    side: (name, batch) => output.side(name, batch),
    watermark: timestamp => output.watermark(timestamp - delayMs),
    idle: () => output.idle(),
    active: () => output.active(),
  }
}
