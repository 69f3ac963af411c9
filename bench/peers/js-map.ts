import type { KeyedRows } from '../keyed-rows.js'

interface Entry {
  n: number
  sum: number
  min: number
  max: number
}

/** What one writes in JavaScript: a Map from key to an object, walked and cleared when the window ends. */
export function mapOfObjects({ keys, timestamps, values }: KeyedRows, windowMs: number): number {
  const entries = new Map<number, Entry>()
  let end = windowMs
  let checksum = 0
  const fire = (): void => {
    for (const { n, sum, min, max } of entries.values()) checksum += n + sum + min + max
    entries.clear()
  }
  for (let row = 0; row < keys.length; row++) {
    const timestamp = timestamps[row] as number
    if (timestamp >= end) {
      fire()
      end = (Math.floor(timestamp / windowMs) + 1) * windowMs
    }
    const key = keys[row] as number
    const value = values[row] as number
    const entry = entries.get(key)
    if (entry === undefined) {
      entries.set(key, { n: 1, sum: value, min: value, max: value })
    } else {
      entry.n += 1
      entry.sum += value
      if (value < entry.min) entry.min = value
      if (value > entry.max) entry.max = value
    }
  }
  fire()
  return checksum
}
