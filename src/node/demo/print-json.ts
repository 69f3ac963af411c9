import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { HourlyResult } from './hourly-result.js'
import type { Totals } from './panel.js'

/** Results that are put into one piece of text. */
const RESULTS_AT_ONCE = 2000

/** `{rows, onTime, late, windows, results}` as one line, written in pieces as fast as the reader takes them. */
export async function printJson(stream: Writable, totals: Totals, results: readonly HourlyResult[]): Promise<void> {
  const { rows, onTime, late, windows } = totals
  const head = JSON.stringify({ rows, onTime, late, windows })
  await write(stream, `${head.slice(0, -1)},"results":[`)
  for (let from = 0; from < results.length; from += RESULTS_AT_ONCE) {
    const piece = JSON.stringify(results.slice(from, from + RESULTS_AT_ONCE)).slice(1, -1)
    await write(stream, from === 0 ? piece : `,${piece}`)
  }
  await write(stream, ']}\n')
}

async function write(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain')
}
