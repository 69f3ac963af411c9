import { Batch } from '../../core/batch.js'
import { appendField, columnBuilder } from '../../core/builders-nested.js'
import type { ColumnBuilder } from '../../core/column-builder.js'
import { TimestampColumn } from '../../core/columns-fixed.js'
import { NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import {
  isInGap,
  lateBelow,
  outputTimestamp,
  type TimeWindow,
  type WindowGeometry,
} from '../../core/window-geometry.js'
import { LATE_OUTPUT } from '../kernel-aggregation.js'
import { keyFields } from '../keyed/key-fields.js'
import { KeySlots } from '../keyed/key-slots.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState, Steps } from '../operator.js'
import { type NamedAggregate, windowResultSchema } from '../window-results.js'
import { AggregateRow } from './aggregate-row.js'
import { TumblingState } from './tumbling-state.js'

export interface TumblingAggregateSettings {
  /** Empty: one window for all records. */
  readonly keys: readonly string[]
  readonly geometry: WindowGeometry
  readonly aggregates: readonly NamedAggregate[]
}

/**
 * Aggregates of any kind by key and window of event time, where windows do not overlap and results are final: what the
 * window kernel does, on the host (rules 2 to 6 of time). Results do not depend on how rows were cut into batches.
 */
export function tumblingAggregateOperator(settings: TumblingAggregateSettings): OperatorFactory {
  return context => new TumblingAggregateOperator(context, settings)
}

interface Opened {
  readonly schema: Schema
  readonly slots: KeySlots
  readonly state: TumblingState
  readonly reader: RowReader
  readonly aggregates: AggregateRow
  readonly results: ResultRows
}

/** Rows that one batch of results has at most. */
const OUTPUT_ROWS = 4096

class TumblingAggregateOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  watermark = NO_WATERMARK
  private readonly context: OperatorContext
  private readonly settings: TumblingAggregateSettings
  private opened: Opened | undefined

  constructor(context: OperatorContext, settings: TumblingAggregateSettings) {
    this.context = context
    this.settings = settings
  }

  onBatch(batch: Batch): Steps {
    return this.addBatch(batch.compact())
  }

  onWatermark(timestamp: number): Steps {
    return this.moveOn(timestamp)
  }

  snapshot(): OperatorState {
    const { opened } = this
    const state = {
      watermark: numberToJson(this.watermark),
      dropped: { ...this.dropped },
      ...this.gauges(),
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
    }
    if (opened === undefined) return { state, parts: [] }
    const bytes = opened.slots.snapshot(({ slots }, writer) => writer.text(JSON.stringify(opened.state.toJson(slots))))
    return { state, parts: [{ name: 'windows', bytes }] }
  }

  restore(states: readonly OperatorState[]): void {
    // Barriers are aligned: at a barrier all former subtasks had the same watermark.
    this.watermark = Math.min(...states.map(({ state }) => numberFromJson(memberOf(state, 'watermark'))))
    const entries: { readonly slot: number; readonly json: Json }[] = []
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      const { slots } = this.opened ?? this.open(Schema.fromJSON(schema))
      const snapshots = parts.map(({ bytes }) => bytes)
      slots.restore(snapshots, (group, reader) => {
        const kept = JSON.parse(reader.text()) as readonly Json[]
        for (const [index, json] of kept.entries()) entries.push({ slot: group.slots[index] ?? 0, json })
      })
    }
    this.opened?.state.restore(entries)
  }

  gauges(): Readonly<Record<string, number>> {
    return { openWindows: this.opened?.state.openWindows ?? 0, keys: this.opened?.slots.count ?? 0 }
  }

  close(): void {
    this.opened?.slots.close()
  }

  private *addBatch(batch: Batch): Generator<void, void, void> {
    const { timestamps, watermarks } = batch
    if (timestamps === undefined || watermarks === undefined) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.opened ?? this.open(batch.schema)
    const { state, reader, aggregates } = opened
    const { geometry } = this.settings
    const slots = opened.slots.code(batch)
    const late: number[] = []
    reader.bind(batch)
    aggregates.bind(batch)
    let bound = lateBelow(geometry, this.watermark)
    for (let row = 0; row < batch.rowCount; row++) {
      const watermark = watermarks[row] ?? this.watermark
      if (watermark > this.watermark) {
        if (state.isDue(watermark)) yield* this.advance(opened, watermark)
        else this.watermark = watermark
        bound = lateBelow(geometry, watermark)
      }
      const timestamp = timestamps[row] ?? Number.NaN
      if (timestamp < bound) late.push(row)
      else if (isInGap(geometry, timestamp)) this.count('in-no-window', 1)
      else state.add(slots[row] ?? 0, reader.at(row) as object, timestamp, row)
    }
    this.flush(opened)
    if (late.length === 0) return
    this.count('late', late.length)
    this.context.output.side(LATE_OUTPUT, batch.select(Uint32Array.from(late)))
  }

  private *moveOn(timestamp: number): Generator<void, void, void> {
    if (this.opened === undefined) this.watermark = Math.max(this.watermark, timestamp)
    else {
      yield* this.advance(this.opened, timestamp)
      this.flush(this.opened)
    }
    this.context.output.watermark(timestamp)
  }

  /** Moves the watermark on and fires what it lets fire. What is fired carries the watermark in force before. */
  private *advance(opened: Opened, watermark: number): Generator<void, void, void> {
    const { state, results } = opened
    if (watermark <= this.watermark) return
    const before = this.watermark
    this.watermark = watermark
    while (state.isDue(watermark)) {
      for (const _ of state.fire((slot, kept, window) => results.add(slot, kept, window, before))) {
        if (results.length < OUTPUT_ROWS) continue
        this.flush(opened)
        yield
      }
    }
  }

  private flush({ results, slots }: Opened): void {
    const batch = results.finish(slots)
    if (batch !== undefined) this.context.output.batch(batch)
  }

  private count(reason: string, rows: number): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + rows
  }

  private open(schema: Schema): Opened {
    const { keys, geometry, aggregates } = this.settings
    const { kernel, keyGroups, id } = this.context
    const slots = new KeySlots(kernel, keyFields(schema, keys), keyGroups)
    const row = new AggregateRow(schema, aggregates, id)
    const results = new ResultRows(windowResultSchema(schema, keys, aggregates), row)
    this.opened = {
      schema,
      slots,
      state: new TumblingState(geometry, row, slots),
      reader: new RowReader(schema),
      aggregates: row,
      results,
    }
    return this.opened
  }
}

