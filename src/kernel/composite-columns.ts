/* The columns of composite keys, described to the kernel by records (abi.ts, COMPONENT_ constants). */
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

/** One column of a composite key. Strings compare alike whether they come plain or from a dictionary. */
export type KeyColumn = { readonly validity?: Uint8Array | undefined } & (
  | { readonly type: 'i32'; readonly values: Int32Values }
  | { readonly type: 'bool'; readonly bits: Uint8Array }
  | { readonly type: 'i64'; readonly values: Int64Values }
  | { readonly type: 'f64'; readonly values: FloatValues }
  | { readonly type: 'utf8'; readonly values: Utf8Values }
  | { readonly type: 'dictionary'; readonly codes: Int32Values; readonly dictionary: Dictionary }
)

/** The room of one column. */
class Component {
  private readonly kernel: Kernel
  private readonly values: Region
  private readonly validity: Region
  private readonly offsets: Region
  private readonly bytes: Region
  /** Which dictionary stands in `offsets` and `bytes`, and how many of its entries. */
  private dictionary = 0
  private entries = 0

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.values = new Region(kernel)
    this.validity = new Region(kernel)
    this.offsets = new Region(kernel)
    this.bytes = new Region(kernel)
  }

  /** Copies a column in, and writes its record at `record`. */
  write(column: KeyColumn, rows: number, record: Uint32Array): void {
    record.fill(0)
    record[COMPONENT_AT_VALIDITY >> 2] = writeValidity(this.validity, column.validity)
    record[COMPONENT_AT_TYPE >> 2] = this.writeValues(column, rows, record)
  }

  release(): void {
    for (const region of [this.values, this.validity, this.offsets, this.bytes]) region.release()
  }

  private writeValues(column: KeyColumn, rows: number, record: Uint32Array): number {
    const at = COMPONENT_AT_VALUES >> 2
    switch (column.type) {
      case 'i32':
        record[at] = this.values.write(column.values)
        return COMPONENT_I32
      case 'bool':
        record[at] = writeBooleans(this.kernel, this.values, column.bits, rows)
        return COMPONENT_BOOL
      case 'i64':
        record[at] = this.values.write(column.values)
        return COMPONENT_I64
      case 'f64':
        record[at] = writeFloats(this.kernel, this.values, column.values)
        return COMPONENT_F64
      case 'utf8': {
        const { offsets, bytes } = writeUtf8(this.offsets, this.bytes, column.values)
        this.dictionary = 0
        record[COMPONENT_AT_OFFSETS >> 2] = offsets
        record[COMPONENT_AT_BYTES >> 2] = bytes
        return COMPONENT_UTF8
      }
      case 'dictionary':
        record[at] = this.values.write(column.codes)
        this.writeDictionary(column.dictionary)
        record[COMPONENT_AT_OFFSETS >> 2] = this.offsets.pointer
        record[COMPONENT_AT_BYTES >> 2] = this.bytes.pointer
        record[COMPONENT_AT_ENTRIES >> 2] = this.entries
        return COMPONENT_DICTIONARY
    }
  }

  /** Dictionaries only grow: what is there already stays. */
  private writeDictionary(dictionary: Dictionary): void {
    if (this.dictionary === dictionary.id && this.entries === dictionary.size) return
    this.dictionary = 0
    this.offsets.write(dictionary.offsets())
    this.bytes.write(dictionary.bytes())
    this.dictionary = dictionary.id
    this.entries = dictionary.size
  }
}

/** The room of all columns of one index's composite keys, and their records. */
export class CompositeColumns {
  private readonly kernel: Kernel
  private readonly components: Component[] = []
  private readonly records: Region

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.records = new Region(kernel)
  }

  /** Copies the columns in; the pointer to their records. */
  write(columns: readonly KeyColumn[], rows: number): number {
    const words = COMPONENT_RECORD_BYTES >> 2
    const records = new Uint32Array(columns.length * words)
    columns.forEach((column, number) => {
      const component = this.components[number] ?? new Component(this.kernel)
      this.components[number] = component
      component.write(column, rows, records.subarray(number * words, (number + 1) * words))
    })
    return this.records.write(records)
  }

  release(): void {
    for (const component of this.components) component.release()
    this.records.release()
  }
}
