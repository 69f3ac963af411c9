import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import type { Schema } from '../core/schema.js'
import { isInGap, lastEndedWindow, lateBelow, type WindowGeometry } from '../core/window-geometry.js'
import type { FiredWindows } from '../kernel/aggregated-columns.js'
import type { AssignedTimes } from '../kernel/time.js'
import { WindowState } from '../kernel/windows.js'
import { firedRows } from './fired-rows.js'
import {
  type AggregationContext,
  KernelAggregation,
  LATE_OUTPUT,
  type OpenedAggregation,
} from './kernel-aggregation.js'
import { KeyCoder } from './key-coder.js'
import type { OperatorFactory } from './operator.js'
import { PartialRows } from './partial-rows.js'
import { LentTimes } from './time/lent-times.js'
import { readsColumnsOnly, WindowColumns } from './window-columns.js'
import { type NamedAggregate, windowResultSchema } from './window-results.js'

export interface WindowAggregateSettings {
  readonly keys: readonly string[]
  readonly geometry: WindowGeometry
  /** Of functions that the kernel computes. */
  readonly aggregates: readonly NamedAggregate[]
  /** Partial aggregates may come among the rows (local-aggregate.ts): those of rows of this schema. */
  readonly partialsOf?: Schema | undefined
}

/**
 * Aggregates by key and window of event time (rules 2 to 6 of time). State, late rows and results are those of
 * record-by-record processing, however the rows were cut into batches.
 */
export function windowAggregateOperator(settings: WindowAggregateSettings): OperatorFactory {
  return context => new WindowAggregateOperator(context, settings)
}

type Opened = OpenedAggregation<WindowState>

export class WindowAggregateOperator extends KernelAggregation<WindowState> {
  protected readonly settings: WindowAggregateSettings
  /** undefined: none come. */
  private readonly partials: PartialRows | undefined

  constructor(context: AggregationContext, settings: WindowAggregateSettings) {
    super(context, 'windows')
    this.settings = settings
    const { partialsOf } = settings
    this.partials = partialsOf && new PartialRows(partialsOf, settings.keys, settings.aggregates, context.id)
  }

  override get columnUse(): 'used' | undefined {
    return readsColumnsOnly(this.settings.aggregates) ? 'used' : undefined
  }

  protected override openWindows(state: WindowState): number {
    return state.openWindows
  }

  /** Cuts the batch where the watermark in force passes the end of a window: there windows fire before the next row. */
  protected override *addBatch(batch: Batch): Generator<void, void, void> {
    const { times } = batch
    if (times === undefined && (batch.timestamps === undefined || batch.watermarks === undefined)) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.open(this.schemaOf(batch))
    opened.state.advance(this.watermark)
    if (times instanceof LentTimes && this.isOneSegment(times.assigned)) {
      yield* this.addWhole(opened, batch, times.assigned)
      return
    }
    const { watermarks = EMPTY } = batch
    for (let from = 0; from < batch.rowCount; ) {
      yield* this.fireUpTo(opened, watermarks[from] ?? this.watermark, watermarks[from - 1])
      const to = this.segmentEnd(watermarks, from)
      this.add(opened, from === 0 && to === batch.rowCount ? batch : batch.slice(from, to))
      from = to
      if (from < batch.rowCount) yield
    }
    // No window ends between the last rows, so nothing fires here.
    yield* this.fireUpTo(opened, watermarks.at(-1) ?? this.watermark, undefined)
  }

  /** Whether no window ends between the rows and none is late: most batches, by a look at two watermarks. */
  private isOneSegment(times: AssignedTimes): boolean {
    const { geometry } = this.settings
    const { kernel, rowCount, lowest } = times
    if (kernel !== this.context.kernel || geometry.slideMs > geometry.sizeMs) return false
    const first = times.watermarkAt(0)
    if (lastEndedWindow(geometry, first) < lastEndedWindow(geometry, times.watermarkAt(rowCount - 1))) return false
    return lowest >= lateBelow(geometry, Math.max(first, this.watermark))
  }

  /** What addBatch() does with one segment, whose times stay where they stand. */
  private *addWhole(opened: Opened, batch: Batch, times: AssignedTimes): Generator<void, void, void> {
    yield* this.fireUpTo(opened, times.watermarkAt(0), undefined)
    this.put(opened, batch, times)
    yield* this.fireUpTo(opened, times.watermarkAt(times.rowCount - 1), undefined)
  }