/** Collects result rows until they make a batch. */
class ResultRows {
  private readonly schema: Schema
  private readonly aggregates: AggregateRow
  private readonly builders: readonly ColumnBuilder[]
  private slots: number[] = []
  private starts: number[] = []
  private ends: number[] = []
  private watermarks: number[] = []

  constructor(schema: Schema, aggregates: AggregateRow) {
    this.schema = schema
    this.aggregates = aggregates
    this.builders = aggregates.fields.map(field => columnBuilder(field))
  }

  get length(): number {
    return this.slots.length
  }

  add(slot: number, kept: readonly unknown[], { start, end }: TimeWindow, watermark: number): void {
    for (const [index, field] of this.aggregates.fields.entries()) {
      const builder = this.builders[index]
      if (builder !== undefined) appendField(builder, field, field.name, this.aggregates.result(kept, index))
    }
    this.slots.push(slot)
    this.starts.push(start)
    this.ends.push(end)
    this.watermarks.push(watermark)
  }

  finish(keys: KeySlots): Batch | undefined {
    const { schema, slots, starts, ends, watermarks } = this
    if (slots.length === 0) return undefined
    const bounds = [starts, ends].map(times => TimestampColumn.fromMillis(Float64Array.from(times)))
    const batch = new Batch({
      schema,
      columns: [...keys.columns(Uint32Array.from(slots)), ...bounds, ...this.builders.map(builder => builder.finish())],
      rowCount: slots.length,
      timestamps: Float64Array.from(ends, outputTimestamp),
      watermarks: Float64Array.from(watermarks),
    })
    this.slots = []
    this.starts = []
    this.ends = []
    this.watermarks = []
    return batch
  }
}
