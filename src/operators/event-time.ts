import { type Batch, gatherNumbers } from '../core/batch.js'

/** The event times of the selected rows, and the watermarks in force before them, without a selection. */
export function selectedTimes(batch: Batch): {
  timestamps: Float64Array | undefined
  watermarks: Float64Array | undefined
} {
  const { timestamps, watermarks, selection } = batch
  if (selection === undefined) return { timestamps, watermarks }
  return {
    timestamps: timestamps && gatherNumbers(timestamps, selection),
    watermarks: watermarks && gatherNumbers(watermarks, selection),
  }
}
