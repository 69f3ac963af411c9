import type { Batch } from '../core/batch.js'
import { END_OF_INPUT, NO_WATERMARK } from '../core/element.js'
import { SabotError } from '../core/errors.js'
import { RowReader } from '../core/row-view.js'
import type { Schema } from '../core/schema.js'
import { MAX_WINDOW_MS } from '../core/window-geometry.js'
import { type LateRow, SessionState } from '../kernel/sessions.js'
import { firedRows } from './fired-rows.js'
import { KernelAggregation, LATE_OUTPUT, type OpenedAggregation } from './kernel-aggregation.js'
import { KeyCoder } from './key-coder.js'
import type { OperatorContext, OperatorFactory } from './operator.js'
import { userFunctionFailed, wrongResult } from './user-function.js'
import { readsColumnsOnly, WindowColumns } from './window-columns.js'
import { type NamedAggregate, windowResultSchema } from './window-results.js'

export interface SessionAggregateSettings {
  readonly keys: readonly string[]
  /** ms, more than 0: of all rows, or by row. */
  readonly gap: number | ((row: never) => number)
  readonly aggregates: readonly NamedAggregate[]
}

/**
 * Aggregates by key and session of event time: the rules are Flink's (assembly/sessions/add.ts). Sessions that end at
 * one time come in the order of their keys' ids. State, late rows and results are those of record-by-record processing,
 * however the rows were cut into batches.
 */
export function sessionAggregateOperator(settings: SessionAggregateSettings): OperatorFactory {
  return context => new SessionAggregateOperator(context, settings)
}

type Opened = OpenedAggregation<SessionState>

class SessionAggregateOperator extends KernelAggregation<SessionState> {
  private readonly settings: SessionAggregateSettings

  constructor(context: OperatorContext, settings: SessionAggregateSettings) {
    super(context, 'sessions')
    this.settings = settings
  }

  override get columnUse(): 'used' | undefined {
    const { gap, aggregates } = this.settings
    return typeof gap === 'number' && readsColumnsOnly(aggregates) ? 'used' : undefined
  }

  protected override openWindows(state: SessionState): number {
    return state.openSessions
  }

  protected override *addBatch(batch: Batch): Generator<void, void, void> {
    const { timestamps, watermarks, rowCount } = batch
    if (timestamps === undefined || watermarks === undefined) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.open(batch.schema)
    const { state, coder, columns } = opened
    state.advance(this.watermark)
    state.load({ timestamps, watermarks, gaps: this.gapsOf(batch), columns: columns.inputs(batch) })
    for (let from = 0; from < rowCount; ) {
      coder.code(from === 0 ? batch : batch.slice(from, rowCount))
      const next = state.add(from)
      yield* this.emit(opened, batch, state.lateRows())
      from = next
      // The kernel says where: which ids new keys get depends on it, so a batch's end is no such place.
      if (from < rowCount) state.settle()
    }
    this.watermark = Math.max(this.watermark, watermarks.at(-1) ?? NO_WATERMARK)
  }

  /** Emits what the last call of the kernel has fired, and the late rows where they came in between. */
  private *emit(opened: Opened, batch: Batch, late: readonly LateRow[]): Generator<void, void, void> {
    const { state } = opened
    let told = 0
    let nextLate = 0
    for (let fired = state.fire(); fired !== undefined; fired = state.fire()) {
      const rows = firedRows(opened, fired, fired.watermarks.slice())
      let from = 0
      while (nextLate < late.length && (late[nextLate]?.firedBefore ?? 0) < told + rows.rowCount) {
        const to = (late[nextLate]?.firedBefore ?? 0) - told
        if (to > from) this.context.output.batch(rows.slice(from, to))
        from = Math.max(from, to)
        nextLate = this.emitLate(batch, late, nextLate)
      }
      this.context.output.batch(from === 0 ? rows : rows.slice(from, rows.rowCount))
      told += rows.rowCount
      yield
    }
    if (nextLate < late.length) this.emitLate(batch, late, nextLate)
  }

  /** Emits the late rows from number `first` on before which as many sessions had fired; the number behind them. */
  private emitLate(batch: Batch, late: readonly LateRow[], first: number): number {
    const firedBefore = late[first]?.firedBefore
    let end = first
    while (end < late.length && late[end]?.firedBefore === firedBefore) end++
    this.dropped.late = (this.dropped.late ?? 0) + (end - first)
    const rows = Uint32Array.from(late.slice(first, end), ({ row }) => row)
    this.context.output.side(LATE_OUTPUT, batch.select(rows))
    return end
  }

  protected override *moveOn(timestamp: number): Generator<void, void, void> {
    const { opened } = this
    if (opened !== undefined) {
      opened.state.advance(timestamp)
      for (let fired = opened.state.fire(); fired !== undefined; fired = opened.state.fire()) {
        this.context.output.batch(firedRows(opened, fired, fired.watermarks.slice()))
        yield
      }
      // Nothing comes any more.
      if (timestamp === END_OF_INPUT) opened.state.settle()
    }
    this.watermark = timestamp
    this.context.output.watermark(timestamp)
  }

  /** The gap of each row; undefined where all have the same. */
  private gapsOf(batch: Batch): Float64Array | undefined {
    const { gap } = this.settings
    if (typeof gap === 'number') return undefined
    const gapOf = gap as (row: unknown) => number
    const reader = new RowReader(batch.schema).bind(batch)
    const gaps = new Float64Array(batch.rowCount)
    for (let row = 0; row < gaps.length; row++) {
      let result: unknown
      try {
        result = gapOf(reader.at(row))
      } catch (cause) {
        throw userFunctionFailed(this.context.id, reader.materialize(), cause)
      }
      if (!isGap(result))
        throw wrongResult(this.context.id, reader.materialize(), result, 'a gap: a whole number of ms above 0')
      gaps[row] = result
    }
    return gaps
  }

  protected override create(schema: Schema): Opened {
    const { keys, gap, aggregates } = this.settings
    const { kernel, id, keyGroups } = this.context
    const resultSchema = windowResultSchema(schema, keys, aggregates)
    const fields = keys.map(key => schema.field(key))
    const coder = new KeyCoder(kernel, fields, keyGroups.of)
    const columns = new WindowColumns(schema, aggregates, id)
    const state = new SessionState(kernel, coder.index, typeof gap === 'number' ? gap : 1, columns.specs)
    return { schema, resultSchema, coder, columns, state }
  }
}

function isGap(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_WINDOW_MS
}
