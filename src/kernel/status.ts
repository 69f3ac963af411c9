/* What a negative status of the kernels means, as an error. */
import {
  MISMATCH_COLUMNS,
  MISMATCH_KEY_KIND,
  MISMATCH_MAX_PARALLELISM,
  MISMATCH_SEED,
  MISMATCH_WINDOW,
  STATUS_ARGUMENT,
  STATUS_MEMORY_LIMIT,
  STATUS_SNAPSHOT_CHECKSUM,
  STATUS_SNAPSHOT_CORRUPT,
  STATUS_SNAPSHOT_FOREIGN,
  STATUS_SNAPSHOT_MISMATCH,
  STATUS_SNAPSHOT_TRUNCATED,
  STATUS_SNAPSHOT_VERSION,
  STATUS_SUM_OVERFLOW,
  STATUS_TIMESTAMP,
  STATUS_TOO_MANY_KEYS,
  STATUS_TOO_MANY_SLICES,
  STATUS_UNKNOWN_CODE,
  TIMESTAMP_NAN,
  TIMESTAMP_NULL,
} from '../../assembly/abi.js'
import { SabotError } from '../core/errors.js'

/** What the kernel says about a failure: the row and the detail of the result area, and its memory ceiling. */
export interface Failure {
  readonly row: number
  readonly detail: number
  readonly memoryLimitBytes: number
}

const HEADER_DETAIL = 0xffffffff

const MISMATCHES: Readonly<Record<number, string>> = {
  [MISMATCH_KEY_KIND]: 'keys of another type',
  [MISMATCH_MAX_PARALLELISM]: 'another maxParallelism',
  [MISMATCH_WINDOW]: 'another window',
  [MISMATCH_COLUMNS]: 'other aggregated columns',
  [MISMATCH_SEED]: 'another hash seed',
}

function timestampReason(detail: number): string {
  if (detail === TIMESTAMP_NULL) return 'null'
  return detail === TIMESTAMP_NAN ? 'NaN' : 'beyond ±8.64e15 ms, the range of a Date'
}

/** The code and the message of a status; `doing` says what was tried ("coding keys"). */
function explain(status: number, doing: string, { row, detail, memoryLimitBytes }: Failure): [string, string] {
  switch (status) {
    case STATUS_MEMORY_LIMIT:
      return [
        'MEMORY_LIMIT',
        `The memory ceiling of ${memoryLimitBytes} bytes is reached while ${doing}; raise memoryLimitBytes, or hold ` +
          'fewer keys and windows at once',
      ]
    case STATUS_ARGUMENT:
      return ['KERNEL_ARGUMENT', `Argument ${detail} does not fit while ${doing}`]
    case STATUS_TIMESTAMP:
      return ['TIMESTAMP_INVALID', `The timestamp of row ${row} is ${timestampReason(detail)}`]
    case STATUS_SUM_OVERFLOW:
      return ['SUM_OVERFLOW', `An integer sum left the 64-bit range, aggregated column ${detail}`]
    case STATUS_TOO_MANY_SLICES:
      return ['TOO_MANY_SLICES', `More live slices than fit while ${doing}; use a larger slide or less lateness`]
    case STATUS_TOO_MANY_KEYS:
      return ['TOO_MANY_KEYS', `More distinct keys than fit while ${doing} (row ${row}); use more subtasks`]
    case STATUS_UNKNOWN_CODE:
      return ['UNKNOWN_DICTIONARY_CODE', `Row ${row} has a dictionary code that its dictionary does not have`]
    case STATUS_SNAPSHOT_FOREIGN:
      return ['SNAPSHOT_FOREIGN', `Not a snapshot of this kind of operator, while ${doing}`]
    case STATUS_SNAPSHOT_VERSION:
      return ['SNAPSHOT_VERSION', `The snapshot was written by a newer version, while ${doing}; update this one`]
    case STATUS_SNAPSHOT_TRUNCATED:
      return ['SNAPSHOT_TRUNCATED', `The snapshot is shorter than it says, while ${doing}`]
    case STATUS_SNAPSHOT_CHECKSUM: {
      const part = detail === HEADER_DETAIL ? 'its header' : `key group ${detail}`
      return ['SNAPSHOT_CHECKSUM', `The snapshot is damaged: the checksum of ${part} does not fit`]
    }
    case STATUS_SNAPSHOT_CORRUPT:
      return ['SNAPSHOT_CORRUPT', `The snapshot contradicts itself, while ${doing}`]
    case STATUS_SNAPSHOT_MISMATCH:
      return ['SNAPSHOT_MISMATCH', `The snapshot is of an operator with ${MISMATCHES[detail] ?? 'other parameters'}`]
    default:
      return ['KERNEL_STATUS', `The kernel answered ${status} while ${doing}`]
  }
}

/** The error of a negative status. */
export function statusError(status: number, doing: string, failure: Failure): SabotError {
  const [code, message] = explain(status, doing, failure)
  return new SabotError(code, message, { status, ...failure })
}
