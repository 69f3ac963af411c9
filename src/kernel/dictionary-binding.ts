/*
 * A dictionary bound to a key index: the kernel keeps its entries, and an id for each that a row has used. Coding a
 * row then is one look-up by its code.
 */
import type { Dictionary } from '../core/dictionary.js'
import type { CodingRegions } from './coding-regions.js'
import { type Int32Values, type Utf8Values, writeUtf8, writeValidity } from './key-columns.js'
import type { Kernel } from './module.js'

export class DictionaryBinding {
  private readonly kernel: Kernel
  private readonly regions: CodingRegions
  private readonly onDestroy: (binding: DictionaryBinding) => void
  private handle: number
  private entries = 0

  /**
   * Of the index `keys`; made by KeyIndex.bindDictionary().
   * @throws SabotError MEMORY_LIMIT, KERNEL_ARGUMENT when the keys are no strings
   */
  constructor(kernel: Kernel, keys: number, regions: CodingRegions, onDestroy: (binding: DictionaryBinding) => void) {
    this.kernel = kernel
    this.regions = regions
    this.onDestroy = onDestroy
    this.handle = kernel.handle(kernel.exports.dictionaryBind(keys), 'binding a dictionary')
  }

  /** Entries that the kernel has. */
  get size(): number {
    return this.entries
  }

  private get pointer(): number {
    if (this.handle === 0) throw new TypeError('This dictionary binding is destroyed')
    return this.handle
  }

  /** Appends entries. @throws SabotError MEMORY_LIMIT, with nothing appended */
  extend(values: Utf8Values): void {
    const count = values.offsets.length - 1
    if (count <= 0) return
    const { offsets, bytes } = writeUtf8(this.regions.source, this.regions.bytes, values)
    const outcome = this.kernel.exports.dictionaryExtend(this.pointer, offsets, bytes, count)
    this.entries = this.kernel.check(outcome, 'extending a dictionary')
  }

  /** Appends what `dictionary`, of which this binding has the first entries, has more. */
  follow(dictionary: Dictionary): void {
    if (dictionary.size === this.entries) return
    const offsets = dictionary.offsets(this.entries)
    const first = offsets[0] ?? 0
    this.extend({
      offsets: first === 0 ? offsets : offsets.map(offset => offset - first),
      bytes: dictionary.bytes(this.entries),
    })
  }

  /**
   * Ids of the rows, by their codes; a view, valid until the next call of the index.
   * @throws SabotError UNKNOWN_DICTIONARY_CODE, MEMORY_LIMIT, TOO_MANY_KEYS: the rows before details.row are coded
   */
  code(codes: Int32Values, validity?: Uint8Array): Uint32Array<ArrayBuffer> {
    const { kernel, regions } = this
    const source = regions.source.write(codes)
    const nulls = writeValidity(regions.validity, validity)
    const ids = regions.reserveIds(codes.length)
    return regions.coded(kernel.exports.keysCodeDictionary(this.pointer, source, nulls, 0, codes.length, ids))
  }

  /** Frees the binding; the keys stay. */
  destroy(): void {
    if (this.handle === 0) return
    this.kernel.exports.dictionaryRelease(this.handle)
    this.handle = 0
    this.onDestroy(this)
  }
}
