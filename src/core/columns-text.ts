/* Columns of strings: plain (offsets and bytes), or codes of a dictionary. */
import { copyBytes, viewOf } from './byte-copy.js'
import { BaseColumn } from './column.js'
import type { Dictionary } from './dictionary.js'
import { decodeUtf8, encodeUtf8 } from './utf8.js'

/** Row i is the bytes [offsets[i], offsets[i + 1]). */
export class Utf8Column extends BaseColumn {
  readonly type = 'utf8'
  /** length + 1 ascending positions in `bytes`; the first need not be 0. */
  readonly offsets: Int32Array
  readonly bytes: Uint8Array

  constructor(offsets: Int32Array, bytes: Uint8Array, validity?: Uint8Array) {
    super(offsets.length - 1, validity)
    this.offsets = offsets
    this.bytes = bytes
  }

  /** A column of the given strings, without nulls. Lone surrogates become U+FFFD. */
  static from(strings: readonly string[]): Utf8Column {
    const offsets = new Int32Array(strings.length + 1)
    const bytes = encodeUtf8(strings.join(''))
    let joinedFits = true
    let end = 0
    for (const [row, text] of strings.entries()) {
      // A surrogate pair split over two strings would have been joined above.
      if (/[\uD800-\uDFFF]/.test(text)) joinedFits = false
      end += text.length
      offsets[row + 1] = end
    }
    if (joinedFits && bytes.length === end) return new Utf8Column(offsets, bytes)
    const parts = strings.map(encodeUtf8)
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    const joined = new Uint8Array(size)
    end = 0
    for (const [row, part] of parts.entries()) {
      joined.set(part, end)
      end += part.length
      offsets[row + 1] = end
    }
    return new Utf8Column(offsets, joined)
  }

  value(row: number): string | null {
    if (!this.isValid(row)) return null
    return decodeUtf8(this.bytes, this.offsets[row], this.offsets[row + 1])
  }

  gather(rows: Uint32Array): Utf8Column {
    const { offsets: source, bytes } = this
    const offsets = new Int32Array(rows.length + 1)
    let end = 0
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? 0
      end += (source[row + 1] ?? 0) - (source[row] ?? 0)
      offsets[index + 1] = end
    }
    const gathered = new Uint8Array(end)
    const from = viewOf(bytes)
    const to = viewOf(gathered)
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? 0
      copyBytes(from, source[row] ?? 0, source[row + 1] ?? 0, to, offsets[index] ?? 0)
    }
    return new Utf8Column(offsets, gathered, this.gatherValidity(rows))
  }

  slice(from: number, to: number): Utf8Column {
    return new Utf8Column(this.offsets.subarray(from, to + 1), this.bytes, this.sliceValidity(from, to))
  }
}

/** Row i is the string of code codes[i]; the type is utf8. Codes of null rows are undefined. */
export class DictionaryColumn extends BaseColumn {
  readonly type = 'utf8'
  readonly codes: Int32Array
  readonly dictionary: Dictionary

  constructor(codes: Int32Array, dictionary: Dictionary, validity?: Uint8Array) {
    super(codes.length, validity)
    this.codes = codes
    this.dictionary = dictionary
  }

  value(row: number): string | null {
    return this.isValid(row) ? this.dictionary.string(this.codes[row] ?? -1) : null
  }

  gather(rows: Uint32Array): DictionaryColumn {
    const codes = new Int32Array(rows.length)
    for (let index = 0; index < rows.length; index++) codes[index] = this.codes[rows[index] ?? 0] ?? 0
    return new DictionaryColumn(codes, this.dictionary, this.gatherValidity(rows))
  }

  slice(from: number, to: number): DictionaryColumn {
    return new DictionaryColumn(this.codes.subarray(from, to), this.dictionary, this.sliceValidity(from, to))
  }
}
