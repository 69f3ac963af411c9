import type { RowReader } from '../../core/row-view.js'
import { isThenable, wrongResult } from '../user-function.js'

/** What a process function returns is ignored, but a promise would run beside the record. @throws SabotError USER_FUNCTION_RESULT */
export function checkSynchronous(operator: string, reader: RowReader | undefined, result: unknown): void {
  if (isThenable(result)) throw wrongResult(operator, reader?.materialize() ?? 'of a timer', result, 'nothing')
}
