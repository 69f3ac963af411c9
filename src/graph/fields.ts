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

/** @throws SabotError DUPLICATE_FIELD, where a field that a method adds is there already. */
export function checkFreeFields(
  method: string,
  added: readonly { readonly name: string }[],
  known: readonly string[] | undefined,
): void {
  const taken = added.find(({ name }) => known?.includes(name) === true)
  if (taken === undefined) return
  throw new SabotError(
    'DUPLICATE_FIELD',
    `${method}() adds a field ${taken.name}, which the records have already: rename it with select()`,
    { field: taken.name },
  )
}
