import type { Batch } from '../../core/batch.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { Schema } from '../../core/schema.js'
import { TimerQueue } from '../../kernel/timers.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { keyFields } from './key-fields.js'
import { KeySlots } from './key-slots.js'
import { TimerReader, TimerWriter } from './timer-bytes.js'

/** The end of time, ms. */
const LAST_TIME = 8.64e15

export interface DeduplicateSettings {
  readonly keys: readonly string[]
  /** A key is forgotten when the watermark reaches its first record's timestamp + this, ms; +Infinity: never. */
  readonly ttlMs: number
}

/** The first record of each key, in the order of arrival; the others are counted as duplicates. */
export function deduplicateOperator(settings: DeduplicateSettings): OperatorFactory {
  return context => new DeduplicateOperator(context, settings)
}

class DeduplicateOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: DeduplicateSettings
  private readonly timers: TimerQueue
  private schema: Schema | undefined
  private keys: KeySlots | undefined

  constructor(context: OperatorContext, settings: DeduplicateSettings) {
    this.context = context
    this.settings = settings
    this.timers = new TimerQueue(context.kernel)
  }

  onBatch(input: Batch): undefined {
    const { ttlMs } = this.settings
    const batch = input.compact()
    const { timestamps, watermarks } = batch
    const expires = ttlMs !== Number.POSITIVE_INFINITY
    if (expires && (timestamps === undefined || watermarks === undefined)) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const keys = this.keys ?? this.open(batch.schema)
    const slots = keys.code(batch)
    const firsts: number[] = []
    for (let row = 0; row < slots.length; row++) {
      const watermark = watermarks?.[row] ?? Number.NEGATIVE_INFINITY
      if (watermark >= this.timers.next) this.forget(keys, watermark)
      const slot = slots[row] as number
      if (keys.isHeld(slot)) continue
      firsts.push(row)
      const end = expires ? Math.min((timestamps?.[row] ?? 0) + ttlMs, LAST_TIME) : Number.POSITIVE_INFINITY
      // The key of a record that comes that late is forgotten at once.
      if (end <= watermark) continue
      keys.hold(slot)
      if (expires) this.timers.register(end, slot)
    }
    const duplicates = slots.length - firsts.length
    if (duplicates > 0) this.dropped.duplicate = (this.dropped.duplicate ?? 0) + duplicates
    this.context.output.batch(duplicates === 0 ? batch : batch.select(Uint32Array.from(firsts)))
  }

  onWatermark(timestamp: number): undefined {
    if (this.keys !== undefined) this.forget(this.keys, timestamp)
    this.context.output.watermark(timestamp)
  }

  snapshot(): OperatorState {
    const { keys, schema, dropped } = this
    const state = {
      dropped: { ...dropped },
      keys: keys?.count ?? 0,
      schema: schema === undefined ? null : (JSON.parse(JSON.stringify(schema)) as Json),
    }
    if (keys === undefined) return { state, parts: [] }
    const timers = new TimerWriter(this.timers, keys)
    return { state, parts: [{ name: 'keys', bytes: keys.snapshot((group, writer) => timers.write(group, writer)) }] }
  }

  restore(states: readonly OperatorState[]): void {
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      const keys = this.keys ?? this.open(Schema.fromJSON(schema))
      const timers = new TimerReader()
      for (const { bytes } of parts) keys.restore([bytes], (group, reader) => timers.read(group, reader))
      timers.registerAll(this.timers)
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return { keys: this.keys?.count ?? 0 }
  }

  close(): void {
    this.timers.destroy()
    this.keys?.close()
  }

  private forget(keys: KeySlots, watermark: number): void {
    while (this.timers.poll(watermark)) keys.release(this.timers.slot)
  }

  private open(schema: Schema): KeySlots {
    this.schema = schema
    this.keys = new KeySlots(this.context.kernel, keyFields(schema, this.settings.keys), this.context.keyGroups)
    return this.keys
  }
}
