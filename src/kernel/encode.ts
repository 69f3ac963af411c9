/* Rows of columns to bytes of NDJSON or CSV, in the kernel. What the texts around the values are is for src/formats. */
import {
  ENCODE_COLUMN_PREFIX,
  ENCODE_COLUMN_PREFIX_LENGTH,
  ENCODE_COLUMN_RECORD_BYTES,
  ENCODE_TASK_BYTES,
  ENCODE_TASK_CAPACITY,
  ENCODE_TASK_COLUMN_COUNT,
  ENCODE_TASK_COLUMNS,
  ENCODE_TASK_DIALECT,
  ENCODE_TASK_END,
  ENCODE_TASK_END_LENGTH,
  ENCODE_TASK_FROM,
  ENCODE_TASK_NULL,
  ENCODE_TASK_NULL_LENGTH,
  ENCODE_TASK_OUTPUT,
  ENCODE_TASK_SELECTION,
  ENCODE_TASK_TIME_QUOTE,
  ENCODE_TASK_TO,
  RESULT_DETAIL,
  RESULT_SIZE,
} from '../../assembly/abi.js'
import type { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import type { Utf8Column } from '../core/columns-text.js'
import { type CsvDialectBytes, encodeDialect } from './csv-plan.js'
import { EncodedColumn } from './encode-columns.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** How rows are written. A row is each column's prefix and value, then the end. */
export interface RowFormat {
  readonly prefixes: readonly Uint8Array[]
  readonly end: Uint8Array
  readonly nullText: Uint8Array
  /** The character code around timestamps, 0 for none. */
  readonly timeQuote: number
}

/** The texts of a column that the kernel cannot write, by physical row; those that are not selected are not looked at. */
export type TextsOf = (column: Column, index: number) => Utf8Column

const OUTPUT_BYTES = 1 << 18

export class RowEncoder {
  private readonly kernel: Kernel
  private readonly isCsv: boolean
  private readonly dialect: number
  private readonly dialectRegion: Region
  private readonly columns: EncodedColumn[] = []
  private readonly fixed: Region
  private readonly head: Region
  private readonly selection: Region
  private readonly output: Region
  private capacity = OUTPUT_BYTES
  private format: RowFormat | undefined
  private fixedTexts: { prefixes: number[]; end: number; nullText: number } = { prefixes: [], end: 0, nullText: 0 }
  private destroyed = false

  /** Of CSV in a dialect, or of JSON without one. @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel, dialect?: CsvDialectBytes) {
    this.kernel = kernel
    this.isCsv = dialect !== undefined
    this.dialectRegion = new Region(kernel)
    this.dialect = dialect === undefined ? 0 : this.dialectRegion.write(encodeDialect(dialect))
    this.fixed = new Region(kernel)
    this.head = new Region(kernel)
    this.selection = new Region(kernel)
    this.output = new Region(kernel)
  }

  /**
   * The selected rows of a batch. `textsOf` gives the texts of columns that the kernel cannot write: lists, structs,
   * JavaScript values, strings that are not UTF-8. @throws SabotError MEMORY_LIMIT, TIMESTAMP_INVALID
   */
  encode(batch: Batch, format: RowFormat, textsOf: TextsOf): Uint8Array<ArrayBuffer> {
    if (this.destroyed) throw new TypeError('This encoder is destroyed')
    if (batch.length === 0) return new Uint8Array()
    this.setFormat(format)
    const task = this.writeTask(batch, format, textsOf)
    const parts: Uint8Array<ArrayBuffer>[] = []
    for (let from = 0; from < batch.length; ) {
      const output = this.output.reserve(this.capacity)
      this.head.write(task)
      const words = this.kernel.u32
      words[(this.head.pointer + ENCODE_TASK_FROM) >>> 2] = from
      words[(this.head.pointer + ENCODE_TASK_OUTPUT) >>> 2] = output
      words[(this.head.pointer + ENCODE_TASK_CAPACITY) >>> 2] = this.capacity
      const rows = this.kernel.check(this.kernel.exports.encodeRows(this.head.pointer), 'encoding rows')
      if (rows === 0) this.capacity = Math.max(this.capacity * 2, this.kernel.resultWord(RESULT_DETAIL))
      else parts.push(this.kernel.u8.slice(output, output + this.kernel.resultWord(RESULT_SIZE)))
      from += rows
    }
    return concatenate(parts)
  }

  /** Frees what the encoder holds in the kernel. */
  destroy(): void {
    this.destroyed = true
    for (const column of this.columns) column.release()
    for (const region of [this.dialectRegion, this.fixed, this.head, this.selection, this.output]) region.release()
  }

  /** Copies in the texts that are the same in every row; `format` is taken to be immutable. */
  private setFormat(format: RowFormat): void {
    if (this.format === format) return
    const bytes = concatenate([...format.prefixes, format.end, format.nullText])
    let at = this.fixed.write(bytes)
    const place = (text: Uint8Array): number => {
      at += text.length
      return at - text.length
    }
    const prefixes = format.prefixes.map(place)
    this.fixedTexts = { prefixes, end: place(format.end), nullText: place(format.nullText) }
    this.format = format
  }

  /** The task and, behind it, the records of the columns. */
  private writeTask(batch: Batch, { prefixes, end, nullText, timeQuote }: RowFormat, textsOf: TextsOf): Uint32Array {
    const recordWords = ENCODE_COLUMN_RECORD_BYTES >> 2
    const head = ENCODE_TASK_BYTES >> 2
    const words = new Uint32Array(head + batch.columns.length * recordWords)
    for (const [index, column] of batch.columns.entries()) {
      const record = words.subarray(head + index * recordWords, head + (index + 1) * recordWords)
      const own = this.columns[index] ?? new EncodedColumn(this.kernel, this.dialect)
      this.columns[index] = own
      record[ENCODE_COLUMN_PREFIX >> 2] = this.fixedTexts.prefixes[index] ?? 0
      record[ENCODE_COLUMN_PREFIX_LENGTH >> 2] = prefixes[index]?.length ?? 0
      if (!own.write(column, record)) own.writeTexts(textsOf(column, index), this.isCsv, record)
    }
    const { selection } = batch
    const pointer = this.head.reserve(words.byteLength)
    words[ENCODE_TASK_COLUMNS >> 2] = pointer + ENCODE_TASK_BYTES
    words[ENCODE_TASK_COLUMN_COUNT >> 2] = batch.columns.length
    words[ENCODE_TASK_SELECTION >> 2] = selection === undefined ? 0 : this.selection.write(selection)
    words[ENCODE_TASK_TO >> 2] = batch.length
    words[ENCODE_TASK_NULL >> 2] = this.fixedTexts.nullText
    words[ENCODE_TASK_NULL_LENGTH >> 2] = nullText.length
    words[ENCODE_TASK_END >> 2] = this.fixedTexts.end
    words[ENCODE_TASK_END_LENGTH >> 2] = end.length
    words[ENCODE_TASK_DIALECT >> 2] = this.dialect
    words[ENCODE_TASK_TIME_QUOTE >> 2] = timeQuote
    return words
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [first] = parts
  if (parts.length === 1 && first?.buffer instanceof ArrayBuffer) return first as Uint8Array<ArrayBuffer>
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
