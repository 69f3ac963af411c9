/* Any plain JavaScript value as JSON, and back: for state that holds values of users. */
import { describeValue } from './errors.js'
import type { Json } from './json.js'
import { bigIntFromJson, bigIntToJson, numberFromJson, numberToJson } from './json-numbers.js'
import { defineField } from './row-object.js'

/**
 * What JSON says as it is stays as it is: null, booleans, strings, and numbers that have a JSON form. All else is an
 * object of one member whose name says what it is, so that nothing can be mistaken.
 * @throws TypeError for what cannot be taken apart: functions, symbols, instances of classes other than Date, Map, Set,
 *   Uint8Array
 */
export function valueToJson(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number': {
      const json = numberToJson(value)
      return typeof json === 'string' ? { number: json } : json
    }
    case 'bigint':
      return { bigint: bigIntToJson(value) }
    case 'undefined':
      return { undefined: null }
    case 'object':
      return value === null ? null : objectToJson(value)
    default:
      throw new TypeError(`${describeValue(value)} cannot be kept as state: it has no JSON form`)
  }
}

function objectToJson(value: object): Json {
  if (Array.isArray(value)) return { list: value.map(valueToJson) }
  if (value instanceof Date) return { date: numberToJson(value.getTime()) }
  if (value instanceof Map) return { map: Array.from(value, ([key, item]) => [valueToJson(key), valueToJson(item)]) }
  if (value instanceof Set) return { set: Array.from(value, valueToJson) }
  if (value instanceof Uint8Array) return { bytes: [...value] }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`${describeValue(value)} cannot be kept as state: give plain objects, Map, Set or Date`)
  }
  return { object: Object.entries(value).map(([name, item]) => [name, valueToJson(item)]) }
}

/** What valueToJson wrote. */
export function valueFromJson(json: Json): unknown {
  if (typeof json !== 'object' || json === null) return json
  const [entry] = Object.entries(json)
  if (entry === undefined) throw new TypeError('Not the JSON form of a value: an empty object')
  const [kind, content] = entry as [string, Json]
  const items = content as readonly Json[]
  switch (kind) {
    case 'number':
      return numberFromJson(content)
    case 'bigint':
      return bigIntFromJson(content)
    case 'undefined':
      return undefined
    case 'list':
      return items.map(valueFromJson)
    case 'date':
      return new Date(numberFromJson(content))
    case 'map':
      return new Map(items.map(item => pairFromJson(item)))
    case 'set':
      return new Set(items.map(valueFromJson))
    case 'bytes':
      return Uint8Array.from(items as readonly number[])
    case 'object': {
      const object: Record<string, unknown> = {}
      for (const item of items) {
        const [name, value] = pairFromJson(item)
        defineField(object, String(name), value)
      }
      return object
    }
    default:
      throw new TypeError(`Not the JSON form of a value: ${describeValue(kind)}`)
  }
}

function pairFromJson(json: Json): [unknown, unknown] {
  const [key = null, value = null] = json as readonly Json[]
  return [valueFromJson(key), valueFromJson(value)]
}
