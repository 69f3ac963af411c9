/*
 * A key index: columns of keys to dense ids, and back. What a call copies in goes to regions that only grow, so coding
 * batch after batch allocates nothing.
 */
import {
  COMPONENT_BOOL,
  COMPONENT_F64,
  COMPONENT_I32,
  COMPONENT_I64,
  COMPONENT_UTF8,
  DEFAULT_MAX_PARALLELISM,
  KEY_32,
  KEY_64,
  KEY_BOOL,
  KEY_COMPOSITE,
  KEY_F64,
  KEY_UTF8,
  RESULT_POINTER,
  RESULT_SIZE,
} from '../../assembly/abi.js'
import type { Dictionary } from '../core/dictionary.js'
import { CodingRegions } from './coding-regions.js'
import { CompositeColumns, type KeyColumn } from './composite-columns.js'
import { DictionaryBinding } from './dictionary-binding.js'
import {
  type FloatValues,
  type Int32Values,
  type Int64Values,
  type Utf8Values,
  writeBooleans,
  writeFloats,
  writeUtf8,
  writeValidity,
} from './key-columns.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** What a key index may hold, by the type of the key. */
export const KEY_KINDS = {
  i32: KEY_32,
  bool: KEY_BOOL,
  i64: KEY_64,
  f64: KEY_F64,
  utf8: KEY_UTF8,
  composite: KEY_COMPOSITE,
} as const

export type KeyKind = keyof typeof KEY_KINDS

export interface KeyIndexOptions {
  readonly kind: KeyKind
  /** Key groups; 128 by default. */
  readonly maxParallelism?: number
  /** Seed of the table's hash; it never shows in ids. */
  readonly seed?: bigint
}

/** Strings read back: Arrow's offsets and bytes. Views, valid until the next call of this index. */
export interface ReadStrings {
  readonly offsets: Int32Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly validity: Uint8Array<ArrayBuffer>
}

/** Values read back. Views, valid until the next call of this index. */
export interface ReadValues<Values> {
  readonly values: Values
  /** One bit a row, 0 for the null key. */
  readonly validity: Uint8Array<ArrayBuffer>
}

/** Types of a composite key's components, as they are read back. */
const COMPONENT_TYPES = {
  i32: COMPONENT_I32,
  bool: COMPONENT_BOOL,
  i64: COMPONENT_I64,
  f64: COMPONENT_F64,
} as const

/** Dictionaries that an index stays bound to; the one not used for longest gives way. */
const BINDINGS_KEPT = 8

/**
 * Laws: equal keys have one id while it is in use; a new key takes the lowest free id; a key stays while it is retained
 * or until the next settle(). Ids come as views that the next call of this index overwrites.
 *
 * The coding methods throw SabotError MEMORY_LIMIT or TOO_MANY_KEYS with details.row: the rows before it are coded.
 */
export class KeyIndex {
  readonly kind: KeyKind
  readonly maxParallelism: number
  private readonly kernel: Kernel
  private readonly regions: CodingRegions
  private readonly composite: CompositeColumns
  private readonly idsIn: Region
  private readonly out: Region
  private readonly validityOut: Region
  private readonly bindings = new Set<DictionaryBinding>()
  /** By the id of the dictionary, the one used last at the end. */
  private readonly followed = new Map<number, DictionaryBinding>()
  private handle: number

  /** @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT when maxParallelism is not within 1 and 32,768 */
  constructor(kernel: Kernel, { kind, maxParallelism = DEFAULT_MAX_PARALLELISM, seed = 0n }: KeyIndexOptions) {
    this.kernel = kernel
    this.kind = kind
    this.maxParallelism = maxParallelism
    const low = Number(seed & 0xffffffffn)
    const high = Number((seed >> 32n) & 0xffffffffn)
    const created = kernel.exports.keysCreate(KEY_KINDS[kind], low, high, maxParallelism)
    this.handle = kernel.handle(created, 'creating a key index')
    this.regions = new CodingRegions(kernel)
    this.composite = new CompositeColumns(kernel)
    this.idsIn = new Region(kernel)
    this.out = new Region(kernel)
    this.validityOut = new Region(kernel)
  }

  /** The handle, for the kernels that work on the same keys. */
  get pointer(): number {
    if (this.handle === 0) throw new TypeError('This key index is destroyed')
    return this.handle
  }

  /** Where the ids of the rows coded last stand. */
  get idsPointer(): number {
    return this.regions.ids.pointer
  }

