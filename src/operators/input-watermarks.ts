import { NO_WATERMARK } from '../core/element.js'
import type { Kernel } from '../kernel/module.js'
import { COALESCED_ACTIVE, COALESCED_IDLE, mergeCoalescerSnapshots, WatermarkCoalescer } from '../kernel/time.js'
import type { OperatorPart, OperatorState, Output } from './operator.js'

const PART = 'watermarks'

/**
 * The watermark over the inputs of an operator, in force for each row: the minimum over the inputs that are not idle.
 *
 * Usage. For a batch: `ofRows()` gives the watermark in force before each row; then `emit()`. For any other element:
 * `advance()`, `idle()` or `active()`; then, where `current` has moved, `emitActive()` and the results that it sets
 * free; then `emit()`. So results come behind "active" and before the watermark that lets them go.
 */
export class InputWatermarks {
  private readonly coalescer: WatermarkCoalescer
  private lastEmitted = NO_WATERMARK
  private changed = 0

  /** @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel, inputs: number) {
    this.coalescer = new WatermarkCoalescer(kernel, inputs)
  }

  /** The coalesced watermark that is reached, ms: by rows too, which may be ahead of the one emitted last. */
  get current(): number {
    return this.coalescer.watermark
  }

  /**
   * The coalesced watermark before each row of a batch of `input`, whose rows carry `watermarks` of that input,
   * ascending: each row moves its input on to the watermark that was in force before it. So the outcome does not depend
   * on how the rows were cut into batches. It goes to `coalesced`, which may be the same array.
   *
   * The other inputs stay where they are meanwhile. What the coalescer says after the last row is the least of them and
   * of that row (or what it said before, where the input does not count), so no row but the last needs to be told.
   */
  ofRows(
    watermarks: Float64Array,
    input: number,
    coalesced: Float64Array = new Float64Array(watermarks.length),
  ): Float64Array {
    const { coalescer } = this
    let current = coalescer.watermark
    this.changed |= coalescer.advance(input, watermarks[watermarks.length - 1] ?? NO_WATERMARK)
    const reached = coalescer.watermark
    for (let row = 0; row < watermarks.length; row++) {
      const watermark = watermarks[row] as number
      if (watermark > current) current = watermark < reached ? watermark : reached
      coalesced[row] = current
    }
    return coalesced
  }

  advance(input: number, watermark: number): void {
    this.changed |= this.coalescer.advance(input, watermark)
  }

  idle(input: number): void {
    this.changed |= this.coalescer.idle(input)
  }

  active(input: number): void {
    this.changed |= this.coalescer.active(input)
  }

  /** Says "active" if that is news. */
  emitActive(output: Output): void {
    if ((this.changed & COALESCED_ACTIVE) !== 0) output.active()
    this.changed &= ~COALESCED_ACTIVE
  }

  /** What is news, in the order of the coalescer's contract: active, then the watermark, then idle. */
  emit(output: Output): void {
    this.emitActive(output)
    const { current } = this
    if (current > this.lastEmitted) {
      this.lastEmitted = current
      output.watermark(current)
    }
    if ((this.changed & COALESCED_IDLE) !== 0) output.idle()
    this.changed = 0
  }

  snapshot(): OperatorPart {
    return { name: PART, bytes: this.coalescer.snapshot() }
  }

  /** From the states of one former subtask or of several; of several, the one furthest behind counts for each input. */
  restore(...states: readonly OperatorState[]): void {
    const snapshots = states.flatMap(({ parts }) => parts.filter(({ name }) => name === PART))
    if (snapshots.length === 0) return
    this.coalescer.restore(mergeCoalescerSnapshots(snapshots.map(({ bytes }) => bytes)))
    this.lastEmitted = this.coalescer.watermark
  }

  close(): void {
    this.coalescer.destroy()
  }
}
