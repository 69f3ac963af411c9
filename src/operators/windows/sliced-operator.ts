import type { Batch } from '../../core/batch.js'
import { NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { INSERT } from '../../core/row-kind.js'
import { defineField } from '../../core/row-object.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import { isInGap, lateBelow, type WindowGeometry } from '../../core/window-geometry.js'
import { hostAggregate } from '../aggregates/host-aggregate.js'
import { keyFields } from '../keyed/key-fields.js'
import { KeySlots } from '../keyed/key-slots.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState, Steps } from '../operator.js'
import type { NamedAggregate } from '../window-results.js'
import { Accumulators } from './contents.js'
import { deadBelow, KeySlices, type SliceGrid, sliceGrid, sliceOf, windowEnding, windowEnds } from './shared-slices.js'
import { TimeHeap } from './time-heap.js'
import { aggregateFields } from './window-function.js'
import { WindowOutput } from './window-output.js'

/** Windows of one geometry, and where their results and late records go. */
export interface SlicedWindows {
  readonly geometry: WindowGeometry
  readonly output: string
  readonly lateOutput: string
}

export interface SlicedSettings {
  readonly keys: readonly string[]
  readonly windows: readonly SlicedWindows[]
  readonly aggregates: readonly NamedAggregate[]
  /** The output that is the main one. */
  readonly mainOutput: string
}

/**
 * Aggregates by key and by tumbling or sliding windows of event time, of one size or several, over shared slices. What
 * comes out is what the general operator gives with the default trigger; keys of one window come in the order in which
 * they first came.
 * @throws SabotError INVALID_WINDOW where a window would consist of too many slices
 */
export function slicedOperator(settings: SlicedSettings): OperatorFactory {
  const grid = sliceGrid(settings.windows.map(({ geometry }) => geometry))
  if (grid === undefined) {
    throw new SabotError('INVALID_WINDOW', 'These windows have too many slices in common: give them separately')
  }
  return context => new SlicedOperator(context, settings, grid)
}

interface Opened {
  readonly schema: Schema
  readonly slots: KeySlots
  readonly contents: Accumulators
  readonly outputs: readonly WindowOutput[]
  readonly reader: RowReader
}

class SlicedOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  watermark = NO_WATERMARK
  private readonly context: OperatorContext
  private readonly settings: SlicedSettings
  private readonly grid: SliceGrid
  private readonly geometries: readonly WindowGeometry[]
  /** By slot, in the order in which they came. */
  private keys = new Map<number, KeySlices>()
  /** By geometry: the ends of the windows that wait to fire. */
  private readonly pending: readonly TimeHeap[]
  private sequence = 0
  private opened: Opened | undefined
  /** By geometry: physical rows of the batch that come too late for all of its windows. */
  private readonly late: number[][]

  constructor(context: OperatorContext, settings: SlicedSettings, grid: SliceGrid) {
    this.context = context
    this.settings = settings
    this.grid = grid
    this.geometries = settings.windows.map(({ geometry }) => geometry)
    this.pending = settings.windows.map(() => new TimeHeap())
    this.late = settings.windows.map(() => [])
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
      sequence: this.sequence,
      dropped: { ...this.dropped },
      ...this.gauges(),
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
    }
    if (opened === undefined) return { state, parts: [] }
    const bytes = opened.slots.snapshot((group, writer) => {
      writer.text(JSON.stringify([...group.slots].map(slot => this.keyToJson(slot, opened.contents))))
    })
    return { state, parts: [{ name: 'slices', bytes }] }
  }

  restore(states: readonly OperatorState[]): void {
    this.watermark = Math.min(...states.map(({ state }) => numberFromJson(memberOf(state, 'watermark'))))
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      this.sequence = Math.max(this.sequence, numberFromJson(memberOf(state, 'sequence')))
      const { slots, contents } = this.opened ?? this.open(Schema.fromJSON(schema))
      const snapshots = parts.map(({ bytes }) => bytes)
      slots.restore(snapshots, (group, reader) => {
        const keys = JSON.parse(reader.text()) as readonly Json[]
        for (const [index, json] of keys.entries()) this.restoreKey(json, group.slots[index] ?? 0, contents)
      })
    }
    const inOrder = [...this.keys.values()].sort((a, b) => a.sequence - b.sequence)
    this.keys = new Map(inOrder.map(key => [key.slot, key]))
  }

  gauges(): Readonly<Record<string, number>> {
    let slices = 0
    for (const key of this.keys.values()) slices += key.slices.length
    return { keys: this.keys.size, slices }
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
    const slots = opened.slots.code(batch)
    opened.reader.bind(batch)
    for (let row = 0; row < batch.rowCount; row++) {
      yield* this.advance(opened, watermarks[row] ?? this.watermark)
      this.addRow(opened, row, slots[row] ?? 0, timestamps[row] ?? 0)
    }
    this.flush(opened)
    for (const [index, rows] of this.late.entries()) {
      const output = this.settings.windows[index]?.lateOutput
      if (rows.length === 0 || output === undefined) continue
      this.context.output.side(output, batch.select(Uint32Array.from(rows)))
      this.late[index] = []
    }
  }

  private addRow({ slots, contents, reader }: Opened, row: number, slot: number, timestamp: number): void {
    let isKept = false
    for (const [index, geometry] of this.geometries.entries()) {
      if (timestamp < lateBelow(geometry, this.watermark)) {
        this.late[index]?.push(row)
        this.count(this.reason('late', index))
      } else if (isInGap(geometry, timestamp)) this.count(this.reason('in-no-window', index))
      else isKept = true
    }
    if (!isKept) return
    let key = this.keys.get(slot)
    if (key === undefined) {
      key = new KeySlices(slot, this.sequence++)
      this.keys.set(slot, key)
      slots.hold(slot)
    }
    const slice = sliceOf(this.grid, timestamp)
    if (key.add(contents, slice, reader.at(row) as object, timestamp)) this.await(slice)
  }

  /** Counters tell the windows apart where there are several. */
  private reason(reason: string, index: number): string {
    return this.geometries.length === 1 ? reason : `${reason}-${this.settings.windows[index]?.output}`
  }

  private count(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
  }

  /** The windows that a slice is in, and that have not fired, wait for their ends. */
  private await(slice: number): void {
    for (const [index, geometry] of this.geometries.entries()) {
      const pending = this.pending[index]
      for (const end of windowEnds(geometry, this.grid, slice)) {
        if (end - 1 > this.watermark) pending?.add(end)
      }
    }
  }

  private *moveOn(timestamp: number): Generator<void, void, void> {
    const { opened } = this
    if (opened === undefined) this.watermark = Math.max(this.watermark, timestamp)
    else {
      yield* this.advance(opened, timestamp)
      this.flush(opened)
    }
    this.context.output.watermark(timestamp)
  }

  private *advance(opened: Opened, watermark: number): Generator<void, void, void> {
    if (!(watermark > this.watermark)) return
    const before = this.watermark
    this.watermark = watermark
    let hasFired = false
    for (let next = this.next(); next.end - 1 <= watermark && next.end < Number.POSITIVE_INFINITY; next = this.next()) {
      hasFired = true
      yield* this.fire(opened, next.index, next.end, before)
    }
    if (hasFired) this.dropDead(opened)
  }

  /** The window that ends next; of those that end together the first definition. */
  private next(): { readonly index: number; readonly end: number } {
    let [index, end] = [0, Number.POSITIVE_INFINITY]
    for (const [at, { earliest }] of this.pending.entries()) {
      if (earliest < end) [index, end] = [at, earliest]
    }
    return { index, end }
  }

  private *fire(opened: Opened, index: number, end: number, watermark: number): Generator<void, void, void> {
    const { contents, outputs } = opened
    const geometry = this.geometries[index]
    const pending = this.pending[index]
    const output = outputs[index]
    if (geometry === undefined || pending === undefined || output === undefined) return
    pending.removeEarliest()
    const window = windowEnding(geometry, end)
    const from = sliceOf(this.grid, window.start)
    const to = sliceOf(this.grid, end - 1) + 1
    for (const key of this.keys.values()) {
      const kept = key.combined(contents, index, from, to)
      if (kept === undefined) continue
      const row: Record<string, unknown> = {}
      const results = contents.results(kept as unknown[])
      for (const [at, { name }] of this.settings.aggregates.entries()) defineField(row, name, results[at])
      output.add(row, { slot: key.slot, bounds: window, timestamp: end - 1, watermark, kind: INSERT })
      if (!output.isFull) continue
      this.flush(opened)
      yield
    }
  }

  private dropDead({ slots }: Opened): void {
    const below = deadBelow(this.geometries, this.grid, this.watermark)
    for (const key of this.keys.values()) {
      key.drop(below)
      if (key.slices.length > 0) continue
      this.keys.delete(key.slot)
      slots.release(key.slot)
    }
  }

  private flush({ outputs }: Opened): void {
    for (const [index, { output }] of this.settings.windows.entries()) {
      const batch = outputs[index]?.finish()
      if (batch === undefined) continue
      if (output === this.settings.mainOutput) this.context.output.batch(batch)
      else this.context.output.side(output, batch)
    }
  }

  /** [order, slices, borders and ends of what was combined]: so that a resumed job combines in the same order. */
  private keyToJson(slot: number, contents: Accumulators): Json {
    const key = this.keys.get(slot)
    if (key === undefined) return null
    return [
      key.sequence,
      key.slices.map(({ number, kept }) => [number, contents.encode(kept as unknown[])]),
      this.geometries.map((_, index) => {
        const combination = key.combinations[index]
        return combination === undefined ? null : [combination.border, numberToJson(combination.end)]
      }),
    ]
  }

  private restoreKey(json: Json, slot: number, contents: Accumulators): void {
    const [sequence, slices, combinations] = json as readonly Json[]
    const key = new KeySlices(slot, numberFromJson(sequence))
    this.keys.set(slot, key)
    for (const entry of slices as readonly (readonly Json[])[]) {
      const number = numberFromJson(entry[0])
      key.slices.push({ number, kept: contents.decode(entry[1] ?? null) })
      this.await(number)
    }
    for (const [index, entry] of (combinations as readonly (readonly Json[] | null)[]).entries()) {
      if (entry === null) continue
      key.restoreCombination(contents, index, numberFromJson(entry[0]), numberFromJson(entry[1]))
    }
  }

  private open(schema: Schema): Opened {
    const { keys, aggregates, windows } = this.settings
    const { kernel, keyGroups, id } = this.context
    const fields = keyFields(schema, keys)
    const slots = new KeySlots(kernel, fields, keyGroups)
    const contents = new Accumulators(aggregates.map(aggregate => hostAggregate(aggregate, schema, id)))
    const values = new Schema(aggregateFields(schema, aggregates, false))
    const shape = { keys: fields, hasBounds: true, isTimed: true }
    const outputs = windows.map(() => new WindowOutput(shape, slots, () => values))
    this.opened = { schema, slots, contents, outputs, reader: new RowReader(schema) }
    return this.opened
  }
}
