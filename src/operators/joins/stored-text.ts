import { bitmapBytes, getBit } from '../../core/bitmap.js'
import { copyBytes, viewOf } from '../../core/byte-copy.js'
import type { Column } from '../../core/column.js'
import { DictionaryColumn, Utf8Column } from '../../core/columns-text.js'
import type { Dictionary } from '../../core/dictionary.js'
import { CHUNK_MASK, CHUNK_ROWS, CHUNK_SHIFT } from './row-slots.js'

/** The place of a null, and of a slot that is not in use. */
const NONE = -(2 ** 31)
const EMPTY: DataView = new DataView(new ArrayBuffer(0))
/** A dictionary of at most this many entries is never given up. */
const SMALL_DICTIONARY = 1024

/**
 * Where the strings of a chunk stand. places[i] is an offset in `bytes`, and sizes[i] the length; or places[i] is the
 * complement of a dictionary's number, and sizes[i] the code.
 */
interface TextChunk {
  readonly places: Int32Array
  readonly sizes: Int32Array
  bytes: DataView
  /** Bytes written, and those of them that a slot refers to. */
  top: number
  live: number
}

interface KeptDictionary {
  readonly dictionary: Dictionary
  /** Slots that refer to it. */
  rows: number
}

/**
 * Strings of rows that come and go, never decoded. Codes stay codes as long as their dictionary is well used; of a
 * dictionary of which few entries are left the bytes are copied, so that a few rows do not keep all of it.
 */
export class StoredText {
  private readonly chunks: (TextChunk | undefined)[] = []
  private readonly dictionaries: (KeptDictionary | undefined)[] = []
  private readonly numbers = new Map<number, number>()
  private latest: Dictionary | undefined

  open(chunk: number): void {
    const places = new Int32Array(CHUNK_ROWS).fill(NONE)
    this.chunks[chunk] = { places, sizes: new Int32Array(CHUNK_ROWS), bytes: EMPTY, top: 0, live: 0 }
  }

  drop(chunk: number): void {
    this.chunks[chunk] = undefined
  }

  write(column: Column, slots: Uint32Array): void {
    if (column instanceof DictionaryColumn) this.writeCodes(column, slots)
    else if (column instanceof Utf8Column) this.writeStrings(column, slots)
    else throw new TypeError(`A column of ${String(column.type)} came where strings are kept`)
  }

  /** Codes where all slots are of one dictionary, else strings. */
  gather(slots: Uint32Array): Column {
    const number = this.commonDictionary(slots)
    return number === undefined ? this.gatherStrings(slots) : this.gatherCodes(slots, number)
  }

