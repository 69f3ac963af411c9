import type { Batch } from '../../core/batch.js'
import type { Json } from '../../core/json.js'
import { addCounters, countersMember, memberOf } from '../../core/json.js'
import { Schema } from '../../core/schema.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { keyFields } from './key-fields.js'
import { KeySlots } from './key-slots.js'

/** The first record of each key, in the order of arrival; the others are counted as duplicates. */
export function deduplicateOperator(keys: readonly string[]): OperatorFactory {
  return context => new DeduplicateOperator(context, keys)
}

class DeduplicateOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly keys: readonly string[]
  private schema: Schema | undefined
  private slots: KeySlots | undefined

  constructor(context: OperatorContext, keys: readonly string[]) {
    this.context = context
    this.keys = keys
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const keys = this.slots ?? this.open(batch.schema)
    const slots = keys.code(batch)
    const firsts: number[] = []
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] as number
      if (keys.isHeld(slot)) continue
      keys.hold(slot)
      firsts.push(row)
    }
    const duplicates = slots.length - firsts.length
    if (duplicates > 0) this.dropped.duplicate = (this.dropped.duplicate ?? 0) + duplicates
    this.context.output.batch(duplicates === 0 ? batch : batch.select(Uint32Array.from(firsts)))
  }

  onWatermark(timestamp: number): undefined {
    this.context.output.watermark(timestamp)
  }

  snapshot(): OperatorState {
    const { slots, schema, dropped } = this
    const state = {
      dropped: { ...dropped },
      keys: slots?.count ?? 0,
      schema: schema === undefined ? null : (JSON.parse(JSON.stringify(schema)) as Json),
    }
    return { state, parts: slots === undefined ? [] : [{ name: 'keys', bytes: slots.snapshot(() => {}) }] }
  }

  restore(states: readonly OperatorState[]): void {
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      const slots = this.slots ?? this.open(Schema.fromJSON(schema))
      slots.restore(
        parts.map(({ bytes }) => bytes),
        () => {},
      )
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return { keys: this.slots?.count ?? 0 }
  }

  close(): void {
    this.slots?.close()
  }

  private open(schema: Schema): KeySlots {
    this.schema = schema
    this.slots = new KeySlots(this.context.kernel, keyFields(schema, this.keys), this.context.keyGroups)
    return this.slots
  }
}
