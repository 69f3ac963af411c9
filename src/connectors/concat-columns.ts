/* Many columns of one type put together into one, so that rows of all of them can be gathered at once. */
import { setBit } from '../core/bitmap.js'
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
import { ListColumn, ObjectColumn, StructColumn } from '../core/columns-nested.js'
import { DictionaryColumn, Utf8Column } from '../core/columns-text.js'
import { Dictionary, MAX_DICTIONARY_ENTRIES } from '../core/dictionary.js'
import { SabotError } from '../core/errors.js'
import { encodeUtf8 } from '../core/utf8.js'

const MAX_OFFSET = 2 ** 31 - 1

/**
 * One column with the rows of all, in order. Dictionaries are merged into one; where that would have more than
 * MAX_DICTIONARY_ENTRIES entries the strings are plain.
 *
 * Law: with (c, r) the column and row of position i, `concatColumns(cs).value(i)` equals `cs[c].value(r)`.
 * @throws SabotError OUT_OF_RANGE when strings or list elements are more than offsets of 32 bits reach
 */
export function concatColumns(columns: readonly Column[]): Column {
  const first = columns[0]
  if (first === undefined) throw new TypeError('There is no column to take the type from')
  if (columns.length === 1) return first
  const length = columns.reduce((sum, column) => sum + column.length, 0)
  const validity = concatValidity(columns, length)
  if (first.type === 'utf8') return concatText(columns, length, validity)
  if (first instanceof Int32Column) {
    return new Int32Column(concatValues(instancesOf(columns, Int32Column), new Int32Array(length)), validity)
  }
  if (first instanceof Float32Column) {
    return new Float32Column(concatValues(instancesOf(columns, Float32Column), new Float32Array(length)), validity)
  }
  if (first instanceof Float64Column) {
    return new Float64Column(concatValues(instancesOf(columns, Float64Column), new Float64Array(length)), validity)
  }
  if (first instanceof Int64Column) {
    return new Int64Column(concatValues(instancesOf(columns, Int64Column), new BigInt64Array(length)), validity)
  }
  if (first instanceof TimestampColumn) {
    return new TimestampColumn(concatValues(instancesOf(columns, TimestampColumn), new BigInt64Array(length)), validity)
  }
  if (first instanceof DecimalColumn) {
    const values = concatValues(instancesOf(columns, DecimalColumn), new BigInt64Array(length))
    return new DecimalColumn(first.type, values, validity)
  }
  if (first instanceof BoolColumn) return concatBools(instancesOf(columns, BoolColumn), length, validity)
  if (first instanceof ListColumn) return concatLists(instancesOf(columns, ListColumn), first, length, validity)
  if (first instanceof StructColumn) {
    const structs = instancesOf(columns, StructColumn)
    const parts = first.columns.map((_, index) => concatColumns(structs.flatMap(({ columns }) => columns[index] ?? [])))
    return new StructColumn(first.type, parts, length, validity)
  }
  return new ObjectColumn(instancesOf(columns, ObjectColumn).flatMap(({ values }) => values))
}

function instancesOf<C extends Column>(columns: readonly Column[], kind: abstract new (...parts: never[]) => C): C[] {
  return columns.map(column => {
    if (column instanceof kind) return column
    throw new TypeError(`A ${column.constructor.name} cannot follow a ${kind.name}`)
  })
}

interface Values<T> {
  readonly length: number
  set(values: T, offset: number): void
}

function concatValues<T extends Values<T>>(columns: readonly { readonly values: T }[], target: T): T {
  let at = 0
  for (const { values } of columns) {
    target.set(values, at)
    at += values.length
  }
  return target
}

function concatValidity(columns: readonly Column[], length: number): Uint8Array | undefined {
  if (columns.every(({ validity }) => validity === undefined)) return undefined
  const bits = new Uint8Array((length + 7) >>> 3)
  let at = 0
  for (const column of columns) {
    for (let row = 0; row < column.length; row++) if (column.isValid(row)) setBit(bits, at + row, true)
    at += column.length
  }
  return bits
}

function concatBools(columns: readonly BoolColumn[], length: number, validity: Uint8Array | undefined): BoolColumn {
  const bits = new Uint8Array((length + 7) >>> 3)
  let at = 0
  for (const column of columns) {
    for (let row = 0; row < column.length; row++) if (column.value(row) === true) setBit(bits, at + row, true)
    at += column.length
  }
  return new BoolColumn(bits, length, validity)
}

