/*
 * Avro's binary encoding: bytes to JavaScript values and back, by a type. Integers that a number does not hold exactly
 * are bigints; nothing is read beyond the bytes, whatever lengths they claim.
 */
import { formatDecimal, parseDecimal } from '../core/decimal.js'
import { describeValue, SabotError } from '../core/errors.js'
import { defineField } from '../core/row-object.js'
import { decodeUtf8, encodeUtf8 } from '../core/utf8.js'
import type { AvroLogical, AvroType } from './avro-schema.js'

const MAX_DEPTH = 1000
/** Items that take no byte, such as those of an array of nulls, are bounded by this number. */
const MAX_EMPTY_ITEMS = 1_048_576
const MAX_DECIMAL_BYTES = 1024
const DAY_MS = 86_400_000

export class AvroInput {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  position = 0
  private depth = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get remaining(): number {
    return this.bytes.length - this.position
  }

  byte(): number {
    if (this.position >= this.bytes.length) throw this.invalid('ends in the middle of a value')
    return this.bytes[this.position++] ?? 0
  }

  /** A zig-zag varint: a bigint where a number would not be exact. */
  long(): number | bigint {
    let value = 0
    let factor = 1
    for (let length = 0; length < 7; length++) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      factor *= 128
    }
    let large = BigInt(value)
    for (let shift = 49n; ; shift += 7n) {
      const byte = this.byte()
      if (shift === 63n && byte > 1) throw this.invalid('has an integer of more than 64 bits')
      large |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    const signed = (large >> 1n) ^ -(large & 1n)
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed
  }

  /** A length or count within what is left, or within `most`. */
  length(most: number): number {
    const length = this.long()
    if (typeof length === 'number' && length >= 0 && length <= most) return length
    throw this.invalid(`claims a length of ${length}`)
  }

  take(length: number): Uint8Array {
    if (length > this.remaining) throw this.invalid('ends in the middle of a value')
    this.position += length
    return this.bytes.subarray(this.position - length, this.position)
  }

  float(): number {
    this.take(4)
    return this.view.getFloat32(this.position - 4, true)
  }

  double(): number {
    this.take(8)
    return this.view.getFloat64(this.position - 8, true)
  }

  /** Arrays and maps: calls back for each item. */
  blocks(minBytes: number, item: () => void): void {
    for (;;) {
      let count = this.long()
      if (count === 0) return
      if (typeof count === 'number' && count < 0) {
        count = -count
        this.length(this.remaining)
      }
      const most = minBytes === 0 ? MAX_EMPTY_ITEMS : this.remaining / minBytes
      if (typeof count !== 'number' || count > most) throw this.invalid(`claims ${count} items`)
      for (let index = 0; index < count; index++) item()
    }
  }

  nested<T>(read: () => T): T {
    if (this.depth >= MAX_DEPTH) throw this.invalid(`is nested deeper than ${MAX_DEPTH} levels`)
    this.depth += 1
    try {
      return read()
    } finally {
      this.depth -= 1
    }
  }

  invalid(what: string): SabotError {
    return new SabotError('AVRO_INVALID', `The Avro data ${what} at byte ${this.position}`, { position: this.position })
  }
}

export type AvroReader = (input: AvroInput) => unknown

/** What reads values of a type, made once. Enums and uuids are texts, decimals exact texts, times ms, bytes Uint8Array. */
export function avroReader(type: AvroType): AvroReader {
  return readerOf(type, new Map())
}

function readerOf(type: AvroType, known: Map<AvroType, AvroReader>): AvroReader {
  const made = known.get(type)
  if (made !== undefined) return made
  if (type.kind === 'record') {
    // Set before its fields are made: the record may be part of itself.
    const fields: { readonly name: string; readonly read: AvroReader }[] = []
    const read: AvroReader = input =>
      input.nested(() => {
        const record: Record<string, unknown> = {}
        for (const field of fields) defineField(record, field.name, field.read(input))
        return record
      })
    known.set(type, read)
    for (const field of type.fields) fields.push({ name: field.name, read: readerOf(field.type, known) })
    return read
  }
  const read = plainReader(type, known)
  known.set(type, read)
  return read
}

