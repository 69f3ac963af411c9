/*
 * The flatbuffers of Arrow IPC checked before apache-arrow reads them: it takes their offsets and lengths as they are,
 * so that a damaged length alone can make it loop for hours or fill the memory. The tables are those of the Arrow
 * format (Schema.fbs, Message.fbs, File.fbs), the rules those of the flatbuffers verifier: whatever an offset leads to
 * lies inside, nesting is bounded, and there are no more tables than the bytes have room for.
 */

const MAX_DEPTH = 64

/** A field: how many bytes stand in the table itself, or what it leads to. */
type Part =
  | number
  | { readonly kind: 'string' }
  | { readonly kind: 'table'; readonly of: () => Table }
  | { readonly kind: 'tables'; readonly of: () => Table }
  | { readonly kind: 'values'; readonly bytes: number }
  /** Takes two fields: a byte that tells which table, and the table. */
  | { readonly kind: 'union'; readonly of: (type: number) => Table }

type Table = readonly Part[]

const string: Part = { kind: 'string' }
const values = (bytes: number): Part => ({ kind: 'values', bytes })

const KEY_VALUE: Table = [string, string]
const metadata: Part = { kind: 'tables', of: () => KEY_VALUE }
const INT: Table = [4, 1]

/** By the union Type: bit widths, units, scales; Timestamp has a zone, Union a list of ids. The others have no fields. */
const TYPES = new Map<number, Table>([
  [2, INT],
  [3, [2]],
  [7, [4, 4, 4]],
  [8, [2]],
  [9, [2, 4]],
  [10, [2, string]],
  [11, [2]],
  [14, [2, values(4)]],
  [15, [4]],
  [16, [4]],
  [17, [1]],
  [18, [2]],
])

const DICTIONARY_ENCODING: Table = [8, { kind: 'table', of: () => INT }, 1, 2]
const FIELD: Table = [
  string,
  1,
  { kind: 'union', of: type => TYPES.get(type) ?? [] },
  { kind: 'table', of: () => DICTIONARY_ENCODING },
  { kind: 'tables', of: () => FIELD },
  metadata,
]
const SCHEMA: Table = [2, { kind: 'tables', of: () => FIELD }, metadata, values(8)]
const COMPRESSION: Table = [1, 1]
const RECORD_BATCH: Table = [8, values(16), values(16), { kind: 'table', of: () => COMPRESSION }, values(8)]
const DICTIONARY_BATCH: Table = [8, { kind: 'table', of: () => RECORD_BATCH }, 1]

const HEADERS = new Map<number, Table>([
  [1, SCHEMA],
  [2, DICTIONARY_BATCH],
  [3, RECORD_BATCH],
])
const MESSAGE: Table = [2, { kind: 'union', of: type => HEADERS.get(type) ?? [] }, 8, metadata]
const FOOTER: Table = [2, { kind: 'table', of: () => SCHEMA }, values(24), values(24), metadata]

/** @throws RangeError where the bytes are not a message's metadata. */
export function checkMessage(bytes: Uint8Array): void {
  new Verifier(bytes).root(MESSAGE)
}

/** @throws RangeError where the bytes are not a file's footer. */
export function checkFooter(bytes: Uint8Array): void {
  new Verifier(bytes).root(FOOTER)
}

class Verifier {
  private readonly view: DataView
  /** A table takes at least the four bytes that lead to its vtable. */
  private tablesLeft: number

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.tablesLeft = bytes.length >>> 2
  }

  root(table: Table): void {
    this.table(this.target(0), table, 0)
  }

  /** Where the unsigned offset at `at` leads to. */
  private target(at: number): number {
    return at + this.view.getUint32(at, true)
  }

  private table(at: number, parts: Table, depth: number): void {
    if (depth > MAX_DEPTH) throw new RangeError('tables lie too deep in one another')
    if (--this.tablesLeft < 0) throw new RangeError('there are more tables than bytes for them')
    const vtable = at - this.view.getInt32(at, true)
    this.within(vtable, 4)
    const vtableBytes = this.view.getUint16(vtable, true)
    this.within(vtable, vtableBytes)
    this.within(at, this.view.getUint16(vtable + 2, true))
    let slot = vtable + 4
    /** The place of the next field, 0 when the table does not have it. */
    const next = (): number => {
      const offset = slot + 2 <= vtable + vtableBytes ? this.view.getUint16(slot, true) : 0
      slot += 2
      return offset === 0 ? 0 : at + offset
    }
    for (const part of parts) {
      const place = next()
      if (typeof part === 'number') {
        if (place !== 0) this.within(place, part)
      } else if (part.kind === 'union') {
        const value = next()
        if (value !== 0) this.table(this.target(value), part.of(place === 0 ? 0 : this.view.getUint8(place)), depth + 1)
      } else if (place !== 0) this.part(this.target(place), part, depth)
    }
  }

  private part(at: number, part: Exclude<Part, number | { kind: 'union' }>, depth: number): void {
    if (part.kind === 'table') {
      this.table(at, part.of(), depth + 1)
      return
    }
    const length = this.view.getUint32(at, true)
    const start = at + 4
    this.within(start, length * (part.kind === 'tables' ? 4 : part.kind === 'values' ? part.bytes : 1))
    if (part.kind !== 'tables') return
    for (let index = 0; index < length; index++) this.table(this.target(start + index * 4), part.of(), depth + 1)
  }

  private within(at: number, length: number): void {
    if (at < 0 || at + length > this.view.byteLength) throw new RangeError(`something lies outside, at byte ${at}`)
  }
}
