/* The demo's results, from the files that the job writes. */
import { readFile } from 'node:fs/promises'

/** One line of the result file: an airport in an hour. Delays are in minutes, times in ISO 8601. */
export interface HourlyResult {
  readonly origin: string
  readonly windowStart: string
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
  readonly delayedShare: number
}

/** A line of the file, with the fields of HourlyResult alone. */
export function parseResult(line: string): HourlyResult {
  const { origin, windowStart, flights, meanDelay, worstDelay, delayedShare } = JSON.parse(line) as HourlyResult
  return { origin, windowStart, flights, meanDelay, worstDelay, delayedShare }
}

/** All results, by hour and then by airport. */
export async function readResults(path: string): Promise<HourlyResult[]> {
  const results: HourlyResult[] = []
  forEachLine(await readFile(path), line => results.push(parseResult(line)))
  return results.sort((a, b) => compare(a.windowStart, b.windowStart) || compare(a.origin, b.origin))
}

export async function countLines(path: string): Promise<number> {
  let lines = 0
  const bytes = await readFile(path)
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines += 1
  return lines
}

function forEachLine(bytes: Buffer, take: (line: string) => void): void {
  let from = 0
  for (let to = bytes.indexOf(10); to >= 0; to = bytes.indexOf(10, from)) {
    take(bytes.toString('utf8', from, to))
    from = to + 1
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