function plainReader(type: Exclude<AvroType, { kind: 'record' }>, known: Map<AvroType, AvroReader>): AvroReader {
  switch (type.kind) {
    case 'null':
      return () => null
    case 'boolean':
      return input => {
        const byte = input.byte()
        if (byte > 1) throw input.invalid(`has the boolean ${byte}`)
        return byte === 1
      }
    case 'int':
      return intReader(type.logical)
    case 'long':
      return longReader(type.logical)
    case 'float':
      return input => input.float()
    case 'double':
      return input => input.double()
    case 'bytes':
      return bytesReader(input => input.take(input.length(input.remaining)), type.logical)
    case 'string':
      return input => decodeUtf8(input.take(input.length(input.remaining)))
    case 'fixed': {
      const { size } = type
      if (type.logical?.kind === 'uuid') return input => uuidText(input.take(size))
      return bytesReader(input => input.take(size), type.logical)
    }
    case 'enum': {
      const { symbols } = type
      return input => {
        const symbol = symbols[input.length(symbols.length - 1)]
        if (symbol === undefined) throw input.invalid('has a value of an enum without symbols')
        return symbol
      }
    }
    case 'array': {
      const [read, minBytes] = [readerOf(type.items, known), minBytesOf(type.items)]
      return input =>
        input.nested(() => {
          const items: unknown[] = []
          input.blocks(minBytes, () => items.push(read(input)))
          return items
        })
    }
    case 'map': {
      const read = readerOf(type.values, known)
      return input =>
        input.nested(() => {
          const map: Record<string, unknown> = {}
          input.blocks(1, () => {
            const key = decodeUtf8(input.take(input.length(input.remaining)))
            defineField(map, key, read(input))
          })
          return map
        })
    }
    case 'union': {
      const readers = type.branches.map(branch => readerOf(branch, known))
      return input => {
        const read = readers[input.length(readers.length - 1)]
        if (read === undefined) throw input.invalid('has a value of a union without branches')
        return read(input)
      }
    }
  }
}

function intReader(logical: AvroLogical | undefined): AvroReader {
  const factor = logical?.kind === 'date' ? DAY_MS : 1
  return input => {
    const value = input.long()
    if (typeof value === 'bigint' || value !== (value | 0)) throw input.invalid(`has ${value} for a 32-bit integer`)
    return value * factor
  }
}

function longReader(logical: AvroLogical | undefined): AvroReader {
  const divisor = logical?.kind === 'timestamp-micros' ? 1000 : logical?.kind === 'timestamp-nanos' ? 1_000_000 : 1
  if (divisor === 1) return input => input.long()
  return input => {
    const value = input.long()
    if (typeof value === 'number') return Math.floor(value / divisor)
    const [quotient, isBelow] = [value / BigInt(divisor), value < 0n && value % BigInt(divisor) !== 0n]
    return Number(isBelow ? quotient - 1n : quotient)
  }
}

function bytesReader(read: (input: AvroInput) => Uint8Array, logical: AvroLogical | undefined): AvroReader {
  if (logical?.kind !== 'decimal') return input => read(input).slice()
  const { scale } = logical
  return input => {
    const bytes = read(input)
    if (bytes.length > MAX_DECIMAL_BYTES) throw input.invalid(`has a decimal of ${bytes.length} bytes`)
    return formatDecimal(signed(bytes), scale)
  }
}

/** Big-endian two's complement. */
function signed(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(bytes.length * 8, value)
}

function uuidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** What passes over values of a type. */
export function avroSkipper(type: AvroType): (input: AvroInput) => void {
  switch (type.kind) {
    case 'float':
      return input => void input.take(4)
    case 'double':
      return input => void input.take(8)
    case 'bytes':
    case 'string':
      return input => void input.take(input.length(input.remaining))
    case 'fixed':
      return input => void input.take(type.size)
    case 'union': {
      if (type.branches.some(isComplex)) return avroReader(type)
      const skips = type.branches.map(avroSkipper)
      return input => {
        const skip = skips[input.length(skips.length - 1)]
        if (skip === undefined) throw input.invalid('has a value of a union without branches')
        skip(input)
      }
    }
    default:
      return avroReader(type)
  }
}

function isComplex({ kind }: AvroType): boolean {
  return kind === 'record' || kind === 'array' || kind === 'map' || kind === 'union'
}

/** The least bytes that a value of a type takes; a record within itself counts for none. */
export function minBytesOf(type: AvroType, within: readonly AvroType[] = []): number {
  switch (type.kind) {
    case 'null':
      return 0
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return type.size
    case 'record':
      if (within.includes(type)) return 0
      return type.fields.reduce((sum, field) => sum + minBytesOf(field.type, [...within, type]), 0)
    default:
      return 1
  }
}

export class AvroOutput {
  private bytes = new Uint8Array(1024)
  private view = new DataView(this.bytes.buffer)
  length = 0

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  long(value: number | bigint): void {
    if (typeof value === 'number' && Math.abs(value) < 2 ** 30) {
      let rest = ((value << 1) ^ (value >> 31)) >>> 0
      for (; rest >= 0x80; rest >>>= 7) this.byte((rest & 0x7f) | 0x80)
      this.byte(rest)
      return
    }
    const exact = BigInt(value)
    let rest = BigInt.asUintN(64, (exact << 1n) ^ (exact >> 63n))
    for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80)
    this.byte(Number(rest))
  }

  float(value: number): void {
    this.reserve(4)
    this.view.setFloat32(this.length, value, true)
    this.length += 4
  }

  double(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.length, value, true)
    this.length += 8
  }

  put(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  text(text: string): void {
    const bytes = encodeUtf8(text)
    this.long(bytes.length)
    this.put(bytes)
  }

  /** What was written; the output is empty then. */
  finish(): Uint8Array {
    const written = this.bytes.slice(0, this.length)
    this.length = 0
    return written
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }
}

