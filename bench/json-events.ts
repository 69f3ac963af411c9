/* Records of the JSON benchmarks: about 120 bytes, 6 fields. */
import { schema } from '../src/core/index.js'

/** Records that are made, and how often a run goes through them: what has just arrived is in the cache. */
const DISTINCT_EVENTS = 50_000
export const TIMES = 8
export const RECORDS = DISTINCT_EVENTS * TIMES
const CHUNK_BYTES = 65_536

export const EVENT_FIELDS = {
  time: 'timestamp',
  user: 'utf8',
  page: 'utf8',
  country: 'utf8',
  amount: 'f64',
  status: 'i32',
} as const
export const EVENT = schema(EVENT_FIELDS)

/** A sequence of whole numbers below 2^31 (Lehmer, MINSTD), the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state
  }
}

const COUNTRIES = ['DE', 'FR', 'US', 'BR', 'IN', 'JP', 'KE', 'AU']

/** Values of one record as JSON texts, by key. */
function event(next: () => number, index: number): [string, string][] {
  return [
    ['time', String(1_700_000_000_000 + index * 7)],
    ['user', `"user-${String(next() % 10_000).padStart(5, '0')}"`],
    ['page', `"/products/${next() % 1000}/view"`],
    ['country', `"${COUNTRIES[next() % COUNTRIES.length]}"`],
    ['amount', ((next() % 100_000) / 100).toFixed(2)],
    ['status', String(200 + (next() % 300))],
  ]
}

export function lines(
  order: (fields: [string, string][], next: () => number) => void,
  count = DISTINCT_EVENTS,
): Uint8Array<ArrayBuffer> {
  const next = numbers(42)
  let text = ''
  for (let index = 0; index < count; index++) {
    const fields = event(next, index)
    order(fields, next)
    text += `{${fields.map(([key, value]) => `"${key}":${value}`).join(',')}}\n`
  }
  return new TextEncoder().encode(text)
}

export function shuffle(fields: [string, string][], next: () => number): void {
  for (let left = fields.length; left > 1; left--) {
    const picked = next() % left
    const [last, other] = [fields[left - 1], fields[picked]]
    if (last && other) {
      fields[left - 1] = other
      fields[picked] = last
    }
  }
}

/** The records, TIMES times. */
export function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let time = 0; time < TIMES; time++) {
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.subarray(from, from + CHUNK_BYTES)
  }
}

/** A record as JSON.parse gives it. */
export interface JsonEvent {
  readonly time: number
  readonly user: string
  readonly page: string
  readonly country: string
  readonly amount: number
  readonly status: number
}

/** The records of chunks, one after the other: text, lines, JSON.parse. */
export function parsedRecords(bytes: Iterable<Uint8Array>, take: (record: JsonEvent) => void): void {
  const decoder = new TextDecoder()
  let rest = ''
  for (const chunk of bytes) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) take(JSON.parse(line) as JsonEvent)
  }
  if (rest !== '') take(JSON.parse(rest) as JsonEvent)
}
