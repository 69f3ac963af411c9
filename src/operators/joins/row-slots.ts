/** Rows of a chunk of the row store, as a shift: 16,384. */
export const CHUNK_SHIFT = 14
export const CHUNK_ROWS: number = 1 << CHUNK_SHIFT
export const CHUNK_MASK: number = CHUNK_ROWS - 1

/** What stands behind the slots: arrays a chunk. */
export interface Chunks {
  open(chunk: number): void
  drop(chunk: number): void
}

/**
 * Numbers for rows that come and go: chunk * CHUNK_ROWS + place. The chunks in front are filled first, so that those
 * behind run empty after a peak; an empty chunk is dropped, but for one that is kept for the next rows.
 */
export class RowSlots {
  private readonly chunks: Chunks
  /** By chunk: its free places, the next to take last; undefined where the chunk is not there. */
  private readonly free: (Uint16Array | undefined)[] = []
  private readonly freeCounts: number[] = []
  /** No chunk before this has a free place. */
  private first = 0
  private spare = -1
  private taken = 0

  constructor(chunks: Chunks) {
    this.chunks = chunks
  }

  /** Slots in use. */
  get length(): number {
    return this.taken
  }

  /** All slots are below this. */
  get limit(): number {
    return this.free.length * CHUNK_ROWS
  }

  /** By slot: 1 where it is in use. */
  used(): Uint8Array {
    const flags = new Uint8Array(this.limit)
    for (const [chunk, places] of this.free.entries()) {
      if (places === undefined) continue
      const base = chunk * CHUNK_ROWS
      flags.fill(1, base, base + CHUNK_ROWS)
      for (const place of places.subarray(0, this.freeCounts[chunk])) flags[base + place] = 0
    }
    return flags
  }

  take(count: number): Uint32Array {
    const slots = new Uint32Array(count)
    for (let at = 0; at < count; ) {
      const chunk = this.chunkWithRoom()
      const free = this.free[chunk] ?? this.open(chunk)
      let left = this.freeCounts[chunk] ?? 0
      if (chunk === this.spare) this.spare = -1
      const base = chunk * CHUNK_ROWS
      while (left > 0 && at < count) slots[at++] = base + (free[--left] ?? 0)
      this.freeCounts[chunk] = left
    }
    this.taken += count
    return slots
  }

  /** Each was taken and is given back once. */
  give(slots: Uint32Array): void {
    const { free, freeCounts } = this
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] ?? 0
      const chunk = slot >>> CHUNK_SHIFT
      const places = free[chunk]
      if (places === undefined) throw new TypeError(`Row ${slot} is not in the store`)
      const left = freeCounts[chunk] ?? 0
      places[left] = slot & CHUNK_MASK
      freeCounts[chunk] = left + 1
      if (chunk < this.first) this.first = chunk
      if (left + 1 === CHUNK_ROWS) this.emptied(chunk)
    }
    this.taken -= slots.length
  }

  private chunkWithRoom(): number {
    const { free, freeCounts } = this
    let chunk = this.first
    while (chunk < free.length && free[chunk] !== undefined && freeCounts[chunk] === 0) chunk++
    this.first = chunk
    return chunk
  }

  private open(chunk: number): Uint16Array {
    const places = new Uint16Array(CHUNK_ROWS)
    for (let at = 0; at < CHUNK_ROWS; at++) places[at] = CHUNK_MASK - at
    this.free[chunk] = places
    this.freeCounts[chunk] = CHUNK_ROWS
    this.chunks.open(chunk)
    return places
  }

  /** Of two empty chunks the one behind is dropped. */
  private emptied(chunk: number): void {
    if (this.spare < 0) {
      this.spare = chunk
      return
    }
    const dropped = Math.max(chunk, this.spare)
    this.spare = Math.min(chunk, this.spare)
    this.free[dropped] = undefined
    this.chunks.drop(dropped)
    while (this.free.length > 0 && this.free[this.free.length - 1] === undefined) this.free.pop()
    this.freeCounts.length = this.free.length
  }
}