/** Writes a value as a type, in the forms that avroReader gives. @throws SabotError TYPE_MISMATCH */
export function writeAvro(type: AvroType, value: unknown, output: AvroOutput): void {
  if (!wasWritten(type, value, output)) {
    throw new SabotError('TYPE_MISMATCH', `The Avro type ${type.kind} takes no ${describeValue(value)}`, { value })
  }
}

function wasWritten(type: AvroType, value: unknown, output: AvroOutput): boolean {
  switch (type.kind) {
    case 'null':
      return value === null || value === undefined
    case 'boolean':
      if (typeof value !== 'boolean') return false
      output.byte(value ? 1 : 0)
      return true
    case 'int':
    case 'long': {
      const integer = integerOf(type.logical, value)
      if (integer === undefined || !fits(type.kind, integer)) return false
      output.long(integer)
      return true
    }
    case 'float':
    case 'double':
      if (typeof value !== 'number') return false
      if (type.kind === 'float') output.float(value)
      else output.double(value)
      return true
    case 'string':
      if (typeof value !== 'string') return false
      output.text(value)
      return true
    case 'bytes':
    case 'fixed': {
      const bytes = bytesOf(type, value)
      if (bytes === undefined) return false
      if (type.kind === 'bytes') output.long(bytes.length)
      output.put(bytes)
      return true
    }
    case 'enum': {
      const index = typeof value === 'string' ? type.symbols.indexOf(value) : -1
      if (index >= 0) output.long(index)
      return index >= 0
    }
    case 'union': {
      const index = type.branches.findIndex(branch => isOf(branch, value))
      const branch = type.branches[index]
      if (branch === undefined) return false
      output.long(index)
      return wasWritten(branch, value, output)
    }
    case 'record':
      if (typeof value !== 'object' || value === null) return false
      for (const field of type.fields) writeAvro(field.type, memberOf(value, field.name), output)
      return true
    case 'array':
      if (!Array.isArray(value)) return false
      writeItems(value, item => writeAvro(type.items, item, output), output)
      return true
    case 'map':
      if (typeof value !== 'object' || value === null) return false
      writeItems(
        Object.entries(value),
        ([key, entry]) => {
          output.text(key)
          writeAvro(type.values, entry, output)
        },
        output,
      )
      return true
  }
}

function writeItems<Item>(items: readonly Item[], write: (item: Item) => void, output: AvroOutput): void {
  if (items.length > 0) output.long(items.length)
  for (const item of items) write(item)
  output.long(0)
}

function memberOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function integerOf(logical: AvroLogical | undefined, value: unknown): number | bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined
  if (logical?.kind === 'date') return Math.floor(value / DAY_MS)
  if (logical?.kind === 'timestamp-micros') return BigInt(value) * 1000n
  return logical?.kind === 'timestamp-nanos' ? BigInt(value) * 1_000_000n : value
}

function fits(kind: 'int' | 'long', value: number | bigint): boolean {
  return kind === 'int'
    ? BigInt.asIntN(32, BigInt(value)) === BigInt(value)
    : BigInt.asIntN(64, BigInt(value)) === BigInt(value)
}

function bytesOf(
  type: Exclude<AvroType, { kind: 'record' }> & { readonly logical: AvroLogical | undefined },
  value: unknown,
): Uint8Array | undefined {
  const size = type.kind === 'fixed' ? type.size : undefined
  if (value instanceof Uint8Array) return size === undefined || value.length === size ? value : undefined
  if (typeof value !== 'string') return undefined
  if (type.logical?.kind === 'decimal') return twosComplement(parseDecimal(value, type.logical.scale), size)
  if (type.logical?.kind !== 'uuid' || !/^[0-9a-f-]{36}$/i.test(value)) return undefined
  return Uint8Array.from(value.replace(/-/g, '').match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

/** Big-endian, in as few bytes as there must be. */
export function twosComplement(value: bigint, size: number | undefined): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.unshift(Number(rest & 0xffn))
    rest >>= 8n
  } while (
    size === undefined
      ? !((rest === 0n && (bytes[0] ?? 0) < 0x80) || (rest === -1n && (bytes[0] ?? 0) >= 0x80))
      : bytes.length < size
  )
  return Uint8Array.from(bytes)
}

/** Whether a value is written as a branch of a union. */
function isOf(branch: AvroType, value: unknown): boolean {
  switch (branch.kind) {
    case 'null':
      return value === null || value === undefined
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
    case 'long': {
      const integer = integerOf(branch.logical, value)
      return integer !== undefined && fits(branch.kind, integer)
    }
    case 'float':
    case 'double':
      return typeof value === 'number'
    case 'string':
      return typeof value === 'string'
    case 'bytes':
    case 'fixed':
      return bytesOf(branch, value) !== undefined
    case 'enum':
      return typeof value === 'string' && branch.symbols.includes(value)
    case 'array':
      return Array.isArray(value)
    case 'union':
      return false
    case 'map':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'record':
      return (
        typeof value === 'object' && value !== null && branch.fields.every(({ name }) => Object.hasOwn(value, name))
      )
  }
}
