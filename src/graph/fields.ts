import { describeValue, SabotError } from '../core/errors.js'
import { nearestName } from '../core/nearest.js'

/** @throws SabotError UNKNOWN_FIELD, where the fields are known before the job runs. */
export function checkKnownField(method: string, field: string, known: readonly string[] | undefined): void {
  if (known === undefined || known.includes(field)) return
  const nearest = nearestName(field, known)
  throw new SabotError(
    'UNKNOWN_FIELD',
    `${method}() names the field ${describeValue(field)}, which the stream does not have.` +
      `${nearest === undefined ? '' : ` Did you mean ${describeValue(nearest)}?`} It has ${known.join(', ')}.`,
    { method, field, known },
  )
}
