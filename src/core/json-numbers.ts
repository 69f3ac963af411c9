/* Numbers that JSON has no words for. */
import type { Json } from './json.js'

/** NaN, the infinities and -0 as text; every other number as it is. */
export function numberToJson(value: number): Json {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : value
  return String(value)
}

/** What numberToJson wrote. */
export function numberFromJson(json: Json | undefined): number {
  return Number(json)
}

/** An integer of any size as text. */
export function bigIntToJson(value: bigint): Json {
  return value.toString()
}

/** What bigIntToJson wrote. */
export function bigIntFromJson(json: Json | undefined): bigint {
  return BigInt(String(json))
}