  /** Keys that have an id. */
  get count(): number {
    return this.kernel.exports.keysCount(this.pointer) >>> 0
  }

  /** Ids in use are below this. */
  get highWater(): number {
    return this.kernel.exports.keysHighWater(this.pointer) >>> 0
  }

  has(id: number): boolean {
    return this.kernel.exports.keysContains(this.pointer, id) !== 0
  }

  /** Key group of an id in use. */
  groupOf(id: number): number {
    return this.kernel.exports.keysGroupOf(this.pointer, id)
  }

  // ---- coding -------------------------------------------------------------------------------------------------------

  codeInt32(values: Int32Values, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    return this.code32(this.regions.source.write(values), values.length, validity)
  }

  /** `rows` bits, least significant first. */
  codeBool(bits: Uint8Array, rows: number, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    return this.code32(writeBooleans(this.kernel, this.regions.source, bits, rows), rows, validity)
  }

  codeInt64(values: Int64Values, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    return this.code64(this.regions.source.write(values), values.length, validity)
  }

  codeFloat64(values: FloatValues, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    return this.code64(writeFloats(this.kernel, this.regions.source, values), values.length, validity)
  }

  codeUtf8(values: Utf8Values, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    const { exports } = this.kernel
    const { regions } = this
    const rows = values.offsets.length - 1
    const { offsets, bytes } = writeUtf8(regions.source, regions.bytes, values)
    const nulls = writeValidity(regions.validity, validity)
    const ids = regions.reserveIds(rows)
    return regions.coded(exports.keysCodeUtf8(this.pointer, offsets, bytes, nulls, 0, rows, ids))
  }

  /** Codes of a dictionary that may grow between calls; its entries are copied in and coded once. */
  codeDictionary(dictionary: Dictionary, codes: Int32Values, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    const binding = this.followed.get(dictionary.id) ?? this.bindDictionary()
    this.followed.delete(dictionary.id)
    this.followed.set(dictionary.id, binding)
    binding.follow(dictionary)
    for (const oldest of this.followed.values()) {
      if (this.followed.size <= BINDINGS_KEPT) break
      oldest.destroy()
    }
    return binding.code(codes, validity)
  }

  /** Keys of several columns, all of `rows` rows, in the order that the index was given them before. */
  codeComposite(columns: readonly KeyColumn[], rows: number): Uint32Array<ArrayBuffer> {
    const { exports } = this.kernel
    const components = this.composite.write(columns, rows)
    const ids = this.regions.reserveIds(rows)
    return this.regions.coded(exports.keysCodeComposite(this.pointer, components, columns.length, 0, rows, ids))
  }

  /** A dictionary of one's own, empty at first; destroyed with the index at the latest. */
  bindDictionary(): DictionaryBinding {
    const binding = new DictionaryBinding(this.kernel, this.pointer, this.regions, gone => this.forget(gone))
    this.bindings.add(binding)
    return binding
  }

  private forget(binding: DictionaryBinding): void {
    this.bindings.delete(binding)
    for (const [id, followed] of this.followed) if (followed === binding) this.followed.delete(id)
  }

  private code32(source: number, rows: number, validity: Uint8Array | undefined): Uint32Array<ArrayBuffer> {
    const nulls = writeValidity(this.regions.validity, validity)
    const ids = this.regions.reserveIds(rows)
    return this.regions.coded(this.kernel.exports.keysCode32(this.pointer, source, nulls, 0, rows, ids))
  }

  private code64(source: number, rows: number, validity: Uint8Array | undefined): Uint32Array<ArrayBuffer> {
    const nulls = writeValidity(this.regions.validity, validity)
    const ids = this.regions.reserveIds(rows)
    return this.regions.coded(this.kernel.exports.keysCode64(this.pointer, source, nulls, 0, rows, ids))
  }

  // ---- references ---------------------------------------------------------------------------------------------------

  /** Keeps an id in use beyond the next settle(), until it is dropped as often. */
  retain(id: number): void {
    this.kernel.exports.keysRetain(this.pointer, id)
  }

  drop(id: number): void {
    this.kernel.exports.keysDrop(this.pointer, id)
  }

  /** Frees the ids that nothing retains; how many. Ids coded before and not retained are void then. */
  settle(): number {
    return this.kernel.exports.keysSettle(this.pointer)
  }

  // ---- reading back -------------------------------------------------------------------------------------------------

  /** Where a copy of `ids` stands, for the read methods. */
  writeIds(ids: Uint32Array): number {
    return this.idsIn.write(ids)
  }

