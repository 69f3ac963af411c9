/* The triggers of Flink, with its semantics (org.apache.flink.streaming.api.windowing.triggers). They repeat. */
import { type Duration, formatDuration, parseDuration } from '../../core/duration.js'
import { describeValue, SabotError } from '../../core/errors.js'
import { valueFromJson, valueToJson } from '../../core/json-values.js'
import { fires, mergedNumbers, numberState, type Trigger, type TriggerContext, type TriggerResult } from './trigger.js'

const goOn = (): TriggerResult => 'continue'

/** Fires when the watermark passes the end of the window, and again for each late record. The default. */
export function eventTime(): Trigger {
  return {
    kind: 'trigger',
    description: 'at the end of the window',
    onRecord(_row, _timestamp, context) {
      if (context.maxTimestamp <= context.watermark) return 'fire'
      context.registerEventTimer(context.maxTimestamp)
      return 'continue'
    },
    onEventTime: (time, { maxTimestamp }) => (time === maxTimestamp ? 'fire' : 'continue'),
    onProcessingTime: goOn,
    onMerge(context) {
      if (context.maxTimestamp > context.watermark) context.registerEventTimer(context.maxTimestamp)
    },
  }
}

/** Fires when processing time passes the end of the window. */
export function processingTime(): Trigger {
  return {
    kind: 'trigger',
    description: 'at the end of the window in processing time',
    onRecord(_row, _timestamp, context) {
      context.registerProcessingTimer(context.maxTimestamp)
      return 'continue'
    },
    onEventTime: goOn,
    onProcessingTime: (time, { maxTimestamp }) => (time === maxTimestamp ? 'fire' : 'continue'),
    onMerge(context) {
      if (context.maxTimestamp > context.processingTime) context.registerProcessingTimer(context.maxTimestamp)
    },
  }
}

/** Fires once, when the watermark has passed the end of the window and its allowed lateness: one final result. */
export function whenClosed(): Trigger {
  return {
    kind: 'trigger',
    description: 'once the window is closed',
    onRecord(_row, _timestamp, context) {
      context.registerEventTimer(context.cleanupTime)
      return 'continue'
    },
    onEventTime: (time, { cleanupTime }) => (time === cleanupTime ? 'fire' : 'continue'),
    onProcessingTime: goOn,
    onMerge: context => context.registerEventTimer(context.cleanupTime),
  }
}

/** Fires for every `n` records. The last few of a window, fewer than `n`, come out only by another trigger. */
export function count(n: number): Trigger {
  if (!Number.isSafeInteger(n) || n < 1) {
    throw new SabotError('INVALID_OPTION', `count takes a whole number of records above 0, not ${describeValue(n)}`, {
      option: 'count',
      value: n,
    })
  }
  return {
    kind: 'trigger',
    description: n === 1 ? 'on every record' : `every ${n} records`,
    onRecord(_row, _timestamp, context) {
      const counted = (numberState(context, 'count') ?? 0) + 1
      context.set('count', counted >= n ? undefined : counted)
      return counted >= n ? 'fire' : 'continue'
    },
    onEventTime: goOn,
    onProcessingTime: goOn,
    onMerge(context) {
      const counted = mergedNumbers(context, 'count').reduce((sum, number) => sum + number, 0)
      context.set('count', counted === 0 ? undefined : counted)
    },
  }
}