function concatLists(
  columns: readonly ListColumn[],
  first: ListColumn,
  length: number,
  validity: Uint8Array | undefined,
): ListColumn {
  const offsets = new Int32Array(length + 1)
  let row = 0
  let end = 0
  const elements = columns.map(column => {
    const from = column.offsets[0] ?? 0
    const to = column.offsets[column.length] ?? 0
    assertOffset(end + to - from, 'list elements')
    for (let index = 0; index < column.length; index++) offsets[++row] = end + (column.offsets[index + 1] ?? 0) - from
    end += to - from
    return column.elements.slice(from, to)
  })
  return new ListColumn(first.type, offsets, concatColumns(elements), validity)
}

function concatText(columns: readonly Column[], length: number, validity: Uint8Array | undefined): Column {
  if (columns.every(column => column instanceof DictionaryColumn)) {
    const merged = mergeDictionaries(columns, length)
    if (merged !== undefined) return new DictionaryColumn(merged.codes, merged.dictionary, validity)
  }
  return concatStrings(columns, length, validity)
}

/** Codes in one dictionary of the strings that rows have; undefined where they are too many. */
function mergeDictionaries(
  columns: readonly DictionaryColumn[],
  length: number,
): { codes: Int32Array; dictionary: Dictionary } | undefined {
  const merged = new Dictionary()
  const codes = new Int32Array(length)
  const recodings = new Map<Dictionary, Int32Array>()
  let at = 0
  for (const column of columns) {
    const { dictionary } = column
    let recoding = recodings.get(dictionary)
    if (recoding === undefined || recoding.length < dictionary.size) {
      recoding = new Int32Array(dictionary.size).fill(-1)
      recodings.set(dictionary, recoding)
    }
    for (let row = 0; row < column.length; row++, at++) {
      if (!column.isValid(row)) continue
      const from = column.codes[row] ?? 0
      let code = recoding[from] ?? -1
      if (code < 0) {
        code = merged.encode(dictionary.string(from))
        if (merged.size > MAX_DICTIONARY_ENTRIES) return undefined
        recoding[from] = code
      }
      codes[at] = code
    }
  }
  return { codes, dictionary: merged }
}

function concatStrings(columns: readonly Column[], length: number, validity: Uint8Array | undefined): Utf8Column {
  const offsets = new Int32Array(length + 1)
  const sources = columns.map(bytesOfRows)
  let row = 0
  let end = 0
  for (const [index, { sizeOf }] of sources.entries()) {
    const rows = columns[index]?.length ?? 0
    for (let at = 0; at < rows; at++) {
      end += sizeOf(at)
      offsets[++row] = end
    }
    assertOffset(end, 'bytes of text')
  }
  const bytes = new Uint8Array(end)
  row = 0
  for (const [index, { write }] of sources.entries()) {
    const rows = columns[index]?.length ?? 0
    for (let at = 0; at < rows; at++) write(at, bytes, offsets[row++] ?? 0)
  }
  return new Utf8Column(offsets, bytes, validity)
}

interface RowBytes {
  sizeOf(row: number): number
  write(row: number, target: Uint8Array, at: number): void
}

function bytesOfRows(column: Column): RowBytes {
  if (column instanceof Utf8Column) {
    const { offsets, bytes } = column
    const sizeOf = (row: number): number => (column.isValid(row) ? (offsets[row + 1] ?? 0) - (offsets[row] ?? 0) : 0)
    return {
      sizeOf,
      write: (row, target, at) => target.set(bytes.subarray(offsets[row], (offsets[row] ?? 0) + sizeOf(row)), at),
    }
  }
  if (!(column instanceof DictionaryColumn)) throw new TypeError(`A ${column.constructor.name} is no column of strings`)
  const { codes, dictionary } = column
  const encoded = new Map<number, Uint8Array>()
  const bytesOf = (row: number): Uint8Array => {
    if (!column.isValid(row)) return NO_BYTES
    const code = codes[row] ?? 0
    let bytes = encoded.get(code)
    if (bytes === undefined) {
      bytes = encodeUtf8(dictionary.string(code))
      encoded.set(code, bytes)
    }
    return bytes
  }
  return {
    sizeOf: row => bytesOf(row).length,
    write: (row, target, at) => target.set(bytesOf(row), at),
  }
}

const NO_BYTES = new Uint8Array()

function assertOffset(end: number, what: string): void {
  if (end <= MAX_OFFSET) return
  throw new SabotError('OUT_OF_RANGE', `${end} ${what} are more than one column holds (${MAX_OFFSET})`, { value: end })
}
