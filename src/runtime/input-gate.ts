import type { Batch } from '../core/batch.js'
import { NO_WATERMARK, type StreamElement } from '../core/element.js'
import type { Kernel } from '../kernel/module.js'
import { InputWatermarks } from '../operators/input-watermarks.js'
import type { Output } from '../operators/operator.js'
import { EntryNode } from './task-node.js'

/**
 * Where rows of one edge enter a task: one stream out of the channels of all senders. Its watermark is the minimum over
 * the channels that are not idle, and each row carries the one in force before it. Barriers do not come here: the task
 * aligns them over all of its channels.
 */
export class InputGate extends EntryNode implements Output {
  private readonly channels: number
  /** One channel needs no coalescing. */
  private readonly watermarks: InputWatermarks | undefined
  private endedChannels = 0
  /** Lent with each batch, and used again for the next, which enters when this one has left the task. */
  private lent = new Float64Array(0)

  constructor(id: string, channels: number, kernel: Kernel) {
    super(id, 'input')
    this.channels = channels
    this.watermarks = channels === 1 ? undefined : new InputWatermarks(kernel, channels)
  }

  /**
   * The watermark that it had reached when the checkpoint was taken. Channels say nothing again that they have said
   * before it, so each is taken to be there.
   */
  restore(watermark: number): void {
    if (watermark === NO_WATERMARK) return
    this.lastWatermark = watermark
    for (let channel = 0; channel < this.channels; channel++) this.watermarks?.advance(channel, watermark)
  }

  /** The batch as it is to enter: with the watermarks of the gate. `settle` comes when it has. */
  admit(given: Batch, channel: number): Batch {
    if (this.watermarks === undefined || given.watermarks === undefined) return given
    const batch = given.compact()
    const watermarks = batch.watermarks && this.watermarks.ofRows(batch.watermarks, channel, this.room(batch.rowCount))
    return batch.with({ watermarks, movers: undefined })
  }

  /** Rows may have moved the watermark on. */
  settle(): void {
    this.watermarks?.emit(this)
  }

  receive(element: Exclude<StreamElement, { kind: 'barrier' | 'batch' }>, channel: number): void {
    switch (element.kind) {
      case 'watermark':
        if (this.watermarks === undefined) this.watermark(element.timestamp)
        else this.watermarks.advance(channel, element.timestamp)
        break
      case 'idle':
        // Of a split: event time is not assigned yet, so there is no watermark to coalesce.
        if (this.watermarks === undefined || element.split !== undefined) this.idle(element.split)
        else this.watermarks.idle(channel)
        break
      case 'active':
        if (this.watermarks === undefined || element.split !== undefined) this.active(element.split)
        else this.watermarks.active(channel)
        break
      case 'end':
        this.endedChannels += 1
    }
    this.settle()
    if (element.kind === 'end' && this.endedChannels === this.channels) this.end()
  }

  batch(batch: Batch): void {
    this.enter(batch)
  }

  side(): void {
    throw new TypeError('An input has no side outputs')
  }

  watermark(timestamp: number): void {
    if (timestamp <= this.lastWatermark) return
    this.lastWatermark = timestamp
    this.emitToAll({ kind: 'watermark', timestamp })
  }

  private room(rows: number): Float64Array {
    if (this.lent.length < rows) this.lent = new Float64Array(rows)
    return this.lent.subarray(0, rows)
  }

  close(): void {
    this.watermarks?.close()
  }
}
