import type { Sink } from '../operators/sink.js'
import { rowPosition } from './row-position.js'

export interface CollectSink<Row> extends Sink<Row> {
  /** What was written so far, in order. */
  readonly rows: Row[]
  /** Rows that were written before the checkpoint which the job resumed from, in a process that is gone. */
  readonly missingRows: number
}

/**
 * Collects rows as plain objects. Within one process a job that resumes leaves the same rows as an undisturbed one:
 * what is behind its checkpoint is cut. A fresh start begins with no rows.
 */
export function collect<Row = unknown>(): CollectSink<Row> {
  const rows: Row[] = []
  let missingRows = 0
  return {
    kind: 'collect',
    description: 'rows in memory',
    guarantee: 'at-least-once',
    rows,
    get missingRows() {
      return missingRows
    },
    open: async ({ state }) => {
      const written = rowPosition(state, 'collect')
      // Rows here stand for those behind `missingRows`, which an earlier resumption may have counted.
      if (state === undefined || written < missingRows) {
        rows.length = 0
        missingRows = written
      } else {
        rows.length = Math.min(rows.length, written - missingRows)
        missingRows = written - rows.length
      }
      return {
        write: batch => {
          batch.forEachRow(row => rows.push(batch.row(row) as Row))
        },
        prepare: async () => missingRows + rows.length,
        commit: async () => {},
        finish: async () => {},
        close: async () => {},
      }
    },
  }
}
