/*
 * Avro schemas (https://avro.apache.org/docs/1.12.0/specification/): read from JSON, with names resolved, and their
 * parsing canonical form and fingerprint.
 */
import { describeValue, SabotError } from '../core/errors.js'
import { encodeUtf8 } from '../core/utf8.js'

export type AvroPrimitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

/** A type; a record may be part of itself. */
export type AvroType =
  | { readonly kind: AvroPrimitive; readonly logical: AvroLogical | undefined }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[] }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number; readonly logical: AvroLogical | undefined }
  | AvroRecord

export interface AvroRecord {
  readonly kind: 'record'
  /** With its namespace. */
  readonly name: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: AvroType
}

/** Annotations that are understood; others stand for what they annotate, as the specification has it. */
export type AvroLogical =
  | { readonly kind: 'date' | 'uuid' | 'timestamp-millis' | 'timestamp-micros' | 'timestamp-nanos' }
  | { readonly kind: 'decimal'; readonly scale: number }

const PRIMITIVES: ReadonlySet<unknown> = new Set<AvroPrimitive>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])
const MAX_DEPTH = 200
const MAX_SCALE = 1000
const MAX_FIXED_BYTES = 16 * 1_048_576

/** @throws SabotError AVRO_INVALID, telling what is wrong with it */
export function parseAvroSchema(json: unknown): AvroType {
  return new SchemaParser().parse(json, '', 0)
}

class SchemaParser {
  private readonly named = new Map<string, AvroType>()

  parse(json: unknown, namespace: string, depth: number): AvroType {
    if (depth > MAX_DEPTH) throw invalidSchema(`is nested deeper than ${MAX_DEPTH} levels`)
    if (typeof json === 'string') return this.reference(json, namespace)
    if (Array.isArray(json)) return this.union(json, namespace, depth)
    if (typeof json !== 'object' || json === null) throw invalidSchema(`has ${describeValue(json)} for a type`)
    const { type } = json as { readonly type?: unknown }
    switch (type) {
      case 'array':
        return { kind: 'array', items: this.parse(memberOf(json, 'items'), namespace, depth + 1) }
      case 'map':
        return { kind: 'map', values: this.parse(memberOf(json, 'values'), namespace, depth + 1) }
      case 'record':
      case 'error':
        return this.record(json, namespace, depth)
      case 'enum':
        return this.enumeration(json, namespace)
      case 'fixed':
        return this.fixed(json, namespace)
      default:
        if (isPrimitive(type)) return { kind: type, logical: logicalOf(json, type) }
        if (type === undefined) throw invalidSchema('has an object without a type')
        return this.parse(type, namespace, depth + 1)
    }
  }

  private reference(name: string, namespace: string): AvroType {
    if (isPrimitive(name)) return { kind: name, logical: undefined }
    const known = this.named.get(fullName(name, namespace)) ?? this.named.get(name)
    if (known === undefined) throw invalidSchema(`names the type ${describeValue(name)}, which it does not define`)
    return known
  }

  private union(json: readonly unknown[], namespace: string, depth: number): AvroType {
    const branches = json.map(branch => this.parse(branch, namespace, depth + 1))
    if (branches.some(({ kind }) => kind === 'union')) throw invalidSchema('has a union in a union')
    return { kind: 'union', branches }
  }

  private record(json: object, namespace: string, depth: number): AvroType {
    const name = nameOf(json, namespace)
    const list = memberOf(json, 'fields')
    if (!Array.isArray(list)) throw invalidSchema(`has a record ${name} without a list of fields`)
    const fields: AvroField[] = []
    const record: AvroRecord = { kind: 'record', name, fields }
    this.define(name, record)
    const seen = new Set<string>()
    for (const field of list) {
      const fieldName = typeof field === 'object' && field !== null ? memberOf(field, 'name') : undefined
      if (typeof fieldName !== 'string') throw invalidSchema(`has a field of ${name} without a name`)
      if (seen.has(fieldName)) throw invalidSchema(`has two fields ${describeValue(fieldName)} of ${name}`)
      seen.add(fieldName)
      fields.push({ name: fieldName, type: this.parse(memberOf(field, 'type'), namespaceOf(name), depth + 1) })
    }
    return record
  }

  private enumeration(json: object, namespace: string): AvroType {
    const name = nameOf(json, namespace)
    const symbols = memberOf(json, 'symbols')
    if (!Array.isArray(symbols) || !symbols.every(symbol => typeof symbol === 'string')) {
      throw invalidSchema(`has an enum ${name} without a list of symbols`)
    }
    return this.define(name, { kind: 'enum', name, symbols })
  }

