import { Batch } from '../../core/batch.js'
import { NO_WATERMARK } from '../../core/element.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { ALL_KEY_GROUPS } from '../../core/key-groups.js'
import { defineField } from '../../core/row-object.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import { FailedRows } from '../failed-rows.js'
import { InputWatermarks } from '../input-watermarks.js'
import { keyFields } from '../keyed/key-fields.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { userFunctionFailed } from '../user-function.js'
import { Cursor } from './cursor.js'
import { checkStates } from './keyed-states.js'
import { BroadcastView, ContextView } from './process-context.js'
import { ProcessKeyed } from './process-keyed.js'
import { ProcessOutput } from './process-output.js'
import type { ProcessInputSettings, ProcessSettings } from './process-settings.js'
import { checkSynchronous } from './synchronous.js'
import type { UserTimers } from './user-timers.js'

const KEYED_PART = 'keyed'
const BROADCAST_PART = 'broadcast'

/**
 * Runs functions of the user over records and timers, with state and timers by key. It is exact row by row: before a
 * record is processed, the event-time timers fire that are due at the watermark in force before it; a timer registered
 * for a time that has passed fires before the next record.
 */
export function processOperator(settings: ProcessSettings): OperatorFactory {
  return context => new ProcessOperator(context, settings)
}

/** What exists once the types of the keys are known. */
interface Opened {
  readonly schema: Schema
  readonly keyed: ProcessKeyed
  readonly view: ContextView
}

class ProcessOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: ProcessSettings
  private readonly cursor = new Cursor()
  private readonly output: ProcessOutput
  private readonly broadcast: ProcessKeyed
  private readonly broadcastView: BroadcastView
  private readonly coalesced: InputWatermarks | undefined
  private readonly readers: (RowReader | undefined)[] = []
  private readonly failed: FailedRows
  private opened: Opened | undefined
  /** The record in turn; undefined while a timer is. */
  private record: { readonly batch: Batch; readonly keys: readonly string[]; row: number } | undefined
  /** The highest timestamp seen, ms. */
  private streamTime = NO_WATERMARK
  private armedAt = Number.POSITIVE_INFINITY

  constructor(context: OperatorContext, settings: ProcessSettings) {
    const { inputs, schema, sides, errors, broadcastState } = settings
    const { id, kernel, processingTime } = context
    this.context = context
    this.settings = settings
    this.output = new ProcessOutput(context, schema, sides, errors !== 'fail')
    this.failed = new FailedRows(context, errors, this.dropped)
    this.coalesced = inputs.length > 1 ? new InputWatermarks(kernel, inputs.length) : undefined
    const now = (): number => processingTime.now()
    this.broadcast = new ProcessKeyed({
      operator: id,
      kernel,
      keyGroups: ALL_KEY_GROUPS,
      fields: [],
      descriptors: broadcastState,
      cursor: new Cursor(),
      now,
    })
    const { cursor, output, broadcast } = this
    this.broadcastView = new BroadcastView({ cursor, output, now, broadcast: broadcast.states.handles }, callback =>
      this.forEachKey(callback),
    )
  }

  get watermark(): number {
    return this.cursor.watermark
  }

  *onBatch(input: Batch, number: number): Generator<void, void, void> {
    const batch = input.compact()
    const settings = this.settings.inputs[number] as ProcessInputSettings
    const timestamps = batch.timestamps
    this.output.isTimed = timestamps !== undefined
    const { keys } = settings
    const opened = keys === undefined ? undefined : (this.opened ?? this.open(keyFields(batch.schema, keys)))
    const slots = opened?.keyed.keys.code(this.keyBatch(batch, keys ?? [], opened.schema))
    const watermarks = batch.watermarks && (this.coalesced?.ofRows(batch.watermarks, number) ?? batch.watermarks)
    const reader = this.readerOf(number, batch)
    const view = opened?.view ?? this.broadcastView
    const { cursor, output } = this
    for (let row = 0; row < batch.rowCount; row++) {
      const watermark = watermarks === undefined ? cursor.watermark : (watermarks[row] as number)
      if (watermark > cursor.watermark) yield* this.advance(watermark)
      const timestamp = timestamps === undefined ? cursor.timestamp : (timestamps[row] as number)
      if (timestamp > this.streamTime) this.streamTime = timestamp
      cursor.timestamp = timestamp
      output.timestamp = timestamp
      output.watermark = watermark
      if (slots !== undefined) cursor.slot = slots[row] as number
      this.record = { batch, keys: keys ?? [], row }
      this.run(settings, reader, row, view)
      this.record = undefined
      // A timer in the past fires at once.
      if (this.opened !== undefined && this.opened.keyed.event.queue.next <= watermark) {
        yield* this.fire(this.opened, this.opened.keyed.event, watermark)
      }
      if (output.batches > 0) yield this.handedOut()
    }
    this.finish(batch)
    this.coalesced?.emit(this.context.output)
  }

  *onWatermark(timestamp: number, input: number): Generator<void, void, void> {
    this.coalesced?.advance(input, timestamp)
    yield* this.moved(timestamp)
    if (this.coalesced === undefined) this.context.output.watermark(timestamp)
  }

  *onIdle(input: number): Generator<void, void, void> {
    this.coalesced?.idle(input)
    yield* this.moved(NO_WATERMARK)
  }

  *onActive(input: number): Generator<void, void, void> {
    this.coalesced?.active(input)
    yield* this.moved(NO_WATERMARK)
  }

  *onProcessingTime(now: number): Generator<void, void, void> {
    this.armedAt = Number.POSITIVE_INFINITY
    if (this.opened !== undefined) yield* this.fire(this.opened, this.opened.keyed.processing, now)
    this.finish(undefined)
  }

  snapshot(): OperatorState {
    const { opened, cursor, streamTime, dropped, broadcast, coalesced } = this
    const state: Json = {
      watermark: String(cursor.watermark),
      streamTime: String(streamTime),
      isTimed: this.output.isTimed,
      dropped: { ...dropped },
      keys: opened?.keyed.keys.count ?? 0,
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
      states: opened?.keyed.describe() ?? [],
      broadcastStates: broadcast.describe(),
    }
    const parts = [{ name: BROADCAST_PART, bytes: broadcast.snapshot() }]
    if (opened !== undefined) parts.unshift({ name: KEYED_PART, bytes: opened.keyed.snapshot() })
    return { state, parts: coalesced === undefined ? parts : [...parts, coalesced.snapshot()] }
  }

  /** @throws SabotError STATE_MISMATCH, by name, for state that does not fit what is declared */
  restore(states: readonly OperatorState[]): void {
    this.coalesced?.restore(...states)
    this.cursor.watermark = Math.min(...states.map(({ state }) => Number(memberOf(state, 'watermark'))))
    for (const [index, { state, parts }] of states.entries()) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      this.streamTime = Math.max(this.streamTime, Number(memberOf(state, 'streamTime')))
      this.cursor.timestamp = this.streamTime
      this.output.isTimed = memberOf(state, 'isTimed') === true
      for (const { name, bytes } of parts) {
        if (name === KEYED_PART) this.restoreKeyed(state, bytes)
        // Every former subtask had the same.
        if (name === BROADCAST_PART && index === 0) {
          this.broadcast.restore(bytes, this.known(state, 'broadcastStates', this.settings.broadcastState))
        }
      }
    }
    this.arm()
  }

  gauges(): Readonly<Record<string, number>> {
    return { keys: this.opened?.keyed.keys.count ?? 0 }
  }

  close(): void {
    this.opened?.keyed.close()
    this.broadcast.close()
    this.coalesced?.close()
  }

  // ---- records and timers -------------------------------------------------------------------------------------------

  private run(
    { handle }: ProcessInputSettings,
    reader: RowReader,
    row: number,
    view: ContextView | BroadcastView,
  ): void {
    try {
      const result = handle(reader.at(row), view as never)
      if (result !== undefined) checkSynchronous(this.context.id, reader, result)
      this.output.commit()
    } catch (cause) {
      this.output.rollback()
      this.failed.add(reader, row, cause)
    }
  }

  /** The watermark moves on, before a row or by an element. What fires carries the watermark that was in force. */
  private *advance(watermark: number): Generator<void, void, void> {
    const { cursor, output, opened } = this
    output.watermark = cursor.watermark
    cursor.watermark = watermark
    if (opened !== undefined && opened.keyed.event.queue.next <= watermark) {
      yield* this.fire(opened, opened.keyed.event, watermark)
    }
  }

  /** Timers in the order of (time, registration), those included that are registered on the way. */
  private *fire({ keyed, view }: Opened, timers: UserTimers, limit: number): Generator<void, void, void> {
    const { queue } = timers
    const { cursor, output } = this
    const isEvent = timers === keyed.event
    while (queue.poll(limit)) {
      const { time, slot } = queue
      cursor.slot = slot
      cursor.timestamp = isEvent && Number.isFinite(time) ? time : this.streamTime
      output.timestamp = cursor.timestamp
      if (!isEvent) output.watermark = cursor.watermark
      keyed.keep(slot)
      if (keyed.take(timers)) this.runTimer(view, time, isEvent)
      keyed.drop(slot)
      if (output.batches > 0) yield this.handedOut()
    }
  }

  private runTimer(view: ContextView, time: number, isEvent: boolean): void {
    const { onTimer, errors } = this.settings
    if (onTimer === undefined) return
    const timer = { time, domain: isEvent ? 'event' : 'processing' } as const
    try {
      const result = onTimer(timer, view as never)
      if (result !== undefined) checkSynchronous(this.context.id, undefined, result)
      this.output.commit()
    } catch (cause) {
      this.output.rollback()
      // A timer has no record that could be a dead letter.
      if (errors !== 'skip') throw userFunctionFailed(this.context.id, { timer, key: this.key() }, cause)
      this.dropped['failed-timer'] = (this.dropped['failed-timer'] ?? 0) + 1
    }
  }

  private *moved(timestamp: number): Generator<void, void, void> {
    const { coalesced, context } = this
    const watermark = coalesced === undefined ? timestamp : coalesced.current
    coalesced?.emitActive(context.output)
    if (watermark > this.cursor.watermark) yield* this.advance(watermark)
    this.finish(undefined)
    coalesced?.emit(context.output)
  }

  private finish(batch: Batch | undefined): void {
    this.output.flush()
    this.output.batches = 0
    if (batch !== undefined) this.failed.flush(batch)
    this.arm()
  }

  /** Asks to be called when the next processing-time timer is due. */
  private arm(): void {
    const next = this.opened?.keyed.processing.queue.next ?? Number.POSITIVE_INFINITY
    if (next >= this.armedAt) return
    this.armedAt = next
    this.context.processingTime.wakeAt(next)
  }

  private handedOut(): void {
    this.output.batches = 0
  }

  // ---- keys ---------------------------------------------------------------------------------------------------------

  private key(): unknown {
    const { record, opened, cursor } = this
    if (record === undefined) return opened?.keyed.keys.key(cursor.slot)
    const { batch, keys, row } = record
    const [only] = keys
    if (keys.length === 1 && only !== undefined) return batch.column(only).value(row)
    const key = {}
    for (const [index, field] of (opened?.schema.names ?? []).entries()) {
      defineField(key, field, batch.column(keys[index] ?? field).value(row))
    }
    return key
  }

  private forEachKey(callback: (key: unknown, state: object) => void): void {
    const { opened, cursor } = this
    if (opened === undefined) return
    const { slot } = cursor
    for (const { slots } of opened.keyed.keys.byGroup()) {
      for (const held of slots) {
        cursor.slot = held
        callback(opened.keyed.keys.key(held), opened.keyed.states.handles)
      }
    }
    cursor.slot = slot
  }

  /** Key columns by the names of the first keyed input. */
  private keyBatch(batch: Batch, keys: readonly string[], schema: Schema): Batch {
    const { rowCount } = batch
    return new Batch({ schema, columns: keys.map(key => batch.column(key)), rowCount })
  }

  private readerOf(input: number, batch: Batch): RowReader {
    const reader = this.readers[input] ?? new RowReader(batch.schema)
    this.readers[input] = reader
    return reader.bind(batch)
  }

  private open(fields: ReturnType<typeof keyFields>): Opened {
    const { context, cursor, output, broadcast, settings } = this
    const { id: operator, kernel, keyGroups, processingTime } = context
    const now = (): number => processingTime.now()
    const keyed = new ProcessKeyed({ operator, kernel, keyGroups, fields, descriptors: settings.state, cursor, now })
    const view = new ContextView({
      operator,
      cursor,
      output,
      handles: keyed.states.handles,
      broadcast: broadcast.states.handles,
      timers: keyed,
      key: () => this.key(),
      now,
    })
    this.opened = { schema: new Schema(fields), keyed, view }
    return this.opened
  }

  private restoreKeyed(state: Json, bytes: Uint8Array): void {
    const known = this.known(state, 'states', this.settings.state)
    const schema = memberOf(state, 'schema')
    if (schema === undefined || schema === null) return
    const opened = this.opened ?? this.open([...Schema.fromJSON(schema).fields])
    opened.keyed.restore(bytes, known)
  }

  private known(state: Json, member: string, declared: ProcessSettings['state']): ReturnType<typeof checkStates> {
    return checkStates(this.context.id, memberOf(state, member), declared, this.settings.discard)
  }
}
