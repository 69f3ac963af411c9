import { from, groupBy, lastValueFrom, map, mergeMap, reduce } from 'rxjs'
import type { KeyedRows } from '../keyed-rows.js'

export interface RowObject {
  readonly key: number
  readonly ts: number
  readonly value: number
}

/** The first rows as objects: what RxJS works on. */
export function rowObjects({ keys, timestamps, values }: KeyedRows, count: number): RowObject[] {
  return Array.from(keys.subarray(0, count), (key, row) => ({
    key,
    ts: timestamps[row] ?? 0,
    value: values[row] ?? 0,
  }))
}

/** Sums by tumbling window and key; the number of results. Without watermarks and checkpoints: windows end with the input. */
export function rxjsSums(rows: readonly RowObject[], windowMs: number): Promise<number> {
  const sums = from(rows).pipe(
    groupBy(({ ts }) => Math.floor(ts / windowMs)),
    mergeMap(rowsOfWindow =>
      rowsOfWindow.pipe(
        groupBy(({ key }) => key),
        mergeMap(rowsOfKey =>
          rowsOfKey.pipe(
            reduce((total, { value }) => total + value, 0),
            map(total => ({ key: rowsOfKey.key, windowStart: rowsOfWindow.key * windowMs, total })),
          ),
        ),
      ),
    ),
  )
  return lastValueFrom(sums.pipe(reduce(count => count + 1, 0)))
}
