import type { Batch } from '../../core/batch.js'
import { END_OF_INPUT, NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { DELETE, INSERT, type RowKind, UPDATE_AFTER, UPDATE_BEFORE } from '../../core/row-kind.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import { LATE_OUTPUT } from '../kernel-aggregation.js'
import { keyFields } from '../keyed/key-fields.js'
import { KeySlots } from '../keyed/key-slots.js'
import { ObjectSchema } from '../object-schema.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState, Steps } from '../operator.js'
import { namedFailure } from '../user-function.js'
import type { Assigner } from './assigner.js'
import { type AssignerSettings, createAssigner } from './assigners.js'
import type { Evictor } from './evictor.js'
import { KeyedWindows, type PaneSettings } from './keyed-windows.js'
import type { Pane } from './pane.js'
import type { Trigger } from './trigger.js'
import {
  aggregateFields,
  bindWindowFunction,
  type WindowFunction,
  type WindowFunctionSettings,
} from './window-function.js'
import { type OutputShape, WindowOutput } from './window-output.js'
import { type RestoredTimer, restoreWindow, windowToJson } from './window-snapshot.js'
import type { EmittedRow, WindowState } from './window-state.js'

/**
 * What becomes of what a window has put out: 'accumulating': later panes hold it too; 'discarding': they do not;
 * 'retracting': they hold it, and the pane before is taken back.
 */
export type Accumulation = 'accumulating' | 'discarding' | 'retracting'

export interface WindowSettings {
  /** Empty: one window for all records. */
  readonly keys: readonly string[]
  readonly assigner: AssignerSettings
  readonly trigger: Trigger<object>
  readonly evictor: Evictor<object> | undefined
  readonly allowedLatenessMs: number
  readonly accumulation: Accumulation
  readonly panes: PaneSettings
  readonly function: WindowFunctionSettings
  /** The declared schema of what a process function gives; undefined: inferred. Not used for aggregates. */
  readonly schema: Schema | undefined
}

/**
 * Windows of any kind, with any trigger: Flink's WindowOperator. State stands on the host. Results do not depend on how
 * rows were cut into batches; windows that fire at one time do so in the order in which their timers were registered.
 * What fires behind the end of its window (late data, allowed lateness) carries the window's last ms as event time all
 * the same, which is late for what follows, as in Flink.
 */
export function windowOperator(settings: WindowSettings): OperatorFactory {
  return context => new WindowOperator(context, settings)
}

/** Whether a pane may come of no record at all. */
export function mayBeEmpty({ evictor, panes }: Pick<WindowSettings, 'evictor' | 'panes'>): boolean {
  return evictor !== undefined || panes.unchanged === 'skip' || panes.closing === 'always'
}

interface Opened {
  readonly schema: Schema
  readonly slots: KeySlots
  readonly windows: KeyedWindows
  readonly function: WindowFunction
  readonly output: WindowOutput
  readonly reader: RowReader
  /** Whether rows have event times, which windows of processing time do not need. */
  readonly isTimed: boolean
}

/** The last moment that a Date can hold: the event time of the results of windows that do not end. */
const LAST_MOMENT = 8.64e15

class WindowOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: WindowSettings
  private readonly assigner: Assigner
  private readonly objectSchema: ObjectSchema
  private opened: Opened | undefined
  watermark = NO_WATERMARK
  /** The watermark that rows which are put out now carry. */
  private carried = NO_WATERMARK
  /** Physical rows of the batch that no window takes. */
  private late: number[] = []

  constructor(context: OperatorContext, settings: WindowSettings) {
    this.context = context
    this.settings = settings
    this.assigner = createAssigner(settings.assigner)
    this.objectSchema = new ObjectSchema(settings.schema)
  }

  onBatch(batch: Batch): Steps {
    return this.addBatch(batch.compact())
  }

  onWatermark(timestamp: number): Steps {
    return this.moveOn(timestamp)
  }

  onProcessingTime(now: number): Steps {
    return this.fireProcessingTime(now)
  }

  snapshot(): OperatorState {
    const { opened, dropped } = this
    const state = {
      watermark: numberToJson(this.watermark),
      sequence: opened?.windows.sequence ?? 0,
      dropped: { ...dropped },
      ...this.gauges(),
      isTimed: opened?.isTimed ?? false,
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
      resultSchema: this.objectSchema.snapshot(),
    }
    if (opened === undefined) return { state, parts: [] }
    const { slots, windows } = opened
    const bytes = slots.snapshot((group, writer) => {
      const lists = [...group.slots].map(slot => {
        return windows.of(slot).map(window => windowToJson(window, opened.function.contents))
      })
      writer.text(JSON.stringify(lists))
    })
    return { state, parts: [{ name: 'windows', bytes }] }
  }

  restore(states: readonly OperatorState[]): void {
    // Barriers are aligned: at a barrier all former subtasks had the same watermark.
    this.watermark = Math.min(...states.map(({ state }) => numberFromJson(memberOf(state, 'watermark'))))
    this.carried = this.watermark
    this.objectSchema.restore(
      states.map(({ state }) => ({ state: memberOf(state, 'resultSchema') ?? null, parts: [] })),
    )
    const timers: RestoredTimer[] = []
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      const opened = this.opened ?? this.open(Schema.fromJSON(schema), memberOf(state, 'isTimed') === true)
      opened.windows.sequence = Math.max(opened.windows.sequence, numberFromJson(memberOf(state, 'sequence')))
      const snapshots = parts.map(({ bytes }) => bytes)
      opened.slots.restore(snapshots, ({ slots }, reader) => {
        const lists = JSON.parse(reader.text()) as readonly (readonly Json[])[]
        for (const [index, list] of lists.entries()) {
          for (const json of list) {
            timers.push(...restoreWindow(json, slots[index] ?? 0, opened.windows, opened.function.contents))
          }
        }
      })
    }
    if (this.opened === undefined) return
    this.opened.windows.watermark = this.watermark
    for (const { window, domain, time, sequence } of timers.sort((a, b) => a.sequence - b.sequence)) {
      this.opened.windows.restoreTimer(window, domain, time, sequence)
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return { openWindows: this.opened?.windows.openWindows ?? 0, keys: this.opened?.slots.count ?? 0 }
  }

  close(): void {
    this.opened?.slots.close()
  }

  private *addBatch(batch: Batch): Generator<void, void, void> {
    const { timestamps, watermarks } = batch
    const needsTime = this.assigner.time === 'event' && this.settings.assigner.kind !== 'global'
    if (needsTime && (timestamps === undefined || watermarks === undefined)) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.opened ?? this.open(batch.schema, timestamps !== undefined)
    const slots = opened.slots.code(batch)
    opened.reader.bind(batch)
    for (let row = 0; row < batch.rowCount; row++) {
      const watermark = watermarks?.[row] ?? this.watermark
      // Most rows let nothing fire: a generator for each would cost more than the row.
      if (watermark > this.watermark && !this.passes(opened, watermark)) yield* this.advance(opened, watermark, batch)
      this.addRow(opened, row, slots[row] ?? 0, timestamps?.[row])
      if (!opened.output.isFull) continue
      this.flush(opened, batch)
      yield
    }
    this.flush(opened, batch)
  }

  private addRow({ windows, reader }: Opened, row: number, slot: number, timestamp: number | undefined): void {
    try {
      const record = reader.at(row) as object
      if (windows.add(slot, record, timestamp ?? windows.now()) === 'late') this.late.push(row)
    } catch (cause) {
      throw namedFailure(this.context.id, reader.materialize(), cause)
    }
  }

  private *moveOn(timestamp: number): Generator<void, void, void> {
    const { opened } = this
    if (opened === undefined) this.watermark = Math.max(this.watermark, timestamp)
    else {
      yield* this.advance(opened, timestamp, undefined)
      if (timestamp === END_OF_INPUT) {
        for (const _ of opened.windows.end()) {
          if (!opened.output.isFull) continue
          this.flush(opened, undefined)
          yield
        }
      }
      this.flush(opened, undefined)
    }
    this.context.output.watermark(timestamp)
  }

  /** Moves event time on where nothing fires by it. */
  private passes({ windows }: Opened, watermark: number): boolean {
    if (windows.earliestTimer <= watermark) return false
    this.carried = watermark
    this.watermark = watermark
    windows.watermark = watermark
    return true
  }

  /** Moves event time on. What fires carries the watermark that was in force before. */
  private *advance(opened: Opened, watermark: number, batch: Batch | undefined): Generator<void, void, void> {
    if (!(watermark > this.watermark)) return
    this.carried = this.watermark
    this.watermark = watermark
    opened.windows.watermark = watermark
    while (this.fireNext(opened, 'event', watermark)) {
      if (!opened.output.isFull) continue
      this.flush(opened, batch)
      yield
    }
    this.carried = watermark
  }

  private *fireProcessingTime(now: number): Generator<void, void, void> {
    const { opened } = this
    if (opened === undefined) return
    this.carried = this.watermark
    while (this.fireNext(opened, 'processing', now)) {
      if (!opened.output.isFull) continue
      this.flush(opened, undefined)
      yield
    }
    this.flush(opened, undefined)
    opened.windows.requestWake()
  }

  private fireNext({ windows }: Opened, domain: 'event' | 'processing', now: number): boolean {
    try {
      return windows.fireNext(domain, now)
    } catch (cause) {
      throw namedFailure(this.context.id, { [`${domain}Time`]: now }, cause)
    }
  }

  private flush({ output }: Opened, batch: Batch | undefined): void {
    const results = this.finished(output)
    if (results !== undefined) this.context.output.batch(results)
    if (this.late.length === 0 || batch === undefined) return
    this.context.output.side(LATE_OUTPUT, batch.select(Uint32Array.from(this.late)))
    this.late = []
  }

  /** Rows of a function that do not fit the schema are told of with the operator. */
  private finished(output: WindowOutput): Batch | undefined {
    try {
      return output.finish()
    } catch (cause) {
      if (!(cause instanceof SabotError)) throw cause
      const { id } = this.context
      throw new SabotError(
        cause.code,
        `Operator ${id}: what its function gave does not fit. ${cause.message}`,
        { ...cause.details, operator: id },
        { cause },
      )
    }
  }

  /** Puts out what a window's function makes of its records, and takes back what it has put out before. */
  private emit(opened: Opened, window: WindowState, kept: unknown, pane: Pane): unknown {
    const { output } = opened
    const bounds = this.assigner.bounds(window)
    const applied = this.apply(opened, window, kept, pane)
    const put = (row: object, kind: RowKind, { start, end }: { start: number; end: number }): void => {
      output.add(row, {
        slot: window.slot,
        bounds: bounds === undefined ? undefined : this.assigner.bounds({ start, end }),
        timestamp: Math.min(end - 1, LAST_MOMENT),
        watermark: this.carried,
        kind,
      })
    }
    const isRetracting = this.settings.accumulation === 'retracting'
    const before = isRetracting ? window.emitted : []
    // One row of the same window is replaced; anything else is deleted.
    const [old] = before
    const isSameWindow = old?.start === window.start && old.end === window.end
    const isUpdate = before.length === 1 && applied.rows.length === 1 && isSameWindow
    for (const emitted of before) put(emitted.row, isUpdate ? UPDATE_BEFORE : DELETE, emitted)
    for (const row of applied.rows) put(row, isUpdate ? UPDATE_AFTER : INSERT, window)
    if (isRetracting)
      window.emitted = applied.rows.map((row): EmittedRow => ({ start: window.start, end: window.end, row }))
    return applied.kept
  }

  /** A function that throws is told of with the key and the window that it was called for. */
  private apply(opened: Opened, window: WindowState, kept: unknown, pane: Pane) {
    const key = () => opened.slots.key(window.slot)
    const bounds = this.assigner.bounds(window)
    try {
      return opened.function.apply(kept, { key, window: bounds, pane, watermark: this.watermark })
    } catch (cause) {
      throw namedFailure(this.context.id, { key: key(), windowStart: bounds?.start, windowEnd: bounds?.end }, cause)
    }
  }

  private open(schema: Schema, isTimed: boolean): Opened {
    const { keys, function: settings, evictor, trigger, allowedLatenessMs, panes, accumulation } = this.settings
    const { kernel, keyGroups, processingTime } = this.context
    const fields = keyFields(schema, keys)
    const slots = new KeySlots(kernel, fields, keyGroups)
    const bound = bindWindowFunction(settings, schema, evictor, this.context.id)
    const shape: OutputShape = {
      keys: settings.kind === 'aggregate' ? fields : undefined,
      hasBounds: this.settings.assigner.kind !== 'global',
      isTimed,
    }
    const output = new WindowOutput(shape, slots, rows => this.valueSchema(schema, rows))
    const windows = new KeyedWindows(
      { assigner: this.assigner, trigger, allowedLatenessMs, panes, discards: accumulation === 'discarding' },
      {
        contents: bound.contents,
        now: () => processingTime.now(),
        wakeAt: time => processingTime.wakeAt(time),
        emit: (window, kept, pane) => this.emit(opened, window, kept, pane),
        hold: slot => slots.hold(slot),
        release: slot => slots.release(slot),
        count: (reason, records) => {
          this.dropped[reason] = (this.dropped[reason] ?? 0) + records
        },
      },
    )
    const opened: Opened = { schema, slots, windows, function: bound, output, reader: new RowReader(schema), isTimed }
    windows.watermark = this.watermark
    this.opened = opened
    return opened
  }

  /** The fields that the function gives. */
  private valueSchema(input: Schema, rows: readonly object[]): Schema {
    const { function: settings } = this.settings
    switch (settings.kind) {
      case 'aggregate':
        return new Schema(aggregateFields(input, settings.fields, mayBeEmpty(this.settings)))
      case 'reduce':
        return input
      case 'process':
        return this.objectSchema.of(rows)
    }
  }
}
