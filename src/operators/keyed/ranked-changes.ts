import type { RowKind } from '../../core/row-kind.js'

/** What a batch changes among the best rows, in order, in arrays that are used again for the next batch. */
export class RankedChanges {
  /** The row of the batch that brings about what is noted next. */
  origin = 0
  private rows: Uint32Array = new Uint32Array(FIRST_ROOM)
  private ranks: Int32Array = new Int32Array(FIRST_ROOM)
  private origins: Uint32Array = new Uint32Array(FIRST_ROOM)
  private kinds: Uint8Array = new Uint8Array(FIRST_ROOM)
  private gone: Uint32Array = new Uint32Array(FIRST_ROOM)
  private count = 0
  private goneCount = 0

  get length(): number {
    return this.count
  }

  /** A row of the changelog, with its rank from 1 on. */
  note(row: number, rank: number, kind: RowKind): void {
    const { count } = this
    if (count === this.rows.length) this.grow()
    this.rows[count] = row
    this.ranks[count] = rank
    this.origins[count] = this.origin
    this.kinds[count] = kind
    this.count = count + 1
  }

  /** A row that is not among the best any more; it may be in the changelog for the last time. */
  leave(row: number): void {
    const { goneCount } = this
    if (goneCount === this.gone.length) this.gone = grown(this.gone)
    this.gone[goneCount] = row
    this.goneCount = goneCount + 1
  }

  /** Changes [from, to), as copies. */
  slice(from: number, to: number): RankedChangeColumns {
    return {
      rows: this.rows.slice(from, to),
      ranks: this.ranks.slice(from, to),
      origins: this.origins.slice(from, to),
      kinds: this.kinds.slice(from, to),
    }
  }

  /** The rows that left, once each: a view, valid until the next is noted. */
  get left(): Uint32Array {
    return this.gone.subarray(0, this.goneCount)
  }

  clear(): void {
    this.count = 0
    this.goneCount = 0
  }

  private grow(): void {
    this.rows = grown(this.rows)
    this.origins = grown(this.origins)
    const ranks = new Int32Array(this.rows.length)
    ranks.set(this.ranks)
    this.ranks = ranks
    const kinds = new Uint8Array(this.rows.length)
    kinds.set(this.kinds)
    this.kinds = kinds
  }
}

export interface RankedChangeColumns {
  readonly rows: Uint32Array
  readonly ranks: Int32Array
  readonly origins: Uint32Array
  readonly kinds: Uint8Array
}

const FIRST_ROOM = 1024

function grown(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}