  release(slots: Uint32Array): void {
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = this.chunks[slot >>> CHUNK_SHIFT] as TextChunk
      const row = slot & CHUNK_MASK
      const place = chunk.places[row] as number
      if (place >= 0) chunk.live -= chunk.sizes[row] as number
      else if (place !== NONE) (this.dictionaries[~place] as KeptDictionary).rows--
      chunk.places[row] = NONE
      chunk.sizes[row] = 0
    }
    this.giveUpDictionaries()
  }

  private writeCodes(column: DictionaryColumn, slots: Uint32Array): void {
    const { dictionary, codes, validity } = column
    const number = this.numberOf(dictionary)
    let rows = 0
    for (let row = 0; row < slots.length; row++) {
      if (validity !== undefined && !column.isValid(row)) continue
      const slot = slots[row] as number
      const chunk = this.chunks[slot >>> CHUNK_SHIFT] as TextChunk
      chunk.places[slot & CHUNK_MASK] = ~number
      chunk.sizes[slot & CHUNK_MASK] = codes[row] as number
      rows++
    }
    const kept = this.dictionaries[number]
    if (kept !== undefined) kept.rows += rows
  }

  /** Rows that go to one chunk are copied at once. */
  private writeStrings(column: Utf8Column, slots: Uint32Array): void {
    const bytes = viewOf(column.bytes)
    let from = 0
    while (from < slots.length) {
      const index = (slots[from] as number) >>> CHUNK_SHIFT
      let to = from + 1
      while (to < slots.length && (slots[to] as number) >>> CHUNK_SHIFT === index) to++
      writeRun(this.chunks[index] as TextChunk, column, bytes, slots, from, to)
      from = to
    }
  }

  private keepBytes(slot: number, bytes: DataView, from: number, to: number): void {
    const chunk = this.chunks[slot >>> CHUNK_SHIFT] as TextChunk
    const size = to - from
    if (chunk.top + size > chunk.bytes.byteLength) makeRoom(chunk, size)
    copyBytes(bytes, from, to, chunk.bytes, chunk.top)
    chunk.places[slot & CHUNK_MASK] = chunk.top
    chunk.sizes[slot & CHUNK_MASK] = size
    chunk.top += size
    chunk.live += size
  }

  private numberOf(dictionary: Dictionary): number {
    this.latest = dictionary
    const known = this.numbers.get(dictionary.id)
    if (known !== undefined) return known
    const gap = this.dictionaries.indexOf(undefined)
    const number = gap < 0 ? this.dictionaries.length : gap
    this.dictionaries[number] = { dictionary, rows: 0 }
    this.numbers.set(dictionary.id, number)
    return number
  }

  private giveUpDictionaries(): void {
    for (let number = 0; number < this.dictionaries.length; number++) {
      const kept = this.dictionaries[number]
      if (kept === undefined || kept.dictionary === this.latest) continue
      const { dictionary, rows } = kept
      if (rows > 0 && (dictionary.size <= SMALL_DICTIONARY || rows * 8 >= dictionary.size)) continue
      if (rows > 0) this.copyOut(number, dictionary)
      this.dictionaries[number] = undefined
      this.numbers.delete(dictionary.id)
    }
  }

  /** What slots still refer to in a dictionary becomes bytes of their chunks. */
  private copyOut(number: number, dictionary: Dictionary): void {
    const offsets = dictionary.offsets()
    const bytes = viewOf(dictionary.bytes())
    for (const [index, chunk] of this.chunks.entries()) {
      if (chunk === undefined) continue
      for (let row = 0; row < CHUNK_ROWS; row++) {
        if (chunk.places[row] !== ~number) continue
        const code = chunk.sizes[row] ?? 0
        // Until its bytes are written the slot must not look like one of a dictionary's.
        chunk.places[row] = NONE
        this.keepBytes(index * CHUNK_ROWS + row, bytes, offsets[code] ?? 0, offsets[code + 1] ?? 0)
      }
    }
  }

  /** The number of the dictionary that all slots but nulls refer to. */
  private commonDictionary(slots: Uint32Array): number | undefined {
    let common = NONE
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = this.chunks[slot >>> CHUNK_SHIFT]
      const place = chunk === undefined ? NONE : (chunk.places[slot & CHUNK_MASK] as number)
      if (place === common || place === NONE) continue
      if (place >= 0 || common !== NONE) return undefined
      common = place
    }
    return common === NONE ? undefined : ~common
  }

  private gatherCodes(slots: Uint32Array, number: number): Column {
    const { dictionary } = this.dictionaries[number] as KeptDictionary
    const codes = new Int32Array(slots.length)
    const validity = new Uint8Array(bitmapBytes(slots.length))
    let nulls = 0
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = this.chunks[slot >>> CHUNK_SHIFT]
      const row = slot & CHUNK_MASK
      if (chunk === undefined || chunk.places[row] === NONE) nulls++
      else {
        codes[at] = chunk.sizes[row] as number
        validity[at >>> 3] = (validity[at >>> 3] as number) | (1 << (at & 7))
      }
    }
    return new DictionaryColumn(codes, dictionary, nulls === 0 ? undefined : validity)
  }

  private gatherStrings(slots: Uint32Array): Column {
    const texts = this.dictionaries.map((kept): DictionaryText | undefined => {
      if (kept === undefined) return undefined
      return { offsets: kept.dictionary.offsets(), bytes: viewOf(kept.dictionary.bytes()) }
    })
    const offsets = new Int32Array(slots.length + 1)
    let top = 0
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = this.chunks[slot >>> CHUNK_SHIFT]
      const row = slot & CHUNK_MASK
      const place = chunk === undefined ? NONE : (chunk.places[row] as number)
      if (chunk !== undefined && place !== NONE) {
        const size = chunk.sizes[row] as number
        const ends = place < 0 ? texts[~place]?.offsets : undefined
        top += ends === undefined ? size : (ends[size + 1] as number) - (ends[size] as number)
      }
      offsets[at + 1] = top
    }
    const bytes = new Uint8Array(top)
    const target = viewOf(bytes)
    const validity = new Uint8Array(bitmapBytes(slots.length))
    let nulls = 0
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number
      const chunk = this.chunks[slot >>> CHUNK_SHIFT]
      const row = slot & CHUNK_MASK
      const place = chunk === undefined ? NONE : (chunk.places[row] as number)
      if (chunk === undefined || place === NONE) {
        nulls++
        continue
      }
      const to = offsets[at] as number
      const size = chunk.sizes[row] as number
      if (place >= 0) copyBytes(chunk.bytes, place, place + size, target, to)
      else {
        const { offsets: ends, bytes: source } = texts[~place] as DictionaryText
        copyBytes(source, ends[size] as number, ends[size + 1] as number, target, to)
      }
      validity[at >>> 3] = (validity[at >>> 3] as number) | (1 << (at & 7))
    }
    return new Utf8Column(offsets, bytes, nulls === 0 ? undefined : validity)
  }
}

