import { describeValue, SabotError } from '../../core/errors.js'
import type { Json } from '../../core/json.js'

/**
 * A copy of what a user's function keeps as state, which must be JSON: a snapshot that silently made null of Infinity
 * would restore another state. @throws SabotError USER_FUNCTION_RESULT, naming the member
 */
export function checkedJson(operator: string, state: unknown, path: string = 'state'): Json {
  if (state === null || typeof state === 'boolean' || typeof state === 'string') return state
  if (typeof state === 'number' && Number.isFinite(state)) return state
  if (Array.isArray(state)) return state.map((value, index) => checkedJson(operator, value, `${path}[${index}]`))
  if (typeof state === 'object' && (isPlain(state) || Object.getPrototypeOf(state) === null)) {
    return Object.fromEntries(
      Object.entries(state).map(([name, value]) => [name, checkedJson(operator, value, `${path}.${name}`)]),
    )
  }
  throw new SabotError(
    'USER_FUNCTION_RESULT',
    `Operator ${operator}: ${path} of its custom watermarks is ${describeValue(state)}, which JSON cannot hold; use ` +
      'finite numbers, texts, arrays and plain objects, and null for what is not known yet',
    { operator, path },
  )
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype
}
