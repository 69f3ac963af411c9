import type { Batch } from '../core/batch.js'
import { END_OF_INPUT, NO_WATERMARK } from '../core/element.js'
import type { Schema } from '../core/schema.js'
import { tumbling, type WindowGeometry } from '../core/window-geometry.js'
import type { FiredWindows } from '../kernel/aggregated-columns.js'
import { WindowState } from '../kernel/windows.js'
import { type AggregationContext, LATE_OUTPUT, type OpenedAggregation } from './kernel-aggregation.js'
import { PartialRows } from './partial-rows.js'
import { WindowAggregateOperator } from './window-aggregate.js'
import type { NamedAggregate } from './window-results.js'

/** Creates the local aggregation of a sender. The context is that of the operator that partial aggregates go to. */
export type LocalAggregateFactory = (context: AggregationContext) => LocalAggregate

export interface LocalAggregateSettings {
  readonly keys: readonly string[]
  /** Of the windows that the partial aggregates are for. */
  readonly geometry: WindowGeometry
  readonly aggregates: readonly NamedAggregate[]
  /** Of the rows. */
  readonly schema: Schema
}

/** With so many keys and slices all leave, and so many keys are remembered at most: memory is bounded. */
const MOST_RECORDS = 1 << 19
/** What it was worth is looked at when so many partial aggregates have left. */
const ASSESSED_ROWS = 1 << 12
/** Rows that go as they are when aggregating them has not been worth it. */
const ROWS_AS_THEY_ARE = 1 << 20
/** It is worth it where a partial aggregate stands for so many rows. */
const WORTH_ROWS = 2

/**
 * Aggregates rows by key and slice of time before they leave for the subtasks that have their keys, so that one row a
 * key and slice crosses. It holds what it has of a slice until the watermark passes the slice's end: no window that needs
 * it can fire before, since the receivers' watermark is not ahead of this one's.
 *
 * Rows whose slice is over at the watermark in force before them leave as they came, to the side output of late rows:
 * the receiver decides whether they are late. So do all rows once the input was idle: the receivers may be ahead of it
 * then. `drain` comes before each barrier, so there is nothing to keep in a checkpoint.
 *
 * Law: windows that merge what leaves give what they would have given for the rows, where the aggregates do not depend on
 * the order of the rows. Sums of floats do, in their last bits.
 */
export class LocalAggregate extends WindowAggregateOperator {
  private readonly rows: PartialRows
  private absorbed = 0
  private sent = 0
  /** Rows that leave as they are before aggregating is tried again. */
  private asTheyAre = 0

  constructor(context: AggregationContext, { keys, geometry, aggregates, schema }: LocalAggregateSettings) {
    const { sliceMs, offsetMs } = geometry
    super(context, { keys, geometry: tumbling(sliceMs, offsetMs % sliceMs), aggregates })
    this.rows = new PartialRows(schema, keys, aggregates, context.id)
  }

  /** From now on rows leave as they come. `drain` comes next. */
  stop(): void {
    this.asTheyAre = Number.POSITIVE_INFINITY
  }

  /** All that is held leaves. */
  *drain(): Generator<void, void, void> {
    const { opened } = this
    if (opened === undefined || opened.state.records === 0) return
    opened.state.advance(END_OF_INPUT)
    for (let fired = opened.state.fire(); fired !== undefined; fired = opened.state.fire()) {
      this.context.output.batch(this.rowsOf(opened, fired, new Float64Array(fired.count).fill(this.watermark)))
      yield
    }
    this.letKeysGo(opened)
    // Nothing could enter behind the end of input.
    opened.state.destroy()
    const { coder, columns } = opened
    const state = new WindowState(this.context.kernel, coder.index, this.settings.geometry, columns.specs)
    this.opened = { ...opened, state }
  }

  protected override *addBatch(batch: Batch): Generator<void, void, void> {
    if (this.asTheyAre > 0) {
      this.asTheyAre -= batch.rowCount
      this.context.output.side(LATE_OUTPUT, batch)
      this.watermark = Math.max(this.watermark, batch.watermarks?.at(-1) ?? NO_WATERMARK)
      return
    }
    this.absorbed += batch.rowCount
    yield* super.addBatch(batch)
    if ((this.opened?.state.records ?? 0) >= MOST_RECORDS) yield* this.drain()
    yield* this.assess()
  }

  protected override rowsOf({ coder }: OpenedAggregation<WindowState>, fired: FiredWindows, watermarks: Float64Array) {
    this.sent += fired.count
    return this.rows.write(coder, fired, watermarks)
  }

  /** Most keys come again in the next slice: to let them go and to find them anew would cost more than to keep them. */
  protected override letKeysGo({ coder }: OpenedAggregation<WindowState>): void {
    if (coder.index.count >= MOST_RECORDS) coder.index.settle()
  }

  /** Looks back at what it was worth whenever much has left. */
  private *assess(): Generator<void, void, void> {
    if (this.sent < ASSESSED_ROWS) return
    const isWorthIt = this.absorbed >= this.sent * WORTH_ROWS
    this.absorbed = 0
    this.sent = 0
    if (isWorthIt) return
    this.asTheyAre = ROWS_AS_THEY_ARE
    yield* this.drain()
  }
}
