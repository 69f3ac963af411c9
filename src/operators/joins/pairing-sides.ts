import { INSERT, type RowKind } from '../../core/row-kind.js'
import { type JoinSide, NO_ROW } from '../../kernel/interval-join.js'
import type { OperatorContext } from '../operator.js'
import { JoinProjection } from './join-projection.js'
import type { JoinSidesSettings } from './join-sides.js'
import { type JoinType, nullableSides } from './join-type.js'
import { type SideRow, type Snapshotted, TwoSided, type TwoSidedOptions } from './two-sided.js'

const OUTPUT_ROWS = 8192

/** Two inputs of which each row may pair with others when it comes: pairs are put out together, in steps. */
export abstract class PairingSides extends TwoSided {
  protected readonly type: JoinType
  private readonly projection: JoinProjection
  private readonly pairs = new PendingPairs()
  private gone: SideRow[] = []

  constructor(
    context: OperatorContext,
    settings: JoinSidesSettings & { readonly type: JoinType },
    stateOf: (projection: JoinProjection) => Snapshotted = projection => projection,
    options: TwoSidedOptions = {},
  ) {
    const projection = new JoinProjection(context.id, settings.select, nullableSides(settings.type))
    super(context, settings, stateOf(projection), options)
    this.projection = projection
    this.type = settings.type
  }

  protected override get hasMuch(): boolean {
    return this.pairs.length >= OUTPUT_ROWS
  }

  protected override *flush(): Generator<void, void, void> {
    const { sides, pairs } = this
    const nullable = nullableSides(this.type)
    for (let from = 0; from < pairs.length; from += OUTPUT_ROWS) {
      const { left, right, timestamps, watermarks, kinds } = pairs.slice(from, from + OUTPUT_ROWS)
      this.output.batch(
        this.projection.project({
          left: { store: sides.store('left'), slots: left, outer: nullable.left },
          right: { store: sides.store('right'), slots: right, outer: nullable.right },
          timestamps,
          watermarks,
          kinds: kinds.some(kind => kind !== INSERT) ? kinds : undefined,
        }),
      )
      yield
    }
    pairs.clear()
    this.releaseGone()
  }

  /** A pair; `other` is NO_ROW where the row is alone. */
  protected emit(
    side: JoinSide,
    own: number,
    other: number,
    time: number,
    watermark: number,
    kind: RowKind = INSERT,
  ): void {
    this.pairs.add(side === 'left' ? own : other, side === 'left' ? other : own, time, watermark, kind)
  }

  protected emitAlone(side: JoinSide, own: number, time: number, watermark: number, kind: RowKind = INSERT): void {
    this.emit(side, own, NO_ROW, time, watermark, kind)
  }

  /** The row is not kept any more; its values may still be in pairs that are not out. */
  protected letGo(row: SideRow): void {
    this.gone.push(row)
  }

  /** Gives rows back whose values are in no pair that is not out. */
  protected settle(): void {
    if (this.pairs.length === 0) this.releaseGone()
  }

  private releaseGone(): void {
    this.release(this.gone)
    this.gone = []
  }
}

/** Pairs that are not put out yet. */
class PendingPairs {
  private readonly left: number[] = []
  private readonly right: number[] = []
  private readonly timestamps: number[] = []
  private readonly watermarks: number[] = []
  private readonly kinds: number[] = []

  get length(): number {
    return this.left.length
  }

  add(left: number, right: number, timestamp: number, watermark: number, kind: RowKind): void {
    this.left.push(left)
    this.right.push(right)
    this.timestamps.push(timestamp)
    this.watermarks.push(watermark)
    this.kinds.push(kind)
  }

  slice(from: number, to: number) {
    return {
      left: Uint32Array.from(this.left.slice(from, to)),
      right: Uint32Array.from(this.right.slice(from, to)),
      timestamps: Float64Array.from(this.timestamps.slice(from, to)),
      watermarks: Float64Array.from(this.watermarks.slice(from, to)),
      kinds: Uint8Array.from(this.kinds.slice(from, to)),
    }
  }

  clear(): void {
    for (const list of [this.left, this.right, this.timestamps, this.watermarks, this.kinds]) list.length = 0
  }
}
