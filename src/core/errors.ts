/*
 * Errors that people meet. What a caller of the API did wrong in code is a TypeError; everything that depends on data,
 * files or the environment is a SabotError with a stable code, the values, and the cause.
 */

/** Every public error code with its meaning in one line. Codes are stable: messages may improve, codes may not. */
export const ERROR_CODES = {
  // Schemas and values
  UNKNOWN_FIELD: 'A field was asked for that the schema does not have.',
  DUPLICATE_FIELD: 'Two fields have one name.',
  SCHEMA_INVALID: 'A schema, or its JSON form, is not well formed.',
  SCHEMA_MISMATCH: 'Two schemas that must agree do not.',
  TYPE_MISMATCH: 'A value or a column is not of the declared type.',
  NULL_VALUE: 'A null, undefined or missing value in a field that is not nullable.',
  OUT_OF_RANGE: 'A value is of the declared type but beyond its range.',
  DECIMAL_INVALID: 'A text is not a decimal number that the declared scale holds exactly.',
  INVALID_DURATION: 'A duration is neither a number of milliseconds nor a text such as 2h.',
  // Jobs
  INVALID_NAME: 'The name of a job, parameter or operator has characters that names must not have.',
  DUPLICATE_ID: 'Two operators of a job have one id.',
  DUPLICATE_PARAMETER: 'A job asks for one parameter with two defaults.',
  UNKNOWN_PARAMETER: 'A parameter was set that the job does not have.',
  EMPTY_JOB: 'A job has no source.',
  NO_SINK: 'A job has no sink.',
  EMPTY_SELECT: 'select() without a field.',
  EMPTY_AGGREGATE: 'aggregate() without an aggregate.',
  NO_TIMESTAMPS: 'Windows need event time, which was not assigned.',
  INVALID_WINDOW: 'The size, slide or offset of a window makes no sense.',
  CHANGELOG_INPUT: 'An operator or sink that takes inserts only was given a stream with updates.',
  INVALID_PARALLELISM: 'A number of parallel subtasks or key groups that a job or an operator cannot have.',
  JOIN_UNBOUNDED: 'A join has neither bounds nor a time to live, so its state would grow for good.',
  JOIN_KEYS: 'The sides of a join are keyed by different numbers of fields.',
  TOO_MANY_WAITING: 'More rows wait for a side input than may.',
  SUPPRESS_FULL: 'More updates wait to be put out than may.',
  SCHEMA_UNKNOWN: 'An operator must know the fields of a stream before the job runs.',
  INVALID_OPTION: 'An option has a value that it cannot have.',
  JOB_FAILED: 'A job failed for a reason that has no code of its own: see the cause.',
  USER_FUNCTION_FAILED: 'A function of the user threw.',
  USER_FUNCTION_RESULT: 'A function of the user returned what it must not.',
  INVALID_TIMESTAMP: 'A record has no valid event time.',
  CONNECT_KEYS: 'Two streams that are to be connected are not keyed alike.',
  ASYNC_TIMEOUT: 'An asynchronous function did not answer in time.',
  STATE_VALUE_INVALID: 'A value of keyed state is of a kind that a checkpoint cannot hold.',
  SUM_OVERFLOW: 'An integer sum left the 64-bit range.',
  RESCALE_FAILED: 'A job could not be given another parallelism; it goes on as it was.',
  GRAPH_MISMATCH: 'A worker built another graph of the job than the master.',
  NOT_TRANSFERABLE: 'Rows hold what cannot go to another worker, such as a function.',
  WORKER_HANGS: 'A worker does not answer: a function of the user does not return.',
  SIMULATION_FAILED: 'A simulated job failed, or wrote something else than undisturbed.',
  SIMULATION_STALLED: 'Nothing can happen any more in a simulated job that has not ended.',
  TRACE_INVALID: 'A text is not the saved trace of a simulation, or one of a newer version.',
  // Checkpoints
  NO_CHECKPOINT_STORAGE: 'A checkpoint was asked for, but there is nowhere to keep it.',
  CHECKPOINT_FAILED: 'A checkpoint was aborted; the one before it stays valid.',
  CHECKPOINT_CLEANUP_FAILED: 'Old checkpoints could not be removed.',
  CHECKPOINT_MISSING: 'There is no such checkpoint.',
  CHECKPOINT_EXISTS: 'A complete checkpoint must not be written again.',
  CHECKPOINT_CORRUPT: 'A checkpoint is damaged: a byte is off, or a part is missing.',
  CHECKPOINT_VERSION: 'A newer version of Sabot wrote the checkpoint.',
  CHECKPOINT_OF_OTHER_JOB: 'A storage holds the checkpoints of another job.',
  NO_VALID_CHECKPOINT: 'There are checkpoints, but none is whole.',
  STATE_MISMATCH: 'An operator is not the one whose state the checkpoint holds.',
  STATE_WITHOUT_OPERATOR: 'A checkpoint holds the state of an operator that the job no longer has.',
  OPERATOR_WITHOUT_STATE: 'A source or sink of the job is not in the checkpoint.',
  PART_NAME_INVALID: "The name of a checkpoint's part, or its number, could lead out of the storage.",
  STORAGE_UNREADABLE: 'A checkpoint storage cannot be read.',
  STORAGE_UNWRITABLE: 'A checkpoint storage cannot be written.',
  STORAGE_QUOTA: 'The browser grants no more room.',
  STORAGE_FAILED: "The browser's storage failed.",
  // Sources, sinks and files
  FILE_NOT_FOUND: 'There is no such file.',
  FILE_UNREADABLE: 'A file cannot be read.',
  FILE_UNWRITABLE: 'A file cannot be written.',
  FILE_TRUNCATED: 'A file is shorter than it was at the checkpoint.',
  SOURCE_FAILED: 'A source failed while it was read.',
  SOURCE_CHANGED: 'A source is not what it was at the checkpoint.',
  SOURCE_NOT_REPLAYABLE: 'A source that can be read only once cannot be resumed.',
  POSITION_INVALID: 'A position is not one of this source.',
  RECORD_INVALID: 'A record of a file is malformed, or a column refuses it.',
  COMPRESSION_INVALID: 'Compressed data is damaged or truncated, or is compressed otherwise.',
  ARRIVAL_INVALID: 'A row has no arrival time.',
  SINK_FAILED: 'A sink failed while it was written.',
  SINK_CHANGED: 'A sink is not what it was at the checkpoint.',
  SINK_CLOSED: 'A sink ended before its reader had all rows.',
  OUTPUT_CLOSED: 'Whoever read the standard output has gone.',
  UNSUPPORTED_TYPE: 'A file or table holds a type that has no column type here.',
  ARROW_INVALID: 'Arrow data contradicts itself: buffers are missing or too short.',
  AVRO_INVALID: 'A file is not an Avro object container, or is damaged or truncated.',
  FRAME_INVALID: "Bytes are not a message of Confluent's wire format.",
  PARQUET_INVALID: 'A file is not a Parquet file, or is damaged or truncated.',
  MISSING_COLUMN: 'A declared column is not in the file.',
  // Kernels
  MEMORY_LIMIT: 'The memory ceiling of the kernels is reached.',
  TOO_MANY_KEYS: 'More distinct keys than a kernel holds.',
  TOO_MANY_SLICES: 'More windows are open than a kernel holds.',
  TIMESTAMP_INVALID: 'A timestamp that a kernel was given is null, NaN or beyond ±8.64e15 ms.',
  UNKNOWN_DICTIONARY_CODE: 'A row has a code that its dictionary does not have.',
  KERNEL_ABI: 'A WebAssembly module is not a kernel of this version.',
  KERNEL_ARGUMENT: 'A kernel was called with an argument that it refuses.',
  KERNEL_STATUS: 'A kernel answered with a status that the host does not know.',
  KERNEL_UNAVAILABLE: 'The WebAssembly module cannot be loaded.',
  SNAPSHOT_FOREIGN: 'Bytes are not the snapshot of such an operator.',
  SNAPSHOT_VERSION: 'A newer version wrote the snapshot.',
  SNAPSHOT_TRUNCATED: 'A snapshot is shorter than it says.',
  SNAPSHOT_CHECKSUM: 'A snapshot is damaged.',
  SNAPSHOT_CORRUPT: 'A snapshot contradicts itself.',
  SNAPSHOT_MISMATCH: 'A snapshot is of an operator with other parameters.',
  // Command line
  NO_SUCH_FILE: 'The file that was named is not there.',
  FILE_EXISTS: 'A file that would be overwritten is there already.',
  FORMAT_UNKNOWN: 'The name of a file does not tell its format, or tells one that is not written.',
  NO_SUCH_COLUMN: 'A column was named that a file does not have, or that holds no times.',
  NOT_A_MODULE: 'The file that was named is not a module.',
  MODULE_FAILED: 'The module threw while it was loaded.',
  NO_SUCH_EXPORT: 'The module has no such export.',
  NO_JOB: 'The module exports no job.',
  SEVERAL_JOBS: 'The module exports several jobs, and none was chosen.',
  NO_SUCH_DIRECTORY: 'The directory that was named is not there.',
  CHECKPOINT_NOT_FOUND: 'The directory has no checkpoint of this number.',
  NO_INPUT: 'The input of the demo is not there.',
  TOKEN_REQUIRED: 'A server that other machines can reach needs a token.',
  SERVER_UNREACHABLE: 'No job answers at the address.',
  INVALID_URL: 'An address is not one of a server.',
  ADDRESS_UNAVAILABLE: 'A server cannot listen on the address.',
  // Browser
  UNKNOWN_JOB: 'The worker has no job of this name.',
  JOB_RUNNING_ELSEWHERE: 'The job runs already: in another tab, or under its name in this process.',
  INSECURE_CONTEXT: 'The page is not served securely, so the browser grants no storage.',
  WORKER_FAILED: 'The worker of a job ended by itself.',
} as const satisfies Record<string, string>

export type ErrorCode = keyof typeof ERROR_CODES

/** An error with a stable code (see ERROR_CODES), the values that it speaks of, and its cause where there is one. */
export class SabotError extends Error {
  override readonly name: string = 'SabotError'
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, details: Record<string, unknown> = {}, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/** A value as it should stand in an error message: quoted, typed where that matters, never longer than 80 characters. */
export function describeValue(value: unknown): string {
  const text = describe(value)
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length <= 100 ? value : value.slice(0, 100))
    case 'bigint':
      return `${value}n`
    case 'function':
      return `function ${value.name}`
    case 'object': {
      if (value === null) return 'null'
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
      if (Array.isArray(value)) return `an array of ${value.length}`
      const name = value.constructor?.name
      return typeof name === 'string' && name !== '' && name !== 'Object' ? `an object of ${name}` : 'an object'
    }
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    default:
      return String(value)
  }
}
