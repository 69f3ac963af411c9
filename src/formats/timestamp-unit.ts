/* Units of the numbers in timestamp columns. */
import { describeValue } from '../core/errors.js'
import type { Schema } from '../core/schema.js'

/** What one unit of a number in a timestamp column is. Texts are ISO 8601 whatever the unit. */
export type TimestampUnit = 's' | 'ms' | 'us' | 'ns'

/** By field; 'ms' for those that are not named. */
export type TimestampUnits = Readonly<Record<string, TimestampUnit>>

/** log10 of the milliseconds in a unit. */
const UNIT_SCALES: Readonly<Record<TimestampUnit, number>> = { s: 3, ms: 0, us: -3, ns: -6 }

/**
 * What gives the scale of a field's numbers, as the kernel's plans take it.
 * @throws SabotError UNKNOWN_FIELD; TypeError for what is no unit
 */
export function timestampScales(schema: Schema, units: TimestampUnits): (field: string) => number {
  const unitByField = new Map(Object.entries(units))
  for (const [field, unit] of unitByField) {
    schema.field(field)
    if (!Object.hasOwn(UNIT_SCALES, unit)) {
      throw new TypeError(`The timestamp unit of ${field} is one of s, ms, us and ns, not ${describeValue(unit)}`)
    }
  }
  return field => UNIT_SCALES[unitByField.get(field) ?? 'ms']
}
