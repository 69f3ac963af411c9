import type { WatermarkMovers } from '../../core/batch.js'
import { NO_WATERMARK } from '../../core/element.js'
import { type Json, memberOf } from '../../core/json.js'
import type { Kernel } from '../../kernel/module.js'
import { extendCoalescerSnapshot } from '../../kernel/time.js'
import { InputWatermarks } from '../input-watermarks.js'
import type { OperatorPart, OperatorState, Output } from '../operator.js'
import { newSplitTime, type SplitTime } from './split-time.js'

/**
 * Event time over the splits of one source: the minimum over those that are not idle. A split counts from the moment at
 * which it is announced (it turns active) or its first record; one that comes when others have gone ahead counts when
 * it has caught up with them.
 */
export class SplitWatermarks {
  private readonly kernel: Kernel
  private readonly initialState: () => Json
  private inputs: InputWatermarks
  /** Inputs that there is room for, at least as many as splits. Those without a split are idle. */
  private room = 1
  private readonly bySplit = new Map<number | undefined, SplitTime>()
  /** The split that moved the watermark over all splits last; null: none, or one of a source without splits. */
  private mover: number | null = null
  /** What former subtasks knew of splits that have not come here yet. */
  private readonly known = new Map<number | undefined, SplitTime>()
  /** Splits that were known and have been announced. They count together, or the first would leave the others behind. */
  private announced: SplitTime[] = []

  /** @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel, initialState: () => Json) {
    this.kernel = kernel
    this.initialState = initialState
    this.inputs = new InputWatermarks(kernel, 1)
  }

  /** The watermark over all splits that is reached. */
  get current(): number {
    return this.inputs.current
  }

  /** Whether there are splits, and none is active. */
  get isIdle(): boolean {
    return this.bySplit.size > 0 && [...this.bySplit.values()].every(({ isIdle }) => isIdle)
  }

  /** Whether the watermark of the only split is that of all. */
  get isSingle(): boolean {
    return this.room === 1
  }

  /** In the order in which they came. */
  get all(): Iterable<SplitTime> {
    return this.bySplit.values()
  }

  /** The split of a batch, which is active from now on. */
  active(split: number | undefined): SplitTime {
    const found = this.bySplit.get(split)
    if (found === undefined) return this.add(split)
    this.settle()
    if (found.isIdle) {
      found.isIdle = false
      this.inputs.active(found.slot)
    }
    return found
  }

  /** The split does not hold the watermark back until it turns active again. */
  idle(split: number | undefined): void {
    const found = this.bySplit.get(split) ?? this.add(split)
    this.settle()
    if (found.isIdle) return
    const before = this.current
    found.isIdle = true
    this.inputs.idle(found.slot)
    this.noteMover(split, before)
  }

  /** The watermark over all splits before each row of a split, from that split's own. */
  ofRows(split: SplitTime, watermarks: Float64Array): Float64Array {
    return this.isSingle ? watermarks : this.inputs.ofRows(watermarks, split.slot)
  }

  /** Who moved the watermarks of the rows of a batch; asked for before `ofRows`. */
  movers({ split }: SplitTime): WatermarkMovers | undefined {
    return split === undefined ? undefined : { upTo: this.current, before: this.mover, behind: split }
  }

  /** The split has reached its watermark, at a moment of processing time. `before`: what all had reached before. */
  moved(split: SplitTime, nowMs: number, before: number): void {
    if (split.watermark > split.toldWatermark) split.movedAtMs = nowMs
    split.toldWatermark = split.watermark
    this.inputs.advance(split.slot, split.watermark)
    this.noteMover(split.split, before)
  }

  /** -Infinity: none yet. */
  watermarkOf(split: number | undefined): number {
    return this.bySplit.get(split)?.watermark ?? NO_WATERMARK
  }

  /** The highest watermark among the other splits that are not idle; -Infinity: none has one. */
  highestOfOthers(split: SplitTime): number {
    let highest = NO_WATERMARK
    for (const other of this.bySplit.values()) {
      if (other !== split && !other.isIdle && other.watermark > highest) highest = other.watermark
    }
    return highest
  }

  emit(output: Output): void {
    this.inputs.emit(output)
  }

  snapshot(): OperatorPart {
    return this.inputs.snapshot()
  }

  /** The split that moved the watermark last, for the snapshot. */
  get lastMover(): number | null {
    return this.mover
  }

  /** As it was: the splits in their slots. */
  restore(splits: readonly SplitTime[], state: OperatorState): void {
    const mover = memberOf(state.state, 'mover')
    this.mover = typeof mover === 'number' ? mover : null
    this.reserve(splits.length)
    for (const split of splits) this.bySplit.set(split.split, split)
    this.inputs.restore(state)
  }

  /** Splits may have gone to other subtasks: each counts here when it is announced, and goes on from what was known. */
  restoreKnown(splits: readonly SplitTime[]): void {
    for (const split of splits) {
      const known = this.known.get(split.split)
      // A source without splits is cut anew: what all of its former parts have seen is known.
      if (known === undefined || split.maxTimestamp < known.maxTimestamp) this.known.set(split.split, split)
    }
    if (this.known.has(undefined)) this.add(undefined)
  }

  close(): void {
    this.inputs.close()
  }

  /** Where the watermark has moved, it was this split: by its rows, or since nobody waits for it any more. */
  private noteMover(split: number | undefined, before: number): void {
    if (this.current > before) this.mover = split ?? null
  }

  private add(split: number | undefined): SplitTime {
    const slot = this.bySplit.size
    const wasEmpty = slot === 0
    this.reserve(slot + 1)
    const known = this.known.get(split)
    const added =
      known === undefined ? newSplitTime(split, slot, this.initialState()) : { ...known, slot, isIdle: false }
    this.known.delete(split)
    this.bySplit.set(split, added)
    // The first slot is active from the start, so that nothing is said of idleness before there is a split.
    if (!wasEmpty) this.inputs.active(slot)
    if (added.watermark > NO_WATERMARK) this.announced.push(added)
    return added
  }

  /** The announcements are over: the first record has come, or the first word that a split is idle. */
  private settle(): void {
    for (const { slot, watermark } of this.announced.splice(0)) this.inputs.advance(slot, watermark)
  }

  /** Grows the room by doubling; the new inputs are idle. */
  private reserve(splits: number): void {
    if (splits <= this.room) return
    while (this.room < splits) this.room *= 2
    const { name, bytes } = this.inputs.snapshot()
    const larger = new InputWatermarks(this.kernel, this.room)
    larger.restore({ state: null, parts: [{ name, bytes: extendCoalescerSnapshot(bytes, this.room) }] })
    this.inputs.close()
    this.inputs = larger
  }
}
