import type { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { END_OF_INPUT, NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { numberFromJson, numberToJson } from '../../core/json-numbers.js'
import { INSERT, type RowKind, UPDATE_BEFORE } from '../../core/row-kind.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import { delayedOutput } from '../joins/delayed-output.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState, Output, Steps } from '../operator.js'
import { decodeValue, encodeValue } from '../process/state-json.js'
import { keyFields } from './key-fields.js'
import { KeySlots } from './key-slots.js'
import { changesOf, UpdateBuffer, type WaitingUpdate } from './update-buffer.js'

export interface SuppressSettings {
  /** The fields that name a row: each key has one. */
  readonly keys: readonly string[]
  /** How long an update waits from the first that is not out, ms; +Infinity: as long as there is room. */
  readonly waitMs: number
  readonly time: 'event' | 'processing'
  /** Of one subtask; +Infinity: any number. */
  readonly maxRecords: number
  readonly maxBytes: number
  readonly whenFull: 'emitEarly' | 'fail'
}

/**
 * Holds updates back, and of several of one key puts out what they come to: Kafka Streams' suppress. By event time an
 * update comes out when the watermark has passed the wait, [time, time + wait), from its first one on; later ones do not
 * prolong it. So that it is not late for what follows, the watermark that is handed on lies back by the wait.
 *
 * A row that takes another back (-U) never makes anything come out on its own: what replaces it comes next.
 */
export function suppressOperator(settings: SuppressSettings): OperatorFactory {
  return context => new SuppressOperator(context, settings)
}

interface Opened {
  readonly schema: Schema
  readonly keys: KeySlots
  readonly reader: RowReader
  readonly builder: BatchBuilder
  readonly isTimed: boolean
}

/** Rows that one batch has at most. */
const OUTPUT_ROWS = 4096

class SuppressOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: SuppressSettings
  private readonly buffer = new UpdateBuffer()
  private readonly delayMs: number
  private readonly delayed: Output
  private opened: Opened | undefined
  private reached = NO_WATERMARK
  /** What rows that are put out now carry. */
  private carried = NO_WATERMARK
  private timestamps: number[] = []
  private watermarks: number[] = []
  private kinds: RowKind[] = []

  constructor(context: OperatorContext, settings: SuppressSettings) {
    this.context = context
    this.settings = settings
    const { waitMs, time } = settings
    this.delayMs = time === 'event' && Number.isFinite(waitMs) ? waitMs : 0
    this.delayed = delayedOutput(context.output, this.delayMs)
  }

  onBatch(input: Batch): Steps | undefined {
    if (this.settings.waitMs > 0) return this.addBatch(input.compact())
    this.context.output.batch(input)
    return undefined
  }

  *onWatermark(timestamp: number): Generator<void, void, void> {
    yield* this.moveTo(timestamp)
    if (timestamp === END_OF_INPUT) yield* this.putOutWhile(() => this.buffer.count > 0)
    this.flush()
    this.delayed.watermark(timestamp)
  }

  *onProcessingTime(now: number): Generator<void, void, void> {
    if (this.settings.time === 'event') return
    yield* this.putOutWhile(() => this.isDue(now))
    this.flush()
    this.wish()
  }

  snapshot(): OperatorState {
    const { opened, buffer } = this
    const state = {
      dropped: { ...this.dropped },
      ...this.gauges(),
      reached: numberToJson(this.reached),
      isTimed: opened?.isTimed ?? false,
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
    }
    if (opened === undefined) return { state, parts: [] }
    const bytes = opened.keys.snapshot(({ slots }, writer) => {
      writer.text(JSON.stringify(Array.from(slots, slot => entryToJson(buffer.of(slot)))))
    })
    return { state, parts: [{ name: 'updates', bytes }] }
  }

  restore(states: readonly OperatorState[]): void {
    // Barriers are aligned: at a barrier all former subtasks had the same watermark.
    this.reached = Math.min(...states.map(({ state }) => numberFromJson(memberOf(state, 'reached'))))
    this.carried = this.reached
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      const opened = this.opened ?? this.open(Schema.fromJSON(schema), memberOf(state, 'isTimed') === true)
      const snapshots = parts.map(({ bytes }) => bytes)
      opened.keys.restore(snapshots, ({ slots }, reader) => {
        const entries = JSON.parse(reader.text()) as readonly Json[]
        for (const [place, slot] of slots.entries()) this.buffer.restore(entryFromJson(slot, entries[place] ?? null))
      })
    }
    this.wish()
  }

  gauges(): Readonly<Record<string, number>> {
    return { keys: this.buffer.count, waitingBytes: this.buffer.bytes }
  }

  close(): void {
    this.opened?.keys.close()
  }

  private *addBatch(batch: Batch): Generator<void, void, void> {
    const { timestamps, watermarks, kinds } = batch
    const opened = this.opened ?? this.open(batch.schema, timestamps !== undefined)
    if (this.settings.time === 'event' && timestamps === undefined) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const slots = opened.keys.code(batch)
    const reader = opened.reader.bind(batch)
    for (let row = 0; row < slots.length; row++) {
      yield* this.moveTo(watermarks?.[row] ?? this.reached)
      const slot = slots[row] as number
      const kind = (kinds?.[row] ?? INSERT) as RowKind
      reader.at(row)
      this.add(opened, slot, reader.materialize() as object, kind, timestamps?.[row])
      if (kind !== UPDATE_BEFORE) yield* this.makeRoom()
    }
    this.flush()
    this.wish()
  }

  private add({ keys }: Opened, slot: number, row: object, kind: RowKind, timestamp: number | undefined): void {
    const time = this.settings.time === 'event' ? (timestamp ?? 0) : this.context.processingTime.now()
    keys.hold(slot)
    if (!this.buffer.add(slot, row, kind, time, timestamp ?? 0)) return
    this.dropped.suppressed = (this.dropped.suppressed ?? 0) + 1
  }

  /** A record that is late may be due already; then the oldest go while there are too many. */
  private *makeRoom(): Generator<void, void, void> {
    const { time, maxRecords, maxBytes, whenFull } = this.settings
    const { buffer } = this
    if (time === 'event') yield* this.putOutWhile(() => this.isDue(this.reached))
    const isOver = (): boolean => buffer.count > maxRecords || buffer.bytes > maxBytes
    if (whenFull === 'fail' && isOver()) {
      throw new SabotError(
        'SUPPRESS_FULL',
        `Operator ${this.context.id}: ${buffer.count} updates of about ${buffer.bytes} bytes wait, more than the ` +
          `${maxRecords} updates and ${maxBytes} bytes that may: raise the limits, or take whenFull: 'emitEarly'`,
        { operator: this.context.id, records: buffer.count, bytes: buffer.bytes, maxRecords, maxBytes },
      )
    }
    yield* this.putOutWhile(isOver)
  }

  /** What comes out carries the watermark that was in force before. */
  private *moveTo(watermark: number): Generator<void, void, void> {
    if (!(watermark > this.reached)) return
    this.carried = this.reached
    this.reached = watermark
    if (this.settings.time === 'event') yield* this.putOutWhile(() => this.isDue(watermark))
    this.carried = watermark
  }

  private isDue(now: number): boolean {
    const { waitMs, time } = this.settings
    const { buffer } = this
    // As windows do: [time, time + wait) is over when the watermark reaches its last ms.
    return buffer.count > 0 && now >= buffer.earliest + waitMs - (time === 'event' ? 1 : 0)
  }

  private *putOutWhile(condition: () => boolean): Generator<void, void, void> {
    const { opened, buffer } = this
    if (opened === undefined) return
    while (condition()) {
      const entry = buffer.take()
      if (entry === undefined) return
      for (const { row, kind } of changesOf(entry)) {
        opened.builder.append(row)
        this.timestamps.push(this.timeOf(entry))
        this.watermarks.push(this.carried - this.delayMs)
        this.kinds.push(kind)
      }
      opened.keys.release(entry.slot)
      if (this.kinds.length < OUTPUT_ROWS) continue
      this.flush()
      yield
    }
  }

  /** Where an update was older than the one that it replaces, the time of that one: so it is not late. */
  private timeOf({ timestamp, time }: WaitingUpdate): number {
    return this.settings.time === 'event' ? Math.max(timestamp, time) : timestamp
  }

  private flush(): void {
    const { opened, kinds } = this
    if (opened === undefined || kinds.length === 0) return
    this.context.output.batch(
      opened.builder.finish().with({
        timestamps: opened.isTimed ? Float64Array.from(this.timestamps) : undefined,
        watermarks: opened.isTimed ? Float64Array.from(this.watermarks) : undefined,
        kinds: kinds.every(kind => kind === INSERT) ? undefined : Uint8Array.from(kinds),
      }),
    )
    this.timestamps = []
    this.watermarks = []
    this.kinds = []
  }

  private wish(): void {
    const { time, waitMs } = this.settings
    const at = this.buffer.earliest + waitMs
    if (time === 'processing' && Number.isFinite(at)) this.context.processingTime.wakeAt(at)
  }

  private open(schema: Schema, isTimed: boolean): Opened {
    const { kernel, keyGroups } = this.context
    this.opened = {
      schema,
      keys: new KeySlots(kernel, keyFields(schema, this.settings.keys), keyGroups),
      reader: new RowReader(schema),
      builder: new BatchBuilder(schema),
      isTimed,
    }
    return this.opened
  }
}

function entryToJson(entry: WaitingUpdate | undefined): Json {
  if (entry === undefined) throw new TypeError('A key is held for which nothing waits')
  const { time, sequence, before, after, kind, timestamp, bytes } = entry
  return [time, sequence, rowToJson(before), rowToJson(after), kind, timestamp, bytes]
}

function rowToJson(row: object | undefined): Json {
  return row === undefined ? null : encodeValue(row)
}

function entryFromJson(slot: number, json: Json): WaitingUpdate {
  const [time, sequence, before = null, after = null, kind, timestamp, bytes] = json as readonly Json[]
  return {
    slot,
    time: Number(time),
    sequence: Number(sequence),
    before: rowFromJson(before),
    after: rowFromJson(after),
    kind: Number(kind) as RowKind,
    timestamp: Number(timestamp),
    bytes: Number(bytes),
  }
}

function rowFromJson(json: Json): object | undefined {
  return json === null ? undefined : (decodeValue(json) as object)
}
