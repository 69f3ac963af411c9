/* What vectors configure, in the words of the public API. */

import {
  countWindow,
  customWindows,
  global,
  session,
  sliding,
  tumbling,
  type WindowAssigner,
} from '../../../src/graph/windowing.js'
import { collectList, count, first, last, max, mean, min, sum } from '../../../src/operators/aggregates/aggregate.js'
import { after, type Condition } from '../../../src/operators/windows/conditions.js'
import type { Trigger } from '../../../src/operators/windows/trigger.js'
import { trigger } from '../../../src/operators/windows/trigger-names.js'
import { choice, fields, integer, type Json, type JsonObject, list, NotUnderstood, text } from '../vector.js'

const ASSIGNER = [
  'assigner',
  'size',
  'slide',
  'offset',
  'gap',
  'touchingMerges',
  'stagger',
  'processingTimeAtFirstElement',
]

const mod = (a: number, b: number): number => ((a % b) + b) % b

/** A row of the vectors with a number as value. */
export interface NumberRow {
  readonly key: string
  readonly value: number
}

/** The assigner that a vector configures. @throws NotUnderstood, SabotError */
export function assignerOf(config: Json | undefined): WindowAssigner<NumberRow> {
  const known = fields('assigner', config, ASSIGNER)
  const name = text('assigner', known.assigner)
  const time = name.endsWith('-processing-time') ? ('processing' as const) : ('event' as const)
  switch (name.replace('-processing-time', '')) {
    case 'tumbling': {
      const size = integer('size', known.size)
      return tumbling(size, { offset: offsetOf(known, size), time })
    }
    case 'sliding': {
      const slide = integer('slide', known.slide)
      return sliding(integer('size', known.size), slide, { offset: offsetOf(known, slide), time })
    }
    case 'session':
      return session<NumberRow>(gapOf(known.gap), {
        touching: known.touchingMerges === false ? 'separate' : 'merge',
        time,
      })
    case 'session-dynamic':
    case 'dynamic-session':
      return session<NumberRow>(gapOf(known.gap ?? 'value'), { time })
    case 'point-session': {
      const gap = integer('gap', known.gap)
      return customWindows<NumberRow>({
        assign: (start, { value }) => [{ start, end: value === 33 ? start : start + gap }],
        merge: 'touching',
        time,
      })
    }
    case 'global':
      return global()
    case 'count-tumbling':
      return countWindow(integer('size', known.size))
    case 'count-sliding':
      return countWindow(integer('size', known.size), integer('slide', known.slide))
    default:
      throw new NotUnderstood(`the assigner ${name}`)
  }
}

function offsetOf({ offset, stagger, processingTimeAtFirstElement }: JsonObject, every: number): number {
  const offsetMs = integer('offset', offset ?? 0)
  if (stagger === undefined) return offsetMs
  if (stagger !== 'NATURAL') throw new NotUnderstood(`stagger ${JSON.stringify(stagger)}`)
  // Flink's WindowStagger.NATURAL: windows begin when the first element came; to us that is an offset.
  return mod(offsetMs + integer('processing time', processingTimeAtFirstElement), every)
}

const AGGREGATES = {
  ...{ sum: sum('value'), count: count(), min: min('value'), max: max('value'), mean: mean('value') },
  ...{ list: collectList('value'), first: first('value'), last: last('value') },
} as const

/** The aggregate of the values that a vector names. @throws NotUnderstood */
export function aggregateOf(name: Json | undefined) {
  const known = choice('aggregate', name, Object.keys(AGGREGATES) as (keyof typeof AGGREGATES)[])
  if (known === undefined) throw new NotUnderstood('no aggregate')
  return AGGREGATES[known]
}

/** A constant gap, or one that the value of the record is (times a number). */
function gapOf(gap: Json | undefined): number | ((row: NumberRow) => number) {
  if (typeof gap === 'number') return integer('gap', gap)
  if (gap === 'value') return row => row.value
  const byValue = typeof gap === 'string' ? /^value\s*\*\s*(\d+)$/.exec(gap) : null
  if (byValue !== null) return row => row.value * Number(byValue[1])
  throw new NotUnderstood(`the gap ${JSON.stringify(gap)}`)
}

const TRIGGER = ['type', 'note', 'inner', 'interval', 'n', 'delay', 'early', 'late', 'of', 'main', 'until']

/** A trigger in Flink's terms; undefined: the assigner's own. */
export function flinkTrigger(config: Json | undefined): Trigger<NumberRow> | undefined {
  const { type, inner, interval, n } = fields('trigger', config, TRIGGER)
  switch (type) {
    case 'event-time':
    case 'processing-time':
      return undefined
    case 'count':
      return trigger.count(integer('n', n))
    case 'never':
      return trigger.never()
    case 'end-of-stream':
      return trigger.eventTime()
    case 'continuous-event-time':
      return trigger.continuous(integer('interval', interval))
    case 'continuous-processing-time':
      return trigger.continuousProcessingTime(integer('interval', interval))
    case 'purging':
      return trigger.purging(flinkTrigger(inner) ?? trigger.eventTime())
    case 'event-time-also-fires-on-cleanup-and-purges':
      return firesOnCleanup
    default:
      throw new NotUnderstood(`the trigger ${JSON.stringify(type)}`)
  }
}

/** The trigger of one of Flink's tests: it fires at the end of the window, and would again when the window is dropped. */
const firesOnCleanup: Trigger<NumberRow> = {
  kind: 'trigger',
  description: 'at the end and at cleanup',
  onRecord(_row, _timestamp, context) {
    context.registerEventTimer(context.maxTimestamp)
    return 'continue'
  },
  onEventTime: (time, { maxTimestamp, cleanupTime }) =>
    time === maxTimestamp || time === cleanupTime ? 'fireAndPurge' : 'continue',
  onProcessingTime: () => 'continue',
  onMerge: () => {},
}

/** A trigger in Beam's terms. */
export function beamTrigger(config: Json | undefined): Trigger<NumberRow> {
  return trigger.once(beamCondition(config))
}

function beamCondition(config: Json | undefined): Condition<NumberRow> {
  const { type, inner, n, delay, early, late, of, main, until } = fields('trigger', config, TRIGGER)
  switch (type) {
    case 'default':
      return after.default()
    case 'count':
      return after.count(integer('n', n))
    case 'processing-time-delay':
      return after.delay(integer('delay', delay))
    case 'after-watermark':
      return after.watermark({
        ...(early === null || early === undefined ? {} : { early: beamCondition(early) }),
        ...(late === null || late === undefined ? {} : { late: beamCondition(late) }),
      })
    case 'repeatedly':
      return after.repeatedly(beamCondition(inner))
    case 'after-first':
      return after.any(...list('of', of).map(beamCondition))
    case 'after-all':
      return after.all(...list('of', of).map(beamCondition))
    case 'after-each':
      return after.each(...list('of', of).map(beamCondition))
    case 'or-finally':
      return after.orFinally(beamCondition(main), beamCondition(until))
    case 'never':
      return after.trigger(trigger.never())
    default:
      throw new NotUnderstood(`the trigger ${JSON.stringify(type)}`)
  }
}
