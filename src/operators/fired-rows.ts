import { Batch } from '../core/batch.js'
import { TimestampColumn } from '../core/columns-fixed.js'
import { writeWords } from '../core/int64.js'
import type { Schema } from '../core/schema.js'
import { outputTimestamp } from '../core/window-geometry.js'
import type { FiredWindows } from '../kernel/aggregated-columns.js'
import type { KeyCoder } from './key-coder.js'
import type { WindowColumns } from './window-columns.js'

/** Between the windows or sessions of a kernel and the rows of batches. */
export interface AggregationColumns {
  readonly resultSchema: Schema
  readonly coder: KeyCoder
  readonly columns: WindowColumns
}

/** What has fired, as rows (rule 5 of time); `watermarks` are those in force before each. */
export function firedRows(
  { resultSchema, coder, columns }: AggregationColumns,
  fired: FiredWindows,
  watermarks: Float64Array,
): Batch {
  const { count, idsPointer } = fired
  const timestamps = fired.ends.slice()
  for (let row = 0; row < count; row++) timestamps[row] = outputTimestamp(timestamps[row] ?? 0)
  const bounds = [timestampColumn(fired.starts), timestampColumn(fired.ends)]
  const aggregates = columns.results(fired)
  // Reading keys may grow the kernel's memory, which detaches what it fired: so it comes last.
  const keys = coder.read(idsPointer, count)
  return new Batch({
    schema: resultSchema,
    columns: [...keys, ...bounds, ...aggregates],
    rowCount: count,
    timestamps,
    watermarks,
  })
}

function timestampColumn(times: Float64Array): TimestampColumn {
  const column = new TimestampColumn(new BigInt64Array(times.length))
  const { words } = column
  for (let row = 0; row < times.length; row++) writeWords(words, row, times[row] ?? 0)
  return column
}
