/* Columns as they are copied in for encoding, each described by a record (assembly/abi.ts, ENCODE_COLUMN_). */
import {
  ENCODE_COLUMN_BYTES,
  ENCODE_COLUMN_OFFSETS,
  ENCODE_COLUMN_SCALE,
  ENCODE_COLUMN_SIZE,
  ENCODE_COLUMN_TYPE,
  ENCODE_COLUMN_VALIDITY,
  ENCODE_COLUMN_VALUES,
  ENCODE_DICTIONARY,
  ENCODE_SLACK,
  ENCODE_TEXT_MORE,
  JSON_BOOL,
  JSON_DECIMAL,
  JSON_F32,
  JSON_F64,
  JSON_I32,
  JSON_I64,
  JSON_TEXT,
  JSON_TIMESTAMP,
  JSON_UTF8,
} from '../../assembly/abi.js'
import type { Column } from '../core/column.js'
import {
  BoolColumn,
  DecimalColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  TimestampColumn,
} from '../core/columns-fixed.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import type { Dictionary } from '../core/dictionary.js'
import { type Bytes, Region } from './memory.js'
import type { Kernel } from './module.js'

/** The room of one column, used again by each batch. */
export class EncodedColumn {
  private readonly kernel: Kernel
  private readonly dialect: number
  private readonly validity: Region
  private readonly values: Region
  private readonly offsets: Region
  private readonly bytes: Region
  private texts: DictionaryTexts | undefined

  /** `dialect` is the pointer to that of CSV, 0 for JSON. */
  constructor(kernel: Kernel, dialect: number) {
    this.kernel = kernel
    this.dialect = dialect
    this.validity = new Region(kernel)
    this.values = new Region(kernel)
    this.offsets = new Region(kernel)
    this.bytes = new Region(kernel)
  }

  /**
   * Copies a column in and fills its record; false when the kernel cannot write it: it has no columnar type, or strings
   * that are not UTF-8. @throws SabotError MEMORY_LIMIT
   */
  write(column: Column, record: Uint32Array): boolean {
    record[ENCODE_COLUMN_VALIDITY >> 2] = column.validity === undefined ? 0 : this.validity.write(column.validity)
    if (column instanceof DictionaryColumn) {
      this.texts ??= new DictionaryTexts(this.kernel, this.dialect)
      this.texts.follow(column.dictionary)
      record[ENCODE_COLUMN_TYPE >> 2] = ENCODE_DICTIONARY
      record[ENCODE_COLUMN_VALUES >> 2] = this.values.write(column.codes)
      record[ENCODE_COLUMN_OFFSETS >> 2] = this.texts.offsetsPointer
      record[ENCODE_COLUMN_BYTES >> 2] = this.texts.textsPointer
      record[ENCODE_COLUMN_SIZE >> 2] = this.texts.entries
      return true
    }
    if (column instanceof Utf8Column) return this.writeStrings(column, JSON_UTF8, record)
    const fixed = fixedValues(column)
    if (fixed === undefined) return false
    record[ENCODE_COLUMN_TYPE >> 2] = fixed.type
    record[ENCODE_COLUMN_VALUES >> 2] = this.values.write(fixed.values)
    record[ENCODE_COLUMN_SCALE >> 2] = column instanceof DecimalColumn ? column.type.scale : 0
    return true
  }

  /** Copies texts in that are to stand as they are, or (in CSV) as strings. */
  writeTexts(texts: Utf8Column, asStrings: boolean, record: Uint32Array): void {
    record[ENCODE_COLUMN_VALIDITY >> 2] = texts.validity === undefined ? 0 : this.validity.write(texts.validity)
    this.writeStrings(texts, asStrings ? JSON_UTF8 : JSON_TEXT, record)
  }

  release(): void {
    for (const region of [this.validity, this.values, this.offsets, this.bytes]) region.release()
    this.texts?.release()
  }

