/* Files that are made of blocks of rows: what their readers have in common. */
import type { Batch } from '../core/batch.js'
import type { Schema } from '../core/schema.js'

export interface RowBlocks {
  /** With the fields that are not wanted, too. */
  readonly schema: Schema
  /** Where the next block is, in the file's own terms; ascending. */
  readonly at: number
  /** Goes on at a place that `at` told. False: there is no block any more, or the file ends before. */
  seek(at: number): Promise<boolean>
  /** The next block; undefined at the end of the file. */
  next(): Promise<RowBlock | undefined>
}

export interface RowBlock {
  readonly rowCount: number
  /** The next rows, at most so many; undefined when all were given out. */
  read(rows: number): Batch | undefined
  /** Passes over rows; there must be as many. */
  skip(rows: number): void
}
