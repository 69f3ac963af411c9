/*
 * What a JSON decoder should make of a record, by JSON.parse. Numbers are told by their value, so an integer or decimal
 * beyond what a double holds is for other tests.
 */
import type { Schema } from '../../src/core/index.js'
import type { ColumnType } from '../../src/core/types.js'
import { unwrapNullable } from '../../src/core/types.js'

const REFUSED = Symbol('refused')

/** The row of a record's bytes, or undefined when it is to be rejected. Blank lines are the caller's. */
export function oracleRow(
  bytes: Uint8Array,
  schema: Schema,
  paths: Readonly<Record<string, string>> = {},
): object | undefined {
  let record: unknown
  try {
    record = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (!isObject(record)) return undefined
  const row: Record<string, unknown> = Object.create(null)
  for (const { name, type, nullable } of schema.fields) {
    const value = oracleValue(atPath(record, (paths[name] ?? name).split('.')), type, nullable)
    if (value === REFUSED) return undefined
    row[name] = value
  }
  return row
}

/** A path through an object that is null or missing leads to nothing; through anything else it is refused. */
function atPath(record: object, path: readonly string[]): unknown {
  let value: unknown = record
  for (const key of path) {
    if (value === null || value === undefined) return undefined
    if (!isObject(value)) return REFUSED
    value = Object.getOwnPropertyDescriptor(value, key)?.value
  }
  return value
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function oracleValue(value: unknown, type: ColumnType, nullable: boolean): unknown {
  if (value === REFUSED) return REFUSED
  if (value === null || value === undefined) return nullable ? null : REFUSED
  switch (type) {
    case 'bool':
      return typeof value === 'boolean' ? value : REFUSED
    case 'f64':
      return typeof value === 'number' ? value : REFUSED
    case 'f32':
      return typeof value === 'number' ? Math.fround(value) : REFUSED
    case 'i32':
      return typeof value === 'number' && (value | 0) === value ? value | 0 : REFUSED
    case 'i64':
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : REFUSED
    case 'utf8':
      return typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\uFFFD') : REFUSED
    case 'timestamp': {
      const ms = typeof value === 'string' ? isoMillis(value) : value
      return typeof ms === 'number' && Math.abs(Math.floor(ms)) <= 8.64e15 ? Math.floor(ms) + 0 : REFUSED
    }
    case 'object':
      return value
    default:
      return typeof type === 'object' ? nested(value, type) : REFUSED
  }
}

function nested(value: unknown, type: Exclude<ColumnType, string>): unknown {
  if (type.kind === 'list') {
    if (!Array.isArray(value)) return REFUSED
    const { type: element, nullable } = unwrapNullable(type.element)
    const values = value.map(entry => oracleValue(entry, element, nullable))
    return values.includes(REFUSED) ? REFUSED : values
  }
  if (type.kind === 'struct') {
    if (!isObject(value)) return REFUSED
    const row: Record<string, unknown> = {}
    for (const field of type.fields) {
      const part = oracleValue(atPath(value, [field.name]), field.type, field.nullable)
      if (part === REFUSED) return REFUSED
      Object.defineProperty(row, field.name, { value: part, enumerable: true, configurable: true, writable: true })
    }
    return row
  }
  return REFUSED
}

const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:(?<=:\d\d:\d\d)\.(\d+))?(?:([Zz])|([+-]\d\d)(?::?(\d\d))?)?)?$/

/** Dates by Date, once the forms that it does not take alike everywhere are written as it does. */
function isoMillis(text: string): number | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [, date = '', minute = '00:00', second = ':00', fraction = '', , zoneHour, zoneMinute = '00'] = match
  const day = new Date(`${date}T00:00:00Z`)
  // Date lets the 30th of February pass.
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date) return undefined
  if (minute.startsWith('24') && /[1-9]/.test(fraction)) return undefined
  const zone = zoneHour === undefined ? 'Z' : `${zoneHour}:${zoneMinute}`
  const ms = Date.parse(`${date}T${minute}${second}.${fraction.slice(0, 3).padEnd(3, '0')}${zone}`)
  return Number.isNaN(ms) ? undefined : ms
}
