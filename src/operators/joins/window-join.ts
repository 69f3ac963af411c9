import { outputTimestamp, type WindowGeometry } from '../../core/window-geometry.js'
import { NO_ROW } from '../../kernel/interval-join.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import type { Assigner } from '../windows/assigner.js'
import { JoinProjection } from './join-projection.js'
import type { JoinSidesSettings } from './join-sides.js'
import { isOuter, type JoinType, nullableSides } from './join-type.js'
import type { FiredWindow } from './join-windows.js'
import { groupByKey, type WindowGroup } from './window-groups.js'
import { WindowedSides } from './windowed-sides.js'

export interface WindowJoinSettings extends JoinSidesSettings {
  readonly type: JoinType
  /** By event time, and without looking at records. */
  readonly assigner: () => Assigner
  /** Set where windows consist of slices. */
  readonly geometry: WindowGeometry | undefined
}

const OUTPUT_ROWS = 8192

/**
 * When a window fires, each of its left rows is paired with each of its right rows of the same key (Flink's window
 * join). Rows of an outer side whose key has no row on the other side come out alone. Results carry the window's end
 * - 1. A row all of whose windows have fired is late and goes to the late output of its side.
 */
export function windowJoinOperator(settings: WindowJoinSettings): OperatorFactory {
  return context => new WindowJoinOperator(context, settings)
}

class WindowJoinOperator extends WindowedSides {
  private readonly type: JoinType
  private readonly projection: JoinProjection
  private readonly left = new Uint32Array(OUTPUT_ROWS)
  private readonly right = new Uint32Array(OUTPUT_ROWS)
  private readonly starts = new Float64Array(OUTPUT_ROWS)
  private readonly ends = new Float64Array(OUTPUT_ROWS)
  private count = 0

  constructor(context: OperatorContext, settings: WindowJoinSettings) {
    const projection = new JoinProjection(context.id, settings.select, nullableSides(settings.type))
    super(context, settings, projection)
    this.projection = projection
    this.type = settings.type
  }

  protected override *fired(windows: Iterable<FiredWindow>, watermark: number): Generator<void, void, void> {
    for (const window of windows) {
      for (const group of groupByKey(window.rows)) {
        for (const _full of this.pair(group, window)) {
          this.emit(watermark)
          yield
        }
      }
      // Rows that leave are in results that are not out yet.
      if (window.leaving.length > 0 && this.count > 0) this.emit(watermark)
      this.release(window.leaving)
      yield
    }
    if (this.count > 0) this.emit(watermark)
  }

  /** Puts the pairs of a group into the output; stops whenever that is full. */
  private *pair({ left, right }: WindowGroup, window: FiredWindow): Generator<void, void, void> {
    const lefts = left.length === 0 && isOuter(this.type, 'right') ? NONE : left
    const rights = right.length === 0 && isOuter(this.type, 'left') ? NONE : right
    for (const leftSlot of lefts) {
      for (const rightSlot of rights) {
        const at = this.count++
        this.left[at] = leftSlot
        this.right[at] = rightSlot
        this.starts[at] = window.start
        this.ends[at] = window.end
        if (this.count === OUTPUT_ROWS) yield
      }
    }
  }

  private emit(watermark: number): void {
    const { count, sides } = this
    const nullable = nullableSides(this.type)
    const ends = this.ends.slice(0, count)
    this.count = 0
    this.output.batch(
      this.projection.project({
        left: { store: sides.store('left'), slots: this.left.subarray(0, count), outer: nullable.left },
        right: { store: sides.store('right'), slots: this.right.subarray(0, count), outer: nullable.right },
        timestamps: ends.map(outputTimestamp),
        watermarks: new Float64Array(count).fill(watermark),
        windows: { starts: this.starts.slice(0, count), ends },
      }),
    )
  }
}

const NONE = Uint32Array.of(NO_ROW)
