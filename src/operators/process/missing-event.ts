import { Schema } from '../../core/schema.js'
import type { OperatorFactory } from '../operator.js'
import type { Timers } from './process-context.js'
import { processOperator } from './process-operator.js'
import type { FiredTimer, Handler } from './process-settings.js'
import { type ListState, listState } from './state-descriptors.js'

/** The field that says until when the record was waited for, ms. */
export const DEADLINE_FIELD = 'deadline'
/** The side output of records that begin a wait when the watermark has passed their time. */
export const LATE_STARTS = 'late'

export interface MissingEventSettings {
  readonly keys: readonly string[]
  readonly schema: Schema
  /** Whether something is expected to follow a record. */
  readonly start: (row: unknown) => boolean
  /** Whether a record is what was expected. */
  readonly expected: (row: unknown) => boolean
  readonly withinMs: number
}

interface Start {
  readonly row: object
  readonly at: number
}

interface Context {
  readonly timestamp: number
  readonly watermark: number
  readonly state: { readonly starts: ListState<Start>; readonly expected: ListState<number> }
  readonly timers: Timers
  emit(row: object): void
  side(name: string, row: object): void
}

export function missingEventSchema(input: Schema): Schema {
  return new Schema([...input.fields, { name: DEADLINE_FIELD, type: 'timestamp', nullable: false }])
}

/**
 * Records that nothing expected has followed in time. By event time: what is expected may arrive before what it follows,
 * so it is remembered until the watermark has passed it.
 */
export function missingEventOperator(settings: MissingEventSettings): OperatorFactory {
  const { keys, schema, start, expected, withinMs } = settings
  const follows = (from: Start, at: number): boolean => at > from.at && at <= from.at + withinMs

  const onRecord = (row: object, { timestamp, watermark, state, timers, side }: Context): void => {
    if (expected(row)) {
      const open = state.starts.get()
      const left = open.filter(waiting => !follows(waiting, timestamp))
      if (left.length < open.length) state.starts.set(left)
      if (timestamp > watermark) {
        state.expected.add(timestamp)
        timers.registerEventTime(timestamp)
      }
    }
    if (!start(row)) return
    if (timestamp <= watermark) {
      side(LATE_STARTS, row)
      return
    }
    const begun = { row: { ...row }, at: timestamp }
    if (state.expected.get().some(at => follows(begun, at))) return
    state.starts.add(begun)
    timers.registerEventTime(timestamp + withinMs)
  }

  const onTimer = ({ time }: FiredTimer, { state, emit }: Context): void => {
    const open = state.starts.get()
    const left = open.filter(({ at }) => at + withinMs > time)
    for (const { row, at } of open) if (at + withinMs <= time) emit({ ...row, [DEADLINE_FIELD]: at + withinMs })
    if (left.length < open.length) state.starts.set(left)
    const seen = state.expected.get()
    const ahead = seen.filter(at => at > time)
    if (ahead.length < seen.length) state.expected.set(ahead)
  }

  return processOperator({
    inputs: [{ keys, handle: onRecord as Handler<never> as Handler }],
    state: { starts: listState<Start>(), expected: listState<number>() },
    broadcastState: {},
    discard: [],
    onTimer: onTimer as Handler<FiredTimer>,
    schema: missingEventSchema(schema),
    sides: new Map([[LATE_STARTS, schema]]),
    errors: 'fail',
  })
}
