/*
 * Conditions of the Dataflow model, which are met once and can be combined. What each does is that of Apache Beam's
 * trigger state machines (org.apache.beam.runners.core.triggers).
 */
import { type Duration, formatDuration, parseDuration } from '../../core/duration.js'
import { describeValue, SabotError } from '../../core/errors.js'
import {
  AfterAll,
  AfterEach,
  AfterFirst,
  AfterWatermark,
  Always,
  type ConditionNode,
  CountNode,
  DelayNode,
  EndOfWindowNode,
  OrFinally,
  Repeatedly,
  TriggerNode,
} from './condition-nodes.js'
import type { Trigger, TriggerContext, TriggerResult } from './trigger.js'

/** Something that is met once in the life of a window. */
export interface Condition<Row = unknown> {
  readonly kind: 'condition'
  readonly description: string
  /** Its node, whose state stands under `path`. */
  bind(path: string): ConditionNode<Row>
}

function condition<Row>(description: string, bind: (path: string) => ConditionNode<Row>): Condition<Row> {
  return { kind: 'condition', description, bind }
}

const described = (conditions: readonly Condition<never>[], word: string): string =>
  `(${conditions.map(({ description }) => description).join(word)})`

function bound<Row>(conditions: readonly Condition<Row>[], path: string): ConditionNode<Row>[] {
  return conditions.map((inner, index) => inner.bind(`${path}${index}.`))
}

/** `n` records have come. */
function afterCount(n: number): Condition {
  if (!Number.isSafeInteger(n) || n < 1) {
    throw new SabotError('INVALID_OPTION', `after.count takes a whole number above 0, not ${describeValue(n)}`, {
      option: 'count',
      value: n,
    })
  }
  return condition(`${n} records`, path => new CountNode(path, n))
}

/** `delay` of processing time has passed since the first record. */
function afterDelay(delay: Duration): Condition {
  const delayMs = parseDuration(delay)
  return condition(`${formatDuration(delayMs)} after the first record`, path => new DelayNode(path, delayMs))
}

/** The early and late firings of `after.watermark`: each repeats. */
export interface EarlyAndLate<Row> {
  readonly early?: Condition<Row>
  readonly late?: Condition<Row>
}

/**
 * The watermark has passed the end of the window. With `early`, firings before that, each time that condition is met
 * anew; with `late`, firings for records behind it. Without `late` the window is closed then.
 */
function afterWatermark<Row = unknown>({ early, late }: EarlyAndLate<Row> = {}): Condition<Row> {
  if (early === undefined && late === undefined) {
    return condition('the end of the window', path => new EndOfWindowNode(path))
  }
  const words = [
    early === undefined ? [] : [`early: ${early.description}`],
    late === undefined ? [] : [`late: ${late.description}`],
  ]
  return condition(
    `the end of the window (${words.flat().join('; ')})`,
    path =>
      new AfterWatermark(
        path,
        early && new Repeatedly(`${path}e`, early.bind(`${path}e.`)),
        late && new Repeatedly(`${path}l`, late.bind(`${path}l.`)),
      ),
  )
}

/** The first of the conditions is met. */
function afterAny<Row>(...conditions: readonly Condition<Row>[]): Condition<Row> {
  return condition(described(conditions, ' or '), path => new AfterFirst(path, bound(conditions, path)))
}

/** All of the conditions are met. */
function afterAll<Row>(...conditions: readonly Condition<Row>[]): Condition<Row> {
  return condition(described(conditions, ' and '), path => new AfterAll(path, bound(conditions, path)))
}

/** One condition behind the other: each fires when it is met. */
function afterEach<Row>(...conditions: readonly Condition<Row>[]): Condition<Row> {
  return condition(described(conditions, ', then '), path => new AfterEach(path, bound(conditions, path)))
}

/** `main`, until `until` is met, which fires too and ends both. */
function orFinally<Row>(main: Condition<Row>, until: Condition<Row>): Condition<Row> {
  return condition(`(${main.description} until ${until.description})`, path => {
    return new OrFinally(path, main.bind(`${path}0.`), until.bind(`${path}1.`))
  })
}

/** Each time that the condition is met. */
function repeated<Row>(inner: Condition<Row>): Condition<Row> {
  return condition(`each time: ${inner.description}`, path => new Repeatedly(path, inner.bind(`${path}0.`)))
}

/** A trigger fires: to combine Flink's triggers and those of the user. */
function afterTrigger<Row>(inner: Trigger<Row>): Condition<Row> {
  return condition(inner.description, path => new TriggerNode(path, inner))
}

/** At the end of the window, and for each late record then. */
function afterDefault(): Condition {
  return condition('the end of the window, and each late record', path => new Always(path))
}

/** Conditions for triggers: `trigger.repeatedly(after.count(100))`, `trigger.once(after.watermark())`. */
export const after = {
  count: afterCount,
  delay: afterDelay,
  watermark: afterWatermark,
  any: afterAny,
  all: afterAll,
  each: afterEach,
  orFinally,
  repeatedly: repeated,
  trigger: afterTrigger,
  default: afterDefault,
} as const

/** Fires when the condition is met; when nothing is left that could be, the window is closed. */
export function once<Row>(inner: Condition<Row>): Trigger<Row> {
  const root = inner.bind('')
  const evaluate = (context: TriggerContext): TriggerResult => {
    if (root.isFinished(context) || !root.shouldFire(context)) return 'continue'
    root.onFire(context)
    if (root.isFinished(context)) context.close()
    return 'fire'
  }
  return {
    kind: 'trigger',
    description: inner.description,
    onRecord(row, timestamp, context) {
      if (!root.isFinished(context)) root.onRecord(row, timestamp, context)
      return evaluate(context)
    },
    onEventTime(time, context) {
      root.onTime('event', time, context)
      return evaluate(context)
    },
    onProcessingTime(time, context) {
      root.onTime('processing', time, context)
      return evaluate(context)
    },
    onMerge(context) {
      root.onMerge(context)
      if (root.isFinished(context)) context.close()
    },
  }
}

/** Fires each time that the condition is met. */
export function repeatedly<Row>(inner: Condition<Row>): Trigger<Row> {
  return once(repeated(inner))
}
