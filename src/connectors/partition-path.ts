/* The directory that a row goes to: `day=2024-01-01/country=DE`, in the manner of Hive. */
import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import { typeName } from '../core/types.js'
import { encodeUtf8 } from '../core/utf8.js'

/** What stands for null, as readers of such directories know it. */
const NULL_NAME = '__HIVE_DEFAULT_PARTITION__'

/**
 * The directories of a batch's selected rows, each with its physical rows, in the order of their first rows.
 * @throws SabotError UNKNOWN_FIELD; UNSUPPORTED_TYPE for a column of lists, structs or objects
 */
export function partitionRows(
  batch: Batch,
  columns: readonly string[],
  windowOf: ((row: number) => string) | undefined,
): Map<string, Uint32Array> {
  if (columns.length === 0 && windowOf === undefined) return new Map([['', physicalRows(batch)]])
  const texts = columns.map(name => columnTexts(batch, name))
  const rows = new Map<string, number[]>()
  batch.forEachRow(row => {
    const parts = texts.map(text => text(row))
    if (windowOf !== undefined) parts.push(`window=${windowOf(row)}`)
    const path = parts.join('/')
    const known = rows.get(path)
    if (known === undefined) rows.set(path, [row])
    else known.push(row)
  })
  return new Map(Array.from(rows, ([path, list]) => [path, Uint32Array.from(list)]))
}

function physicalRows(batch: Batch): Uint32Array {
  const rows = new Uint32Array(batch.length)
  batch.forEachRow((row, index) => {
    rows[index] = row
  })
  return rows
}

function columnTexts(batch: Batch, name: string): (row: number) => string {
  const column = batch.column(name)
  const { type } = column
  if (type === 'object' || (typeof type === 'object' && type.kind !== 'decimal')) {
    throw new SabotError(
      'UNSUPPORTED_TYPE',
      `Files cannot be partitioned by ${name}, which is ${typeName(type)}: select a column of plain values`,
      { field: name, type: typeName(type) },
    )
  }
  const known = new Map<unknown, string>()
  const prefix = `${escaped(name)}=`
  return row => {
    // -0 and 0 are one value.
    const value = column.value(row)
    const text = known.get(value)
    if (text !== undefined) return text
    const made = prefix + (value === null ? NULL_NAME : escaped(textOf(value, type === 'timestamp')))
    if (known.size < 65_536) known.set(value, made)
    return made
  }
}

function textOf(value: unknown, isTime: boolean): string {
  if (isTime && typeof value === 'number') return new Date(value).toISOString()
  const text = String(value)
  return text === '' ? '""' : text
}

/** Letters, digits and _.- as they are, others as %XX of their UTF-8 bytes: no value leads out of its directory. */
function escaped(text: string): string {
  if (/^[\w-][\w.-]*$/.test(text)) return text
  let result = ''
  for (const byte of encodeUtf8(text)) {
    const character = String.fromCharCode(byte)
    result += /[\w-]/.test(character) || (character === '.' && result !== '') ? character : percent(byte)
  }
  return result
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
