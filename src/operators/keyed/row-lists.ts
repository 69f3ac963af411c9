/** A slot has room for so many rows at most; longer lists stand apart. */
const MOST_ROOM = 16

/**
 * A list of row numbers for each slot: in one array, so that a key costs no object. Law: `read` gives what was written
 * last; slots of which nothing was written have the empty list.
 */
export class RowLists {
  private readonly room: number
  private rows: Uint32Array = new Uint32Array(0)
  /** How many of a slot's rows stand in `rows`. */
  private counts: Uint32Array = new Uint32Array(0)
  private readonly long = new Map<number, readonly number[]>()
  private readonly scratch: number[] = []

  /** @param usual how long most lists may get */
  constructor(usual: number) {
    this.room = Math.min(usual, MOST_ROOM)
  }

  /** The list of a slot, to be changed at will: it is the same array for every call. */
  read(slot: number): number[] {
    const { scratch, room, rows } = this
    const count = slot < this.counts.length ? (this.counts[slot] as number) : 0
    scratch.length = 0
    const base = slot * room
    for (let at = 0; at < count; at++) scratch.push(rows[base + at] as number)
    if (count === 0 && this.long.size > 0) scratch.push(...(this.long.get(slot) ?? []))
    return scratch
  }

  write(slot: number, list: readonly number[]): void {
    if (slot >= this.counts.length) this.reserve(slot)
    const { rows, room, counts } = this
    if (this.long.size > 0) this.long.delete(slot)
    if (list.length > room) {
      this.long.set(slot, [...list])
      counts[slot] = 0
      return
    }
    const base = slot * room
    for (let at = 0; at < list.length; at++) rows[base + at] = list[at] as number
    counts[slot] = list.length
  }

  clear(slot: number): void {
    if (slot < this.counts.length) this.counts[slot] = 0
    this.long.delete(slot)
  }

  private reserve(slot: number): void {
    const capacity = Math.max(slot + 1, this.counts.length * 2, 64)
    const counts = new Uint32Array(capacity)
    counts.set(this.counts)
    this.counts = counts
    const rows = new Uint32Array(capacity * this.room)
    rows.set(this.rows)
    this.rows = rows
  }
}