  private writeStrings({ offsets, bytes, length }: Utf8Column, type: number, record: Uint32Array): boolean {
    const first = offsets[0] ?? 0
    const size = Math.max(0, (offsets[length] ?? 0) - first)
    const offsetsPointer = this.offsets.write(first === 0 ? offsets : offsets.map(offset => offset - first))
    const bytesPointer = this.bytes.write(bytes.subarray(first, first + size))
    record[ENCODE_COLUMN_TYPE >> 2] = type
    record[ENCODE_COLUMN_OFFSETS >> 2] = offsetsPointer
    record[ENCODE_COLUMN_BYTES >> 2] = bytesPointer
    record[ENCODE_COLUMN_SIZE >> 2] = Math.min(size, bytes.length - first)
    return this.kernel.exports.encodeIsUtf8(offsetsPointer, bytesPointer, length, size) === 1
  }
}

function fixedValues(column: Column): { type: number; values: Bytes } | undefined {
  if (column instanceof Float64Column) return { type: JSON_F64, values: column.values }
  if (column instanceof Int32Column) return { type: JSON_I32, values: column.values }
  if (column instanceof TimestampColumn) return { type: JSON_TIMESTAMP, values: column.values }
  if (column instanceof Int64Column) return { type: JSON_I64, values: column.values }
  if (column instanceof BoolColumn) return { type: JSON_BOOL, values: column.bits }
  if (column instanceof Float32Column) return { type: JSON_F32, values: column.values }
  if (column instanceof DecimalColumn) return { type: JSON_DECIMAL, values: column.values }
  return undefined
}

/** The texts of a dictionary's entries, made once each while batches have the same dictionary. */
class DictionaryTexts {
  entries = 0
  private readonly kernel: Kernel
  private readonly dialect: number
  private readonly offsets: Region
  private readonly texts: Region
  private dictionary = 0
  private offsetsCapacity = 0
  private textsCapacity = 0

  constructor(kernel: Kernel, dialect: number) {
    this.kernel = kernel
    this.dialect = dialect
    this.offsets = new Region(kernel)
    this.texts = new Region(kernel)
  }

  get offsetsPointer(): number {
    return this.offsets.pointer
  }

  get textsPointer(): number {
    return this.texts.pointer
  }

  /** Takes in what `dictionary` has more than it had, or all of another one. */
  follow(dictionary: Dictionary): void {
    if (dictionary.id !== this.dictionary) this.entries = 0
    if (dictionary.size === this.entries && this.entries > 0) return
    const { size } = dictionary
    this.dictionary = 0
    if ((size + 1) * 4 > this.offsetsCapacity) this.grow((size + 1) * 8, this.textsCapacity)
    const least = dictionary.bytes().length + size * ENCODE_TEXT_MORE + ENCODE_SLACK
    if (least > this.textsCapacity) this.grow(this.offsetsCapacity, least * 2)
    this.kernel.u32[this.offsets.pointer >>> 2] = 0
    this.append(dictionary)
    while (this.entries < size) {
      this.grow(this.offsetsCapacity, this.textsCapacity * 2)
      this.append(dictionary)
    }
    this.dictionary = dictionary.id
  }

  release(): void {
    this.offsets.release()
    this.texts.release()
  }

  /** A region that grows keeps nothing. */
  private grow(offsetsCapacity: number, textsCapacity: number): void {
    this.entries = 0
    this.offsets.reserve(offsetsCapacity)
    this.offsetsCapacity = offsetsCapacity
    this.texts.reserve(textsCapacity)
    this.textsCapacity = textsCapacity
    this.kernel.u32[this.offsets.pointer >>> 2] = 0
  }

  /** Makes the texts of the entries that it has not yet, as far as there is room. */
  private append(dictionary: Dictionary): void {
    const { kernel, entries, offsets, texts } = this
    const strings = dictionary.offsets(entries)
    const bytes = dictionary.bytes(entries)
    const words = (entries + strings.length) * 4
    const pointer = kernel.staging.reserve(words + bytes.length)
    const first = strings[0] ?? 0
    kernel.u32.set(
      strings.map(offset => offset - first),
      (pointer >>> 2) + entries,
    )
    kernel.u8.set(bytes, pointer + words)
    this.entries = kernel.exports.encodeTexts(
      pointer,
      pointer + words,
      entries,
      dictionary.size,
      offsets.pointer,
      texts.pointer,
      this.textsCapacity,
      this.dialect,
    )
  }
}