  /** Keys of `count` ids at `ids`, of kinds i32 and bool. */
  readInt32(ids: number, count: number): ReadValues<Int32Array<ArrayBuffer>> {
    const { out, validity } = this.reserveOut(count, 4)
    this.checkRead(this.kernel.exports.keysRead32(this.pointer, ids, count, out, validity))
    return { values: new Int32Array(this.kernel.buffer, out, count), validity: this.validityView(count) }
  }

  /** Keys of `count` ids at `ids`, of kind i64. */
  readInt64(ids: number, count: number): ReadValues<BigInt64Array<ArrayBuffer>> {
    const { out, validity } = this.reserveOut(count, 8)
    this.checkRead(this.kernel.exports.keysRead64(this.pointer, ids, count, out, validity))
    return { values: new BigInt64Array(this.kernel.buffer, out, count), validity: this.validityView(count) }
  }

  /** Keys of `count` ids at `ids`, of kind f64. */
  readFloat64(ids: number, count: number): ReadValues<Float64Array<ArrayBuffer>> {
    const { out, validity } = this.reserveOut(count, 8)
    this.checkRead(this.kernel.exports.keysRead64(this.pointer, ids, count, out, validity))
    return { values: new Float64Array(this.kernel.buffer, out, count), validity: this.validityView(count) }
  }

  /** Keys of `count` ids at `ids`, of kind utf8. */
  readUtf8(ids: number, count: number): ReadStrings {
    const { out, validity } = this.reserveOut(count + 1, 4)
    this.checkRead(this.kernel.exports.keysReadUtf8(this.pointer, ids, count, out, validity))
    return this.readStrings(out, count)
  }

  /** Strings of component `component` of composite keys. @throws SabotError KERNEL_ARGUMENT when it is no string */
  readUtf8Component(ids: number, count: number, component: number): ReadStrings {
    const { out, validity } = this.reserveOut(count + 1, 4)
    const { exports } = this.kernel
    this.checkRead(exports.keysReadComponent(this.pointer, ids, count, component, COMPONENT_UTF8, out, validity))
    return this.readStrings(out, count)
  }

  /** Values of component `component` of composite keys. @throws SabotError KERNEL_ARGUMENT when it is another type */
  readComponent(
    ids: number,
    count: number,
    component: number,
    type: 'i32' | 'bool',
  ): ReadValues<Int32Array<ArrayBuffer>>
  readComponent(ids: number, count: number, component: number, type: 'i64'): ReadValues<BigInt64Array<ArrayBuffer>>
  readComponent(ids: number, count: number, component: number, type: 'f64'): ReadValues<Float64Array<ArrayBuffer>>
  readComponent(
    ids: number,
    count: number,
    component: number,
    type: keyof typeof COMPONENT_TYPES,
  ): ReadValues<Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
    const { out, validity } = this.reserveOut(count, 8)
    const { exports } = this.kernel
    this.checkRead(exports.keysReadComponent(this.pointer, ids, count, component, COMPONENT_TYPES[type], out, validity))
    const { buffer } = this.kernel
    const bits = this.validityView(count)
    if (type === 'i64') return { values: new BigInt64Array(buffer, out, count), validity: bits }
    if (type === 'f64') return { values: new Float64Array(buffer, out, count), validity: bits }
    return { values: new Int32Array(buffer, out, count), validity: bits }
  }

  private reserveOut(count: number, width: number): { out: number; validity: number } {
    return { out: this.out.reserve(count * width), validity: this.validityOut.reserve((count + 7) >>> 3) }
  }

  private checkRead(outcome: number): void {
    this.kernel.check(outcome, 'reading keys back')
  }

  private validityView(count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.kernel.buffer, this.validityOut.pointer, (count + 7) >>> 3)
  }

  private readStrings(offsets: number, count: number): ReadStrings {
    const { kernel } = this
    const bytes = kernel.resultWord(RESULT_POINTER)
    const size = kernel.resultWord(RESULT_SIZE)
    return {
      offsets: new Int32Array(kernel.buffer, offsets, count + 1),
      bytes: new Uint8Array(kernel.buffer, bytes, size),
      validity: this.validityView(count),
    }
  }

  /** Frees the index, its dictionaries and its regions. Once is enough, twice does no harm. */
  destroy(): void {
    if (this.handle === 0) return
    for (const binding of this.bindings) binding.destroy()
    this.kernel.exports.keysDestroy(this.handle)
    this.handle = 0
    this.regions.release()
    this.composite.release()
    for (const region of [this.idsIn, this.out, this.validityOut]) region.release()
  }
}
