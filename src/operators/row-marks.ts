import { type Batch, type DeferredTimes, gatherKinds, gatherNumbers, type WatermarkMovers } from '../core/batch.js'

/** What rows carry besides their fields: event times, the watermarks in force before them, kinds, their split. */
export interface RowMarks {
  readonly timestamps?: Float64Array | undefined
  readonly watermarks?: Float64Array | undefined
  readonly times?: DeferredTimes | undefined
  readonly kinds: Uint8Array | undefined
  readonly split: number | undefined
  readonly movers: WatermarkMovers | undefined
}

/** The marks of the selected rows, without a selection. */
export function selectedMarks(batch: Batch): RowMarks {
  const { times, kinds, split, movers, selection } = batch
  if (selection !== undefined) return marksAt(batch, selection)
  if (times !== undefined) return { times, kinds, split, movers }
  return { timestamps: batch.timestamps, watermarks: batch.watermarks, kinds, split, movers }
}

/** The marks of the given physical rows, in their order; a row may come more than once. */
export function marksAt({ timestamps, watermarks, kinds, split, movers }: Batch, rows: Uint32Array): RowMarks {
  return {
    timestamps: timestamps && gatherNumbers(timestamps, rows),
    watermarks: watermarks && gatherNumbers(watermarks, rows),
    kinds: kinds && gatherKinds(kinds, rows),
    split,
    movers,
  }
}