  private fixed(json: object, namespace: string): AvroType {
    const name = nameOf(json, namespace)
    const size = memberOf(json, 'size')
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > MAX_FIXED_BYTES) {
      throw invalidSchema(`has a fixed ${name} of the size ${describeValue(size)}`)
    }
    return this.define(name, { kind: 'fixed', name, size, logical: logicalOf(json, 'fixed') })
  }

  private define(name: string, type: AvroType): AvroType {
    if (this.named.has(name)) throw invalidSchema(`defines ${name} twice`)
    this.named.set(name, type)
    return type
  }
}

function isPrimitive(name: unknown): name is AvroPrimitive {
  return PRIMITIVES.has(name)
}

function memberOf(json: object, name: string): unknown {
  return Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined
}

function nameOf(json: object, namespace: string): string {
  const [name, own] = [memberOf(json, 'name'), memberOf(json, 'namespace')]
  if (typeof name !== 'string' || name === '') throw invalidSchema(`has a ${memberOf(json, 'type')} without a name`)
  return fullName(name, typeof own === 'string' ? own : namespace)
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}

function logicalOf(json: object, kind: AvroPrimitive | 'fixed'): AvroLogical | undefined {
  const logical = memberOf(json, 'logicalType')
  switch (logical) {
    case 'date':
      return kind === 'int' ? { kind: logical } : undefined
    case 'uuid':
      return kind === 'string' || (kind === 'fixed' && memberOf(json, 'size') === 16) ? { kind: logical } : undefined
    case 'timestamp-millis':
    case 'timestamp-micros':
    case 'timestamp-nanos':
      return kind === 'long' ? { kind: logical } : undefined
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
    case 'local-timestamp-nanos':
      return kind === 'long' ? { kind: logical.slice('local-'.length) as 'timestamp-millis' } : undefined
    case 'decimal': {
      const { scale = 0 } = json as { readonly scale?: unknown }
      const isWhole = typeof scale === 'number' && Number.isInteger(scale) && scale >= 0 && scale <= MAX_SCALE
      return (kind === 'bytes' || kind === 'fixed') && isWhole ? { kind: 'decimal', scale } : undefined
    }
    default:
      return undefined
  }
}

/**
 * The parsing canonical form: primitives in their short form, full names, no attribute that does not matter for reading,
 * the others in the order name, type, fields, symbols, items, values, size. A type stands in full where it comes first.
 */
export function canonicalForm(type: AvroType): string {
  const seen = new Set<string>()
  const write = (part: AvroType): string => {
    switch (part.kind) {
      case 'array':
        return `{"type":"array","items":${write(part.items)}}`
      case 'map':
        return `{"type":"map","values":${write(part.values)}}`
      case 'union':
        return `[${part.branches.map(write).join(',')}]`
      case 'record':
      case 'enum':
      case 'fixed':
        if (seen.has(part.name)) return JSON.stringify(part.name)
        seen.add(part.name)
        return `{"name":${JSON.stringify(part.name)},"type":"${part.kind}",${restOf(part)}}`
      default:
        return `"${part.kind}"`
    }
  }
  const restOf = (part: Extract<AvroType, { name: string }>): string => {
    if (part.kind === 'enum') return `"symbols":${JSON.stringify(part.symbols)}`
    if (part.kind === 'fixed') return `"size":${part.size}`
    const fields = part.fields.map(field => `{"name":${JSON.stringify(field.name)},"type":${write(field.type)}}`)
    return `"fields":[${fields.join(',')}]`
  }
  return write(type)
}

const EMPTY = 0xc15d213aa4d7a795n

/** CRC-64-AVRO, the Rabin fingerprint of the specification, of a schema's canonical form; unsigned. */
export function avroFingerprint(type: AvroType): bigint {
  let fingerprint = EMPTY
  for (const byte of encodeUtf8(canonicalForm(type))) {
    fingerprint = (fingerprint >> 8n) ^ tableEntry(Number((fingerprint ^ BigInt(byte)) & 0xffn))
  }
  return fingerprint
}

const table: bigint[] = []

function tableEntry(index: number): bigint {
  for (let made = table.length; made <= index; made++) {
    let entry = BigInt(made)
    for (let bit = 0; bit < 8; bit++) entry = (entry >> 1n) ^ (entry & 1n ? EMPTY : 0n)
    table.push(entry)
  }
  return table[index] ?? 0n
}

function invalidSchema(what: string): SabotError {
  return new SabotError('AVRO_INVALID', `The Avro schema ${what}`, {})
}
