/* How the files of a source, and the row groups in them, are dealt to splits that are read side by side. */
import { describeValue } from '../core/errors.js'
import { encodeUtf8 } from '../core/utf8.js'

export interface FileSplitOptions {
  /**
   * Reads as so many splits side by side, each with a position and a watermark of its own: parallel subtasks share them.
   * Files are dealt to them, of a list by turns, of a directory or pattern by a hash of their names; of Parquet files the
   * row groups, by turns. The fields are to be declared, of Parquet not. State depends on the number. Default: files are read one after the other.
   */
  readonly splits?: number
}

/** One of the splits. */
export interface FileShare {
  readonly index: number
  readonly count: number
}

const MAX_SPLITS = 1024

/** @throws TypeError for a number of splits that is none */
export function checkSplits(splits: number): void {
  if (Number.isInteger(splits) && splits >= 1 && splits <= MAX_SPLITS) return
  throw new TypeError(`splits is a whole number from 1 to ${MAX_SPLITS}, not ${describeValue(splits)}`)
}

/** Whether what has this number is of the share. */
export function isOf({ index, count }: FileShare, number: number): boolean {
  return number % count === index
}

/** A number of a name alone, so that files that come to a directory leave the others where they are: FNV-1a, 32 bits. */
export function slotOf(name: string): number {
  let hash = 0x811c9dc5
  for (const byte of encodeUtf8(name)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
