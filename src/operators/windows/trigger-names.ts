import { after, type Condition, once, repeatedly } from './conditions.js'
import type { Trigger } from './trigger.js'
import {
  continuous,
  continuousProcessingTime,
  count,
  delta,
  eventTime,
  never,
  processingTime,
  purging,
  whenClosed,
} from './triggers.js'

/** Fires each time that any of the triggers has fired. */
function any<Row>(...triggers: readonly Trigger<Row>[]): Trigger<Row> {
  return repeatedly(after.any(...triggers.map(asCondition)))
}

/** Fires each time that all of the triggers have fired. */
function all<Row>(...triggers: readonly Trigger<Row>[]): Trigger<Row> {
  return repeatedly(after.all(...triggers.map(asCondition)))
}

function asCondition<Row>(trigger: Trigger<Row>): Condition<Row> {
  return after.trigger(trigger)
}

/**
 * Triggers for `.trigger(...)`. `once` and `repeatedly` take conditions (`after.count(3)`), all others repeat by
 * themselves.
 */
export const trigger = {
  eventTime,
  processingTime,
  whenClosed,
  count,
  continuous,
  continuousProcessingTime,
  delta,
  purging,
  never,
  any,
  all,
  once,
  repeatedly,
} as const
