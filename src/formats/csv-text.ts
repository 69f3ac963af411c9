/*
 * CSV records as texts: for headers and samples. Its grammar is that of the kernel (assembly/csv/field.ts), which
 * decodes everything else.
 */
import type { ResolvedDialect } from './csv-dialect.js'

export interface CsvTextField {
  readonly text: string
  readonly quoted: boolean
}

export interface CsvTextRecord {
  /** undefined when something follows a closing quote. */
  readonly fields: readonly CsvTextField[] | undefined
  /** Whether a line end follows; what has none may be cut off. */
  readonly ended: boolean
}

const BLANK = /[ \t]/

/**
 * The records of a text, without comments and without blank lines; these are records where there is one field:
 * `fieldCount`, by default that of the first record.
 */
export function* csvRecords(text: string, dialect: ResolvedDialect, fieldCount = 0): Generator<CsvTextRecord> {
  let at = 0
  let width = fieldCount
  while (at < text.length) {
    const first = text[at] ?? ''
    if (first === dialect.comment) {
      at = lineEnd(text, at)
      at = behindLineEnd(text, at)
      continue
    }
    if ((first === '\n' || first === '\r') && width !== 1) {
      at = behindLineEnd(text, at)
      continue
    }
    const record = readRecord(text, at, dialect)
    if (width === 0) width = record.fields?.length ?? 0
    yield record
    at = behindLineEnd(text, record.end)
  }
}

function lineEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && text[at] !== '\n' && text[at] !== '\r') at++
  return at
}

function behindLineEnd(text: string, at: number): number {
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1
}

function readRecord(text: string, start: number, dialect: ResolvedDialect): CsvTextRecord & { end: number } {
  const fields: CsvTextField[] = []
  let isGood = true
  let at = start
  while (true) {
    let begin = at
    if (dialect.trim) while (BLANK.test(text[begin] ?? '')) begin++
    let field = { text: '', quoted: false }
    if (text[begin] === dialect.quote) {
      const { end, inner, closed } = readQuoted(text, begin + 1, dialect)
      field = { text: inner, quoted: true }
      at = end
      if (!closed) return { fields: undefined, ended: false, end }
      if (dialect.trim) while (BLANK.test(text[at] ?? '')) at++
      const behind = text[at]
      if (behind !== undefined && behind !== dialect.delimiter && behind !== '\n' && behind !== '\r') isGood = false
    }
    const plain = at
    while (at < text.length && text[at] !== dialect.delimiter && text[at] !== '\n' && text[at] !== '\r') at++
    if (!field.quoted) {
      const whole = text.slice(plain, at)
      field = { text: dialect.trim ? whole.replace(/^[ \t]+|[ \t]+$/g, '') : whole, quoted: false }
    }
    fields.push(field)
    if (text[at] !== dialect.delimiter) return { fields: isGood ? fields : undefined, ended: at < text.length, end: at }
    at++
  }
}

function readQuoted(
  text: string,
  start: number,
  dialect: ResolvedDialect,
): { inner: string; end: number; closed: boolean } {
  const { quote, escape: escapeWith } = dialect
  let inner = ''
  let at = start
  while (at < text.length) {
    const character = text[at] ?? ''
    if (character === escapeWith && (escapeWith !== quote || text[at + 1] === quote)) {
      inner += text[at + 1] ?? ''
      at += 2
    } else if (character === quote) {
      return { inner, end: at + 1, closed: true }
    } else {
      inner += character
      at++
    }
  }
  return { inner, end: text.length, closed: false }
}
