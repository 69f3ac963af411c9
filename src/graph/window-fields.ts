import { SabotError } from '../core/errors.js'
import { type NamedAggregate, WINDOW_END, WINDOW_START } from '../operators/window-results.js'
import type { PaneInfo } from '../operators/windows/pane-fields.js'
import type { NamedPaneField } from '../operators/windows/window-function.js'
import { checkKnownField } from './fields.js'

/**
 * The fields that are asked for, under their names.
 * @throws SabotError EMPTY_AGGREGATE, DUPLICATE_FIELD, UNKNOWN_FIELD
 */
export function checkedFields(
  aggregates: { readonly [name: string]: object },
  keys: readonly string[],
  isBounded: boolean,
  known: readonly string[] | undefined,
): (NamedAggregate | NamedPaneField)[] {
  const fields = Object.entries(aggregates).map(([name, field]): NamedAggregate | NamedPaneField => {
    return isPaneInfo(field) ? { name, pane: field.field } : { ...(field as NamedAggregate), name }
  })
  if (fields.length === 0) throw new SabotError('EMPTY_AGGREGATE', 'aggregate() needs at least one aggregate')
  const bounds = isBounded ? [WINDOW_START, WINDOW_END] : []
  const names = new Set<string>([...keys, ...bounds])
  if (names.size < keys.length + bounds.length) {
    throw new SabotError(
      'DUPLICATE_FIELD',
      `A key named ${WINDOW_START} or ${WINDOW_END} hides the window's bounds: rename it with select()`,
    )
  }
  for (const field of fields) {
    const { name } = field
    if (names.has(name)) {
      throw new SabotError(
        'DUPLICATE_FIELD',
        `aggregate() names ${name} twice: keys and window bounds are in the result already`,
        { field: name },
      )
    }
    names.add(name)
    if ('pane' in field) continue
    if (field.field !== undefined) checkKnownField('aggregate', field.field, known)
    if (field.by !== undefined) checkKnownField('aggregate', field.by, known)
  }
  return fields
}

function isPaneInfo(field: object): field is PaneInfo {
  return 'kind' in field && field.kind === 'pane'
}