  /** The first row behind `from` before which another window ends. Watermarks do not go back, so it is searched by halves. */
  private segmentEnd(watermarks: Float64Array, from: number): number {
    const { geometry } = this.settings
    const ended = lastEndedWindow(geometry, watermarks[from] ?? 0)
    let low = from + 1
    let high = watermarks.length
    if (lastEndedWindow(geometry, watermarks[high - 1] ?? 0) === ended) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (lastEndedWindow(geometry, watermarks[middle] ?? 0) > ended) high = middle
      else low = middle + 1
    }
    return low
  }

  /**
   * Adds rows between two window ends. Late rows go aside before their keys are coded: a key that no window holds must
   * not take an id, since it would be let go at a moment that depends on the cut.
   */
  private add(opened: Opened, segment: Batch): void {
    const batch = this.withoutStrays(segment)
    if (batch.rowCount > 0) this.put(opened, batch, batch.timestamps ?? EMPTY)
  }

  private put({ coder, columns, state }: Opened, batch: Batch, times: Float64Array | AssignedTimes): void {
    coder.code(batch)
    if (this.partials?.isOf(batch)) state.merge(batch.timestamps ?? EMPTY, this.partials.read(batch))
    else state.add(times, columns.inputs(batch))
  }

  /** That of the rows, for partial aggregates too. */
  private schemaOf(batch: Batch): Schema {
    return this.partials?.isOf(batch) ? this.partials.rows : batch.schema
  }

  /** The rows that belong to a window which has not fired: rule 4 of time, and rows between windows are left out. */
  private withoutStrays(batch: Batch): Batch {
    const { geometry } = this.settings
    const { timestamps = EMPTY, rowCount } = batch
    const bound = lateBelow(geometry, this.watermark)
    const hasGaps = geometry.slideMs > geometry.sizeMs
    if (!hasGaps && !hasBelow(timestamps, bound)) return batch
    const late: number[] = []
    const kept: number[] = []
    for (let row = 0; row < rowCount; row++) {
      const timestamp = timestamps[row] ?? 0
      if (timestamp < bound) late.push(row)
      else if (hasGaps && isInGap(geometry, timestamp)) this.count('in-no-window', 1)
      else kept.push(row)
    }
    if (late.length > 0) this.setAside(batch, late)
    return batch.select(Uint32Array.from(kept)).compact()
  }

  private setAside(batch: Batch, late: readonly number[]): void {
    const { partials } = this
    if (partials?.isOf(batch)) {
      // Nobody reads late rows where they are aggregated before they come here.
      const { rowCounts } = partials.read(batch)
      this.count(
        'late',
        late.reduce((sum, row) => sum + (rowCounts[row] ?? 0), 0),
      )
    } else {
      this.count('late', late.length)
      this.context.output.side(LATE_OUTPUT, batch.select(Uint32Array.from(late)))
    }
  }

  private count(reason: string, rows: number): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + rows
  }

  protected override *moveOn(timestamp: number): Generator<void, void, void> {
    if (this.opened !== undefined) yield* this.fireUpTo(this.opened, timestamp, undefined)
    this.watermark = timestamp
    this.context.output.watermark(timestamp)
  }

  /**
   * Moves the watermark on and fires what it lets fire. Where a window ended, keys that no window holds any more are
   * let go: at these points only, so that ids do not depend on how rows were cut into batches either. What is fired
   * carries the watermark in force before: `previous`, or that of the row or watermark before.
   */
  private *fireUpTo(opened: Opened, watermark: number, previous: number | undefined): Generator<void, void, void> {
    const { geometry } = this.settings
    const before = previous ?? this.watermark
    if (watermark <= this.watermark) return
    const ended = lastEndedWindow(geometry, watermark) > lastEndedWindow(geometry, this.watermark)
    this.watermark = watermark
    opened.state.advance(watermark)
    if (!ended) return
    for (let fired = opened.state.fire(); fired !== undefined; fired = opened.state.fire()) {
      this.context.output.batch(this.rowsOf(opened, fired, new Float64Array(fired.count).fill(before)))
      yield
    }
    this.letKeysGo(opened)
  }

  /** At the end of a window, keys that no other holds. */
  protected letKeysGo({ coder }: Opened): void {
    coder.index.settle()
  }

  protected rowsOf(opened: Opened, fired: FiredWindows, watermarks: Float64Array): Batch {
    return firedRows(opened, fired, watermarks)
  }

  protected override create(schema: Schema): Opened {
    const { keys, geometry, aggregates } = this.settings
    const { kernel, keyGroups } = this.context
    const resultSchema = windowResultSchema(schema, keys, aggregates)
    const coder = new KeyCoder(
      kernel,
      keys.map(key => schema.field(key)),
      keyGroups.of,
    )
    const columns = new WindowColumns(schema, aggregates, this.context.id)
    const state = new WindowState(kernel, coder.index, geometry, columns.specs)
    return { schema, resultSchema, coder, columns, state }
  }
}

const EMPTY = new Float64Array(0)

/** Looks at every row of almost every batch: four rows a turn take half the time of one. NaN is below nothing. */
function hasBelow(times: Float64Array, bound: number): boolean {
  const isBelow = (row: number): boolean => (times[row] as number) < bound
  const { length } = times
  let row = 0
  for (; row + 4 <= length; row += 4)
    if (isBelow(row) || isBelow(row + 1) || isBelow(row + 2) || isBelow(row + 3)) return true
  for (; row < length; row++) if (isBelow(row)) return true
  return false
}