interface DictionaryText {
  readonly offsets: Int32Array
  readonly bytes: DataView
}

/** Rows [from, to) of a column. The bytes of nulls, if there are any, are dead. */
function writeRun(
  chunk: TextChunk,
  column: Utf8Column,
  bytes: DataView,
  slots: Uint32Array,
  from: number,
  to: number,
): void {
  const { offsets, validity } = column
  const start = offsets[from] as number
  const size = (offsets[to] as number) - start
  if (chunk.top + size > chunk.bytes.byteLength) makeRoom(chunk, size)
  const { places, sizes, top } = chunk
  copyBytes(bytes, start, start + size, chunk.bytes, top)
  for (let row = from; row < to; row++) {
    if (validity !== undefined && !getBit(validity, row)) continue
    const place = (slots[row] as number) & CHUNK_MASK
    const at = offsets[row] as number
    const length = (offsets[row + 1] as number) - at
    places[place] = top + at - start
    sizes[place] = length
    chunk.live += length
  }
  chunk.top = top + size
}

/** Room for `size` bytes more: by moving the live ones together where most are dead, else in a larger array. */
function makeRoom(chunk: TextChunk, size: number): void {
  if (chunk.live === chunk.top) {
    chunk.bytes = enlarged(chunk.bytes, (chunk.live + size) * 2)
    return
  }
  const isMostlyDead = (chunk.live + size) * 2 <= chunk.bytes.byteLength
  const source = chunk.bytes
  const target = isMostlyDead
    ? new DataView(new ArrayBuffer(source.byteLength))
    : enlarged(EMPTY, (chunk.live + size) * 2)
  let top = 0
  for (let row = 0; row < CHUNK_ROWS; row++) {
    const place = chunk.places[row] ?? NONE
    if (place < 0) continue
    const length = chunk.sizes[row] ?? 0
    copyBytes(source, place, place + length, target, top)
    chunk.places[row] = top
    top += length
  }
  chunk.bytes = target
  chunk.top = top
}

function enlarged(bytes: DataView, needed: number): DataView<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(1024, needed, bytes.byteLength * 2))
  larger.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return viewOf(larger)
}
