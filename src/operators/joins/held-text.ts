/* Strings of rows that stand in many columns, never decoded. */
import { copyBytes, viewOf } from '../../core/byte-copy.js'
import type { Column } from '../../core/column.js'
import { DictionaryColumn, Utf8Column } from '../../core/columns-text.js'
import type { Dictionary } from '../../core/dictionary.js'
import type { RowPlaces } from './held-columns.js'

type Columns = readonly (Column | undefined)[]

/** Codes where all rows are of one dictionary, else strings. */
export function gatherText(
  columns: Columns,
  sources: TextSources,
  places: RowPlaces,
  validity: Uint8Array | undefined,
): Column {
  const dictionary = commonDictionary(columns, places)
  if (dictionary === undefined) return gatherStrings(columns, sources, places, validity)
  return new DictionaryColumn(gatherCodes(columns, places), dictionary, validity)
}

/** A column of codes as one of strings. */
export function stringsOf(column: DictionaryColumn): Column {
  const { length, validity } = column
  const rows = Int32Array.from({ length }, (_, row) => row)
  return gatherStrings([column], [], { batches: new Int32Array(length), rows }, validity)
}

/** The dictionary of all columns that the rows are in. */
function commonDictionary(columns: Columns, { batches }: RowPlaces): Dictionary | undefined {
  let common: Dictionary | undefined
  let last = -1
  for (let at = 0; at < batches.length; at++) {
    const batch = batches[at] as number
    if (batch === last || batch < 0) continue
    last = batch
    const column = columns[batch]
    if (!(column instanceof DictionaryColumn)) return undefined
    if (common === undefined) common = column.dictionary
    else if (common !== column.dictionary) return undefined
  }
  return common
}

function gatherCodes(columns: Columns, { batches, rows }: RowPlaces): Int32Array {
  const gathered = new Int32Array(rows.length)
  let last = -1
  let codes = gathered
  for (let at = 0; at < rows.length; at++) {
    const batch = batches[at] as number
    if (batch < 0) continue
    if (batch !== last) {
      codes = (columns[batch] as DictionaryColumn).codes as Int32Array<ArrayBuffer>
      last = batch
    }
    gathered[at] = codes[rows[at] as number] as number
  }
  return gathered
}

/** Where the strings of a column stand: of a dictionary's, those of the codes that the column has. */
interface TextSource {
  readonly offsets: Int32Array
  readonly bytes: DataView
  readonly codes: Int32Array | undefined
}

/** The columns' sources, each made when it is first asked for. */
export type TextSources = (TextSource | undefined)[]

function sourceOf(columns: Columns, sources: TextSources, batch: number): TextSource {
  const known = sources[batch]
  if (known !== undefined) return known
  const source = textSource(columns[batch] as Column)
  sources[batch] = source
  return source
}

function textSource(column: Column): TextSource {
  if (column instanceof Utf8Column) {
    return { offsets: column.offsets, bytes: viewOf(column.bytes), codes: undefined }
  }
  if (!(column instanceof DictionaryColumn)) throw new TypeError('Strings stand in a column of another class')
  const { dictionary, codes } = column
  return { offsets: dictionary.offsets(), bytes: viewOf(dictionary.bytes()), codes }
}

/** Bytes that stand behind one another in a source are copied at once. */
function gatherStrings(
  columns: Columns,
  sources: TextSources,
  { batches, rows }: RowPlaces,
  validity: Uint8Array | undefined,
): Column {
  const starts = new Int32Array(rows.length)
  const offsets = new Int32Array(rows.length + 1)
  let last = -1
  let source: TextSource | undefined
  let top = 0
  for (let at = 0; at < rows.length; at++) {
    const batch = batches[at] as number
    if (batch !== last) {
      source = batch < 0 ? undefined : sourceOf(columns, sources, batch)
      last = batch
    }
    // Nulls have no bytes, whatever their columns have for them.
    if (source !== undefined && (validity === undefined || ((validity[at >>> 3] as number) >>> (at & 7)) & 1)) {
      const row = rows[at] as number
      const entry = source.codes === undefined ? row : (source.codes[row] as number)
      const start = source.offsets[entry] as number
      starts[at] = start
      top += (source.offsets[entry + 1] as number) - start
    }
    offsets[at + 1] = top
  }
  const bytes = new Uint8Array(top)
  const target = viewOf(bytes)
  let runBatch = -1
  let runStart = 0
  let runEnd = 0
  let runAt = 0
  for (let at = 0; at < rows.length; at++) {
    const to = offsets[at] as number
    const size = (offsets[at + 1] as number) - to
    if (size === 0) continue
    const start = starts[at] as number
    const batch = batches[at] as number
    if (batch !== runBatch || start !== runEnd) {
      if (runBatch >= 0) copyBytes(sourceOf(columns, sources, runBatch).bytes, runStart, runEnd, target, runAt)
      runBatch = batch
      runStart = start
      runAt = to
    }
    runEnd = start + size
  }
  if (runBatch >= 0) copyBytes(sourceOf(columns, sources, runBatch).bytes, runStart, runEnd, target, runAt)
  return new Utf8Column(offsets, bytes, validity)
}
