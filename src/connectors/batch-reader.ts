import type { Batch } from '../core/batch.js'
import type { SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { assertWithin, rowPosition } from './row-position.js'

/** Reads batches that are in memory, cut to the wanted size without copying. Its position is the row. */
export class BatchReader implements SourceReader {
  readonly rowCount: number
  private readonly batches: readonly Batch[]
  private readonly batchRows: number
  /** The batch at hand, the next of its rows, and the rows of all batches before it. */
  private batchIndex = 0
  private row: number
  private rowsBefore = 0

  constructor(batches: readonly Batch[], { position, batchRows }: SourceContext, source: string) {
    this.batches = batches
    this.batchRows = batchRows
    this.rowCount = batches.reduce((sum, batch) => sum + batch.length, 0)
    this.row = rowPosition(position, source)
    assertWithin(this.row, this.rowCount, source)
  }

  async read(): Promise<SourceBatch | undefined> {
    for (let batch = this.batches[this.batchIndex]; batch !== undefined; batch = this.batches[this.batchIndex]) {
      if (this.row < batch.length) {
        const end = Math.min(this.row + this.batchRows, batch.length)
        const slice = this.row === 0 && end === batch.length ? batch : batch.slice(this.row, end)
        this.row = end
        return { batch: slice, position: this.rowsBefore + end }
      }
      this.row -= batch.length
      this.rowsBefore += batch.length
      this.batchIndex += 1
    }
    return undefined
  }

  async close(): Promise<void> {}
}
