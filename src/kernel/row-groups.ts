/* Key groups of the rows of a batch, without ids for the keys: to split a batch over parallel subtasks. */
import {
  COMPONENT_AT_BYTES,
  COMPONENT_AT_ENTRIES,
  COMPONENT_AT_OFFSETS,
  COMPONENT_AT_TYPE,
  COMPONENT_AT_VALIDITY,
  COMPONENT_AT_VALUES,
  COMPONENT_BOOL,
  COMPONENT_DICTIONARY,
  COMPONENT_F64,
  COMPONENT_I32,
  COMPONENT_I64,
  COMPONENT_RECORD_BYTES,
  COMPONENT_UTF8,
} from '../../assembly/abi.js'
import type { Dictionary } from '../core/dictionary.js'
import type { KeyColumn } from './composite-columns.js'
import { type Utf8Values, writeBooleans, writeFloats, writeUtf8, writeValidity } from './key-columns.js'
import { Region } from './memory.js'
import type { Kernel } from './module.js'

/** Hashes of the entries of a dictionary, as far as they were needed. */
interface EntryHashes {
  readonly dictionaryId: number
  readonly size: number
  readonly region: Region
}

/**
 * Law: the group of a row is that which a KeyIndex of these columns gives its key (KeyIndex.groupOf).
 */
export class RowGroups {
  private readonly kernel: Kernel
  private readonly maxParallelism: number
  private readonly values: Region
  private readonly validity: Region
  private readonly offsets: Region
  private readonly bytes: Region
  private readonly hashes: Region
  private readonly record: Region
  /** By the number of the column: a stream's batches share a dictionary that grows. */
  private readonly entries: (EntryHashes | undefined)[] = []

  constructor(kernel: Kernel, maxParallelism: number) {
    this.kernel = kernel
    this.maxParallelism = maxParallelism
    this.values = new Region(kernel)
    this.validity = new Region(kernel)
    this.offsets = new Region(kernel)
    this.bytes = new Region(kernel)
    this.hashes = new Region(kernel)
    this.record = new Region(kernel)
  }

  /**
   * The group of each row by its key of one or several columns. A view, valid until the next call of the kernel.
   * @throws SabotError MEMORY_LIMIT, UNKNOWN_DICTIONARY_CODE
   */
  of(columns: readonly KeyColumn[], rows: number): Uint32Array<ArrayBuffer> {
    const { kernel } = this
    // Hashing a dictionary needs the regions, so it comes first.
    columns.forEach((column, number) => {
      if (column.type === 'dictionary') this.hashEntries(column.dictionary, number)
    })
    const hashes = this.zeroed(this.hashes, rows)
    columns.forEach((column, number) => {
      const record = this.describe(column, number, rows)
      kernel.check(kernel.exports.keysHashRows(record, rows, hashes), 'hashing keys')
    })
    kernel.check(kernel.exports.keysGroupRows(hashes, rows, this.maxParallelism), 'assigning key groups')
    return new Uint32Array(kernel.buffer, hashes, rows)
  }

  release(): void {
    const { values, validity, offsets, bytes, hashes, record } = this
    for (const region of [values, validity, offsets, bytes, hashes, record]) region.release()
    for (const known of this.entries.splice(0)) known?.region.release()
  }

  private zeroed(region: Region, count: number): number {
    const pointer = region.reserve(count * 4)
    this.kernel.u8.fill(0, pointer, pointer + count * 4)
    return pointer
  }

  /** The pointer to a record of the column, whose values are copied in. */
  private describe(column: KeyColumn, number: number, rows: number): number {
    const record = new Uint32Array(COMPONENT_RECORD_BYTES >> 2)
    record[COMPONENT_AT_VALIDITY >> 2] = writeValidity(this.validity, column.validity)
    switch (column.type) {
      case 'i32':
        record[COMPONENT_AT_TYPE >> 2] = COMPONENT_I32
        record[COMPONENT_AT_VALUES >> 2] = this.values.write(column.values)
        break
      case 'bool':
        record[COMPONENT_AT_TYPE >> 2] = COMPONENT_BOOL
        record[COMPONENT_AT_VALUES >> 2] = writeBooleans(this.kernel, this.values, column.bits, rows)
        break
      case 'i64':
        record[COMPONENT_AT_TYPE >> 2] = COMPONENT_I64
        record[COMPONENT_AT_VALUES >> 2] = this.values.write(column.values)
        break
      case 'f64':
        record[COMPONENT_AT_TYPE >> 2] = COMPONENT_F64
        record[COMPONENT_AT_VALUES >> 2] = writeFloats(this.kernel, this.values, column.values)
        break
      case 'utf8':
        this.describeStrings(column.values, record)
        break
      case 'dictionary':
        record[COMPONENT_AT_TYPE >> 2] = COMPONENT_DICTIONARY
        record[COMPONENT_AT_VALUES >> 2] = this.values.write(column.codes)
        record[COMPONENT_AT_OFFSETS >> 2] = this.entries[number]?.region.pointer ?? 0
        record[COMPONENT_AT_ENTRIES >> 2] = column.dictionary.size
    }
    return this.record.write(record)
  }

  private describeStrings(values: Utf8Values, record: Uint32Array): void {
    const { offsets, bytes } = writeUtf8(this.offsets, this.bytes, values)
    record[COMPONENT_AT_TYPE >> 2] = COMPONENT_UTF8
    record[COMPONENT_AT_OFFSETS >> 2] = offsets
    record[COMPONENT_AT_BYTES >> 2] = bytes
  }

  /** Sees to it that every entry of the dictionary has its hash in the region of column `number`. */
  private hashEntries(dictionary: Dictionary, number: number): void {
    const { kernel } = this
    const known = this.entries[number]
    const { id: dictionaryId, size } = dictionary
    if (known?.dictionaryId === dictionaryId && known.size === size) return
    const from = known?.dictionaryId === dictionaryId ? known.size : 0
    const earlier = from === 0 ? undefined : this.hashesOf(known, from)
    const region = known?.region ?? new Region(kernel)
    this.entries[number] = { dictionaryId, size, region }
    const pointer = this.zeroed(region, size)
    if (earlier !== undefined) kernel.u8.set(earlier, pointer)
    const record = new Uint32Array(COMPONENT_RECORD_BYTES >> 2)
    const offsets = dictionary.offsets(from)
    const first = offsets[0] ?? 0
    this.describeStrings({ offsets: offsets.map(offset => offset - first), bytes: dictionary.bytes(from) }, record)
    const at = this.record.write(record)
    kernel.check(kernel.exports.keysHashRows(at, size - from, pointer + from * 4), 'hashing a dictionary')
  }

  private hashesOf(known: EntryHashes | undefined, count: number): Uint8Array {
    const start = known?.region.pointer ?? 0
    return this.kernel.u8.slice(start, start + count * 4)
  }
}
