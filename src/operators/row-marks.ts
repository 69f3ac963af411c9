import { type Batch, gatherKinds, gatherNumbers } from '../core/batch.js'

/** What rows carry besides their fields: event times, the watermarks in force before them, kinds, their split. */
export interface RowMarks {
  readonly timestamps: Float64Array | undefined
  readonly watermarks: Float64Array | undefined
  readonly kinds: Uint8Array | undefined
  readonly split: number | undefined
}

/** The marks of the selected rows, without a selection. */
export function selectedMarks(batch: Batch): RowMarks {
  const { timestamps, watermarks, kinds, split, selection } = batch
  if (selection === undefined) return { timestamps, watermarks, kinds, split }
  return marksAt(batch, selection)
}

/** The marks of the given physical rows, in their order; a row may come more than once. */
export function marksAt({ timestamps, watermarks, kinds, split }: Batch, rows: Uint32Array): RowMarks {
  return {
    timestamps: timestamps && gatherNumbers(timestamps, rows),
    watermarks: watermarks && gatherNumbers(watermarks, rows),
    kinds: kinds && gatherKinds(kinds, rows),
    split,
  }
}
