/* Flights like those of the demo, fewer and made from a seed. */
import { writeFileSync } from 'node:fs'
import { parquetWriteBuffer } from 'hyparquet-writer'

export interface Flights {
  /** Scheduled departure, ms. */
  readonly date: Float64Array
  /** Minutes. */
  readonly delay: Int32Array
  readonly origin: readonly string[]
}

const MINUTE_MS = 60_000

/** Small, fast, good enough: mulberry32. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Delays are mostly some minutes, now and then many hours. */
export function makeFlights(count: number, seed: number): Flights {
  const next = random(seed)
  const date = new Float64Array(count)
  const delay = new Int32Array(count)
  const origin: string[] = []
  const start = Date.UTC(2001, 0, 1)
  for (let row = 0; row < count; row++) {
    date[row] = start + Math.floor((row * 60 * 24 * 60) / count) * MINUTE_MS
    delay[row] = Math.floor(-20 + 30 * next() + (next() < 0.02 ? 1500 * next() : 0))
    origin.push(`A${Math.floor(200 * next() * next())}`)
  }
  return { date, delay, origin }
}

export function writeFlights(path: string, { date, delay, origin }: Flights): void {
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'date', data: Array.from(date, ms => new Date(ms)), type: 'TIMESTAMP' },
      { name: 'delay', data: delay, type: 'INT32' },
      { name: 'origin', data: [...origin], type: 'STRING' },
    ],
  })
  writeFileSync(path, new Uint8Array(bytes))
}