/** Fires at every multiple of `interval` that the watermark passes, and at the end of the window. */
export function continuous(interval: Duration): Trigger {
  const intervalMs = positive('continuous', interval)
  const registerNext = (after: number, context: TriggerContext): void => {
    const next = Math.min(after + intervalMs, context.maxTimestamp)
    context.set('next', next)
    context.registerEventTimer(next)
  }
  return {
    kind: 'trigger',
    description: `every ${formatDuration(intervalMs)}`,
    onRecord(_row, timestamp, context) {
      if (context.maxTimestamp <= context.watermark) return 'fire'
      context.registerEventTimer(context.maxTimestamp)
      if (context.get('next') === undefined) registerNext(timestamp - (timestamp % intervalMs), context)
      return 'continue'
    },
    onEventTime(time, context) {
      if (time === context.maxTimestamp) return 'fire'
      if (time !== context.get('next')) return 'continue'
      registerNext(time, context)
      return 'fire'
    },
    onProcessingTime: goOn,
    onMerge(context) {
      if (context.maxTimestamp > context.watermark) context.registerEventTimer(context.maxTimestamp)
      const next = mergedNumbers(context, 'next')
      if (next.length === 0) return
      context.set('next', Math.min(...next))
      context.registerEventTimer(Math.min(...next))
    },
  }
}

/** Fires at every multiple of `interval` in processing time, as long as the window is there. */
export function continuousProcessingTime(interval: Duration): Trigger {
  const intervalMs = positive('continuousProcessingTime', interval)
  const registerNext = (after: number, context: TriggerContext): void => {
    const next = Math.min(after + intervalMs, context.maxTimestamp)
    context.set('next', next)
    context.registerProcessingTimer(next)
  }
  return {
    kind: 'trigger',
    description: `every ${formatDuration(intervalMs)} of processing time`,
    onRecord(_row, _timestamp, context) {
      const now = context.processingTime
      if (context.get('next') === undefined) registerNext(now - (now % intervalMs), context)
      return 'continue'
    },
    onEventTime: goOn,
    onProcessingTime(time, context) {
      if (time !== context.get('next')) return 'continue'
      context.set('next', undefined)
      if (time < context.maxTimestamp) registerNext(time, context)
      return 'fire'
    },
    onMerge(context) {
      const next = mergedNumbers(context, 'next')
      if (next.length === 0) return
      context.set('next', Math.min(...next))
      context.registerProcessingTimer(Math.min(...next))
    },
  }
}

/**
 * Fires when a record differs by more than `threshold` from the one at the last firing. `value` is what is compared:
 * it is kept with the window, so it is a plain value.
 */
export function delta<Row, Value>(
  threshold: number,
  value: (row: Row) => Value,
  difference: (last: Value, current: Value) => number,
): Trigger<Row> {
  if (typeof threshold !== 'number' || Number.isNaN(threshold)) {
    throw new SabotError('INVALID_OPTION', `delta takes a number as threshold, not ${describeValue(threshold)}`, {
      option: 'threshold',
      value: threshold,
    })
  }
  return {
    kind: 'trigger',
    description: `on a change of more than ${threshold}`,
    onRecord(row, _timestamp, context) {
      const current = value(row)
      const last = context.get('last')
      if (last !== undefined && !(difference(valueFromJson(last) as Value, current) > threshold)) return 'continue'
      context.set('last', valueToJson(current))
      return last === undefined ? 'continue' : 'fire'
    },
    onEventTime: goOn,
    onProcessingTime: goOn,
  }
}

/** Another trigger that forgets the records of each firing. */
export function purging<Row>(inner: Trigger<Row>): Trigger<Row> {
  const purged = (result: TriggerResult): TriggerResult => (fires(result) ? 'fireAndPurge' : result)
  return {
    ...inner,
    description: `${inner.description}, purging`,
    onRecord: (row, timestamp, context) => purged(inner.onRecord(row, timestamp, context)),
    onEventTime: (time, context) => purged(inner.onEventTime(time, context)),
    onProcessingTime: (time, context) => purged(inner.onProcessingTime(time, context)),
  }
}

/** Never fires. The default of the global window. */
export function never(): Trigger {
  return {
    kind: 'trigger',
    description: 'never',
    onRecord: goOn,
    onEventTime: goOn,
    onProcessingTime: goOn,
    onMerge() {},
  }
}

function positive(option: string, value: Duration): number {
  const ms = parseDuration(value)
  if (ms > 0) return ms
  throw new SabotError('INVALID_OPTION', `${option} takes a duration above 0, not ${describeValue(value)}`, {
    option,
    value,
  })
}
