import type { DeferredTimes } from '../../core/batch.js'
import type { AssignedTimes } from '../../kernel/time.js'

/**
 * Room for the times of one batch, used again for the next. The kernel's next call overwrites what it gave, so it is
 * copied; a fresh array for each batch would cost more than the rest of the operator, in zeroing and in collection.
 */
export class TimesRoom {
  private room = new Float64Array(0)

  copy(times: Float64Array): Float64Array {
    if (this.room.length < times.length) this.room = new Float64Array(times.length)
    this.room.set(times)
    return this.room.subarray(0, times.length)
  }
}

/** Where the times of a batch are copied to. */
export interface TimesRooms {
  readonly timestamps: TimesRoom
  readonly watermarks: TimesRoom
}

/** Event times that stay in the kernel until an operator wants them outside: those of kernels take them there. */
export class LentTimes implements DeferredTimes {
  readonly assigned: AssignedTimes
  private readonly rooms: TimesRooms
  private copiedTimestamps: Float64Array | undefined
  private copiedWatermarks: Float64Array | undefined

  constructor(assigned: AssignedTimes, rooms: TimesRooms) {
    this.assigned = assigned
    this.rooms = rooms
  }

  get rowCount(): number {
    return this.assigned.rowCount
  }

  get timestamps(): Float64Array {
    this.copiedTimestamps ??= this.rooms.timestamps.copy(this.assigned.timestamps)
    return this.copiedTimestamps
  }

  get watermarks(): Float64Array {
    this.copiedWatermarks ??= this.rooms.watermarks.copy(this.assigned.watermarks)
    return this.copiedWatermarks
  }
}
