/* Builders of columns of strings. */
import type { Column } from './column.js'
import { type ColumnBuilder, FIRST_ROWS, typeMismatch, ValidityBuilder } from './column-builder.js'
import { DictionaryColumn, Utf8Column } from './columns-text.js'
import { Dictionary, MAX_DICTIONARY_ENTRIES } from './dictionary.js'
import { encodeUtf8Into } from './utf8.js'

/**
 * Strings as codes of a dictionary, which goes on from column to column until it is full. Then the rows at hand are
 * coded anew with the next dictionary, so that a column has one dictionary. (A row that is taken back leaves its string
 * in the dictionary; no code refers to it.)
 */
export class DictionaryBuilder implements ColumnBuilder {
  length = 0
  private readonly path: string
  private codes: Int32Array = new Int32Array(FIRST_ROWS)
  private dictionary = new Dictionary()
  private readonly validity = new ValidityBuilder()

  constructor(path: string) {
    this.path = path
  }

  append(value: unknown): void {
    if (typeof value !== 'string') throw typeMismatch(this.path, 'a string', value)
    let code = this.dictionary.find(value)
    if (code === undefined) {
      if (this.dictionary.size < MAX_DICTIONARY_ENTRIES) code = this.dictionary.append(value)
      else {
        this.beginDictionary()
        code = this.dictionary.encode(value)
      }
    }
    this.put(code, true)
  }

  appendNull(): void {
    this.put(0, false)
  }

  truncate(length: number): void {
    this.length = length
  }

  finish(): Column {
    const codes = this.codes.slice(0, this.length)
    const column = new DictionaryColumn(codes, this.dictionary, this.validity.finish(this.length))
    this.length = 0
    return column
  }

  private put(code: number, valid: boolean): void {
    if (this.length >= this.codes.length) {
      const larger = new Int32Array(this.codes.length * 2)
      larger.set(this.codes)
      this.codes = larger
    }
    this.codes[this.length] = code
    this.validity.set(this.length, valid)
    this.length++
  }

  private beginDictionary(): void {
    const full = this.dictionary
    const next = new Dictionary()
    for (let row = 0; row < this.length; row++) {
      if (this.validity.isSet(row)) this.codes[row] = next.encode(full.string(this.codes[row] ?? 0))
    }
    this.dictionary = next
  }
}

/** Strings as offsets and bytes. */
export class Utf8Builder implements ColumnBuilder {
  length = 0
  private readonly path: string
  private ends: Int32Array = new Int32Array(FIRST_ROWS)
  private bytes: Uint8Array = new Uint8Array(FIRST_ROWS * 8)
  private readonly validity = new ValidityBuilder()

  constructor(path: string) {
    this.path = path
  }

  append(value: unknown): void {
    if (typeof value !== 'string') throw typeMismatch(this.path, 'a string', value)
    const start = this.ends[this.length] ?? 0
    const most = start + value.length * 3
    if (most > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, most))
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.end(start + encodeUtf8Into(value, this.bytes, start), true)
  }

  appendNull(): void {
    this.end(this.ends[this.length] ?? 0, false)
  }

  truncate(length: number): void {
    this.length = length
  }

  finish(): Column {
    const offsets = this.ends.slice(0, this.length + 1)
    const bytes = this.bytes.slice(0, offsets[this.length])
    const column = new Utf8Column(offsets, bytes, this.validity.finish(this.length))
    this.length = 0
    return column
  }

  private end(end: number, valid: boolean): void {
    if (this.length + 2 > this.ends.length) {
      const larger = new Int32Array(this.ends.length * 2)
      larger.set(this.ends)
      this.ends = larger
    }
    this.validity.set(this.length, valid)
    this.length++
    this.ends[this.length] = end
  }
}
