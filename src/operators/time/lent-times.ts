/**
 * Room for the times of one batch, used again for the next. The kernel's next call overwrites what it gave, so it is
 * copied; a fresh array for each batch would cost more than the rest of the operator, in zeroing and in collection.
 */
export class LentTimes {
  private room = new Float64Array(0)

  copy(times: Float64Array): Float64Array {
    if (this.room.length < times.length) this.room = new Float64Array(times.length)
    this.room.set(times)
    return this.room.subarray(0, times.length)
  }
}
