/*
 * Values of columns that nobody holds any more, to be written over. New buffers for the columns of each batch cost more
 * than the copying: they are outside of the heap, and after some megabytes of them all of the heap is marked.
 */

/** Arrays that are kept. */
const MOST_KEPT = 32
/** Larger ones are not kept, bytes. */
const LARGEST_KEPT = 524_288

interface Values<Self> {
  readonly buffer: ArrayBufferLike
  readonly length: number
  set(values: Self): void
  slice(): Self
  subarray(from: number, to: number): Self
}

export class SpareValues<Of extends Values<Of>> {
  private readonly over: new (
    buffer: ArrayBufferLike,
  ) => Of
  private readonly kept: Of[] = []

  /** `over` makes the values over the whole of a buffer. */
  constructor(over: new (buffer: ArrayBufferLike) => Of) {
    this.over = over
  }

  /** The values as a copy, which may be the beginning of a larger buffer. */
  copy(values: Of): Of {
    const at = this.kept.findIndex(({ length }) => length >= values.length)
    const [room] = at < 0 ? [] : this.kept.splice(at, 1)
    if (room === undefined) return values.slice()
    const copied = room.subarray(0, values.length)
    copied.set(values)
    return copied
  }

  /** Takes the whole buffer under the values, which nobody holds any part of. */
  giveBack({ buffer }: Of): void {
    if (buffer.byteLength > LARGEST_KEPT) return
    // What is too small for the batches at hand makes room in time.
    if (this.kept.length === MOST_KEPT) this.kept.shift()
    this.kept.push(new this.over(buffer))
  }
}
