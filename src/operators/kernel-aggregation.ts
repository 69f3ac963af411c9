import type { Batch } from '../core/batch.js'
import { NO_WATERMARK } from '../core/element.js'
import { addCounters, countersMember, type Json, memberOf } from '../core/json.js'
import { numberFromJson, numberToJson } from '../core/json-numbers.js'
import { Schema } from '../core/schema.js'
import type { AggregationColumns } from './fired-rows.js'
import type { Operator, OperatorContext, OperatorState, Steps } from './operator.js'

/** The side output of records that came too late for all of their windows. */
export const LATE_OUTPUT = 'late'

/** What of its context an aggregation over a kernel uses. */
export type AggregationContext = Pick<OperatorContext, 'id' | 'kernel' | 'output' | 'keyGroups'>

/** State of a kernel that aggregates by key and window. */
interface KernelState {
  readonly stateBytes: number
  snapshot(): Uint8Array
  restore(snapshot: Uint8Array, firstGroup: number, lastGroup: number): void
  destroy(): void
}

/** What exists once the schema of the input is known. */
export interface OpenedAggregation<State> extends AggregationColumns {
  readonly schema: Schema
  readonly state: State
}

/** What operators over an aggregating kernel share: the life of the kernel's state, and its way into checkpoints. */
export abstract class KernelAggregation<State extends KernelState> implements Operator {
  readonly dropped: Record<string, number> = {}
  watermark = NO_WATERMARK
  protected opened: OpenedAggregation<State> | undefined
  protected readonly context: AggregationContext
  private readonly part: string

  /** `part` names the state in checkpoints. */
  constructor(context: AggregationContext, part: string) {
    this.context = context
    this.part = part
  }

  abstract readonly columnUse: Operator['columnUse']
  protected abstract addBatch(batch: Batch): Steps
  protected abstract moveOn(timestamp: number): Steps
  protected abstract create(schema: Schema): OpenedAggregation<State>
  protected abstract openWindows(state: State): number

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
      // For people who look into a checkpoint: the rest of the state is binary.
      ...this.gauges(),
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
    }
    return { state, parts: opened === undefined ? [] : [{ name: this.part, bytes: opened.state.snapshot() }] }
  }

  restore(states: readonly OperatorState[]): void {
    const { start, end } = this.context.keyGroups
    // Watermarks go to all subtasks, and barriers are aligned: at a barrier all former subtasks had the same.
    this.watermark = Math.min(...states.map(({ state }) => numberFromJson(memberOf(state, 'watermark'))))
    for (const { state, parts } of states) {
      if (start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      const [part] = parts
      if (schema === null || schema === undefined || part === undefined) continue
      const opened = this.open(Schema.fromJSON(schema))
      opened.state.restore(part.bytes, start, end)
    }
  }

  gauges(): Readonly<Record<string, number>> {
    const { opened } = this
    if (opened === undefined) return { openWindows: 0, keys: 0, stateBytes: 0 }
    return {
      openWindows: this.openWindows(opened.state),
      keys: opened.coder.index.count,
      stateBytes: opened.state.stateBytes,
    }
  }

  close(): void {
    this.opened?.state.destroy()
    this.opened?.coder.close()
  }

  /** The state for rows of a schema: made at the first call. */
  protected open(schema: Schema): OpenedAggregation<State> {
    this.opened ??= this.create(schema)
    return this.opened
  }
}
