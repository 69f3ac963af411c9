/*
 * Values of keyed state as JSON and back. Plain JSON stands for itself; what JSON does not have is an object with one
 * member whose name begins with '$':
 *
 *   {$number: 'NaN' | 'Infinity' | '-Infinity' | '-0'}   {$bigint: '12'}   {$date: ms}   {$undefined: true}
 *   {$map: [[key, value], ...]}   {$set: [value, ...]}   {$bytes: 'hex'}   {$object: [[name, value], ...]}
 *
 * The last is an object that has a name beginning with '$' itself.
 */
import { describeValue, SabotError } from '../../core/errors.js'
import { type Json, memberOf } from '../../core/json.js'
import { defineField } from '../../core/row-object.js'

/**
 * Law: decodeValue(encodeValue(v)) equals v, for what is made of null, undefined, booleans, numbers, bigints, strings,
 * dates, arrays, maps, sets, Uint8Arrays and plain objects.
 * @throws SabotError STATE_VALUE_INVALID for anything else
 */
export function encodeValue(value: unknown): Json {
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : `${value}` }
    case 'bigint':
      return { $bigint: String(value) }
    case 'undefined':
      return { $undefined: true }
    case 'object':
      return value === null ? null : encodeObject(value)
    default:
      throw notKept(value)
  }
}

/**
 * As encodeValue(), for who makes text of it at once: what stands for itself is given as it is, not copied.
 */
export function encodeValueInPlace(value: unknown): Json {
  return isPlainRecord(value) ? value : encodeValue(value)
}

/** Whether a value is an object of members that stand for themselves in JSON. */
function isPlainRecord(value: unknown): value is { readonly [name: string]: Json } {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
  for (const name in value) {
    if (name.charCodeAt(0) === 0x24) return false
    const member = (value as { readonly [name: string]: unknown })[name]
    if (typeof member === 'number' && Number.isFinite(member) && !Object.is(member, -0)) continue
    if (typeof member !== 'string' && typeof member !== 'boolean' && member !== null) return false
  }
  return true
}

function encodeObject(value: object): Json {
  if (Array.isArray(value)) return value.map(encodeValue)
  if (value instanceof Date) return { $date: encodeValue(value.getTime()) }
  if (value instanceof Map) return { $map: Array.from(value, ([key, kept]) => [encodeValue(key), encodeValue(kept)]) }
  if (value instanceof Set) return { $set: Array.from(value, encodeValue) }
  if (value instanceof Uint8Array) {
    return { $bytes: Array.from(value, byte => byte.toString(16).padStart(2, '0')).join('') }
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw notKept(value)
  const members = Object.entries(value).map(([name, member]): [string, Json] => [name, encodeValue(member)])
  if (members.some(([name]) => name.startsWith('$'))) return { $object: members }
  const encoded: Record<string, Json> = {}
  for (const [name, member] of members) defineField(encoded, name, member)
  return encoded
}

function notKept(value: unknown): SabotError {
  return new SabotError(
    'STATE_VALUE_INVALID',
    `${describeValue(value)} cannot be kept in state: use plain objects, arrays, maps, sets, dates, Uint8Arrays and ` +
      'primitive values',
  )
}

export function decodeValue(json: Json): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (isList(json)) return json.map(decodeValue)
  const [first = ''] = Object.keys(json)
  if (first.startsWith('$')) return decodeTagged(first, memberOf(json, first) ?? null)
  const value: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(json)) defineField(value, name, decodeValue(member))
  return value
}

function decodeTagged(tag: string, json: Json): unknown {
  const members = isList(json) ? json : []
  switch (tag) {
    case '$number':
      return Number(json)
    case '$bigint':
      return BigInt(String(json))
    case '$date':
      return new Date(Number(decodeValue(json)))
    case '$undefined':
      return undefined
    case '$map':
      return new Map(members.map(pairOf))
    case '$set':
      return new Set(members.map(decodeValue))
    case '$bytes':
      return Uint8Array.from(String(json).match(/../g) ?? [], pair => Number.parseInt(pair, 16))
    case '$object': {
      const value: Record<string, unknown> = {}
      for (const member of members) {
        const [name, kept] = pairOf(member)
        defineField(value, String(name), kept)
      }
      return value
    }
    default:
      throw new SabotError('SNAPSHOT_CORRUPT', `A value of state has the unknown tag ${describeValue(tag)}`, { tag })
  }
}

function pairOf(json: Json): [unknown, unknown] {
  const [key = null, value = null] = isList(json) ? json : []
  return [decodeValue(key), decodeValue(value)]
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json)
}
