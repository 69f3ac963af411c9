/*
 * A CSV decoder: a JSON decoder's input, columns and side lists, and what only CSV needs. Node 0 stands for the record,
 * the others are the columns of the schema; `columns` says which of them, if any, each field of a record goes to.
 *
 * Behind the input stand a line feed, a quote and a line feed: a search for the end of a field, quoted or not, ends
 * there at the latest. What ends at or behind `limit` is not complete: the end of the input so far, or the CR there, as
 * the LF that belongs to it may follow; behind the last input its end is a line's end.
 */
import { Decoder } from '../json/layout'

/** Not a reason to reject a record: more input may complete it. */
export const FAULT_INCOMPLETE: u32 = 0xfff

/** Bytes behind the input that the decoder writes. */
export const SENTINEL_BYTES: u32 = 3

@unmanaged
export class CsvDecoder extends Decoder {
  // dialect
  delimiter: u32
  quote: u32
  escape: u32
  comment: u32
  trim: u32
  nullCount: u32
  /** u32 lengths of the null texts; their bytes follow. */
  nulls: usize
  longestNull: u32
  /** No null text looks like a number, so that a number need not be compared with them. */
  plainNumbers: u32

  /** u32 pointers to nodes, 0 for a field that is skipped. */
  columns: usize
  /** Fields of a record; 0 while the header is not read. */
  width: u32

  limit: usize
  /** The record at `start` is incomplete; the search for its end goes on at `scanned` (scan.ts). */
  pending: u32
  scanState: u32
  /** The record at hand has quotes, so that it may stand on several lines. */
  quoted: u32
  /** Lines in the bytes that `dropped` counts. */
  droppedLines: u64
  /** The record at `start` is longer than allowed, and will be rejected, or it is a comment. */
  oversize: u32
  /** Bytes that were read in vain for quotes that do not close (decode.ts). */
  recoveredBytes: u64
}
