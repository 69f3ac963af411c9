/* Suppression of updates. KeyedStream delegates to it. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { type SuppressSettings, suppressOperator } from '../operators/keyed/suppress.js'
import type { KeyedInput } from './keyed-operators.js'
import { Stream } from './stream.js'
import { checkChoice } from './windowing.js'

export interface SuppressOptions {
  /**
   * How long updates of a key wait for newer ones, from the first that is not out; newer ones do not prolong it. 0: not
   * at all. Infinity: as long as there is room, which needs a limit.
   */
  readonly wait: Duration
  /** Whose time that is: that of the records (the default), or that of the machine. */
  readonly time?: 'event' | 'processing'
  /** Keys that may wait at once in a subtask. */
  readonly maxRecords?: number
  /** Bytes that the updates which wait may take in a subtask, estimated: 96 a key, and the values of its rows. */
  readonly maxBytes?: number
  /** When there are more: those that have waited longest come out early (the default), or the job fails. */
  readonly whenFull?: 'emitEarly' | 'fail'
}

export function suppressed<Row>(
  { graph, input, traits, keys }: KeyedInput,
  { wait, time = 'event', maxRecords, maxBytes, whenFull = 'emitEarly' }: SuppressOptions,
): Stream<Row> {
  checkChoice('time', time, ['event', 'processing'])
  checkChoice('whenFull', whenFull, ['emitEarly', 'fail'])
  const waitMs = wait === Number.POSITIVE_INFINITY ? wait : parseDuration(wait)
  if (time === 'event' && !traits.isTimed) {
    throw new SabotError(
      'NO_TIMESTAMPS',
      "suppress() waits in event time: call withTimestamps(...) first, or take time: 'processing'",
    )
  }
  if (waitMs === Number.POSITIVE_INFINITY && maxRecords === undefined && maxBytes === undefined) {
    throw new SabotError(
      'INVALID_OPTION',
      'With wait: Infinity nothing comes out before the input ends: give suppress() maxRecords or maxBytes as well',
      { option: 'wait', value: wait },
    )
  }
  const settings: SuppressSettings = {
    ...{ keys, waitMs, time, whenFull },
    maxRecords: limit('maxRecords', maxRecords),
    maxBytes: limit('maxBytes', maxBytes),
  }
  const limits = [
    maxRecords === undefined ? [] : `${maxRecords} records`,
    maxBytes === undefined ? [] : `${maxBytes} bytes`,
  ].flat()
  const until = waitMs === Number.POSITIVE_INFINITY ? [] : [`for ${formatDuration(waitMs)} of ${time} time`]
  const most = limits.length === 0 ? [] : [`up to ${limits.join(' and ')}`, whenFull === 'fail' ? 'or fail' : []].flat()
  const node = graph.add({
    kind: 'suppress',
    description: `hold updates of each ${keys.join(', ')} ${[...until, ...most].join(', ')}`,
    inputs: [{ ...input, hashOf: keys }],
    role: { kind: 'operator', create: suppressOperator(settings) },
    settings: {
      ...{ keys, time, whenFull, waitMs: finite(waitMs) },
      ...{ maxRecords: maxRecords ?? null, maxBytes: maxBytes ?? null },
    },
    schema: traits.schema,
  })
  return new Stream<Row>(graph, node, traits)
}

function limit(option: string, value: number | undefined): number {
  if (value === undefined) return Number.POSITIVE_INFINITY
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new SabotError('INVALID_OPTION', `${option} is a whole number from 1 on, not ${describeValue(value)}`, {
    option,
    value,
  })
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
