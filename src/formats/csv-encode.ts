/*
 * Batches to CSV, in the kernel. What each type becomes: i32, i64 and decimal their digits; f32, f64 as JavaScript writes
 * them, with NaN and Infinity by name; bool true and false; timestamp ISO 8601 text in UTC; utf8 its text; list, struct
 * and object their JSON; null the first of the dialect's null texts.
 *
 * A text is put in quotes where it would be read as something else: with a delimiter, a quote or a line end in it, with
 * a space or tab at an end, one that begins as a comment does, and one that is a null text.
 *
 * Law: csvDecoder of the same dialect gives the batch's rows back, for the types that it has.
 */
import type { Batch } from '../core/batch.js'
import { bitmapBytes, setBit } from '../core/bitmap.js'
import type { Column } from '../core/column.js'
import { Utf8Column } from '../core/columns-text.js'
import type { Schema } from '../core/schema.js'
import { encodeUtf8 } from '../core/utf8.js'
import { RowEncoder, type RowFormat } from '../kernel/encode.js'
import type { Kernel } from '../kernel/module.js'
import { type CsvDialect, dialectBytes, type ResolvedDialect, resolveDialect } from './csv-dialect.js'
import { columnWriter } from './ndjson.js'

export interface CsvEncoderOptions extends CsvDialect {
  /** Between records, and behind the last; '\n' by default. */
  readonly lineEnd?: '\n' | '\r\n'
}

export class CsvEncoder {
  private readonly encoder: RowEncoder
  private readonly dialect: ResolvedDialect
  private readonly quote: string
  private readonly lineEnd: string
  private columnCount = -1
  private format: RowFormat | undefined

  constructor(kernel: Kernel, { lineEnd = '\n', ...dialect }: CsvEncoderOptions) {
    if (lineEnd !== '\n' && lineEnd !== '\r\n') throw new TypeError("lineEnd is '\\n' or '\\r\\n'")
    this.dialect = resolveDialect(dialect)
    if (this.dialect.quote === undefined)
      throw new TypeError('Writing CSV takes a quote, for texts with a delimiter in them')
    if (this.dialect.nulls.length === 0) throw new TypeError('Writing CSV takes a null text: give nulls one at least')
    this.quote = this.dialect.quote
    this.lineEnd = lineEnd
    this.encoder = new RowEncoder(kernel, dialectBytes(this.dialect))
  }

  /** The first record, which names the columns. */
  header(schema: Schema): Uint8Array {
    return encodeUtf8(schema.names.map(name => this.quoted(name)).join(this.dialect.delimiter) + this.lineEnd)
  }

  /**
   * The selected rows.
   * @throws SabotError TYPE_MISMATCH when a value of an object column has no JSON form; MEMORY_LIMIT; TIMESTAMP_INVALID
   */
  encode(batch: Batch): Uint8Array<ArrayBuffer> {
    return this.encoder.encode(batch, this.formatOf(batch.columns.length), (column, index) => {
      return textsOf(batch, column, batch.schema.fields[index]?.name ?? '')
    })
  }

  /** Frees what the encoder holds in the kernel. */
  destroy(): void {
    this.encoder.destroy()
  }

  private formatOf(columnCount: number): RowFormat {
    if (this.format === undefined || this.columnCount !== columnCount) {
      const { delimiter, nulls } = this.dialect
      this.columnCount = columnCount
      this.format = {
        prefixes: Array.from({ length: columnCount }, (_, index) => encodeUtf8(index === 0 ? '' : delimiter)),
        end: encodeUtf8(this.lineEnd),
        nullText: encodeUtf8(nulls[0] ?? ''),
        timeQuote: delimiter === ':' ? this.quote.charCodeAt(0) : 0,
      }
    }
    return this.format
  }

  /** Names are quoted unless they are plain words. */
  private quoted(name: string): string {
    if (/^\w+$/.test(name)) return name
    const escapeWith = this.dialect.escape ?? this.quote
    let text = ''
    for (const character of name) {
      text += character === this.quote || character === escapeWith ? escapeWith + character : character
    }
    return this.quote + text + this.quote
  }
}

/** An encoder to CSV in the memory of `kernel`. @throws TypeError for a dialect that contradicts itself; SabotError MEMORY_LIMIT */
export function createCsvEncoder(kernel: Kernel, options: CsvEncoderOptions = {}): CsvEncoder {
  return new CsvEncoder(kernel, options)
}

/** JSON, or a string with what is not UTF-8 replaced. */
function textsOf(batch: Batch, column: Column, path: string): Utf8Column {
  const write = column instanceof Utf8Column ? (row: number) => column.value(row) ?? '' : columnWriter(column, path)
  const texts = new Array<string>(batch.rowCount).fill('')
  const validity = new Uint8Array(bitmapBytes(batch.rowCount))
  batch.forEachRow(row => {
    if (!column.isValid(row)) return
    setBit(validity, row, true)
    texts[row] = write(row)
  })
  const { offsets, bytes } = Utf8Column.from(texts)
  return new Utf8Column(offsets, bytes, validity)
}
