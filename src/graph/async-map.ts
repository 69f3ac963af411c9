/* Asynchronous functions in the graph. Stream delegates to it. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import type { SchemaShape } from '../core/types.js'
import { asyncMapOperator } from '../operators/async/async-map.js'
import { requireAppendOnly } from './changelog.js'
import { checkErrorPolicy, type FunctionOptions } from './error-policy.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import { FunctionResults, type StreamTraits } from './stream.js'

/** Its error policy is for a record whose last attempt failed, or that took too long. */
export interface AsyncMapOptions extends FunctionOptions {
  /**
   * true: results go out in the order of the records (the default). false: as they come; but a record never passes a
   * watermark, nor a watermark a record, so that what is late stays what it was.
   */
  readonly ordered?: boolean
  /** Records that are out at once, those included whose result waits for its turn; default 100. */
  readonly capacity?: number
  /** How long a record may take, all attempts included; without it as long as it takes. */
  readonly timeout?: Duration
  /** Attempts behind the first, where the function throws or its promise is rejected; default 0. */
  readonly retries?: number
  /** Before the first retry; twice as long before each further one. Default 100 ms. */
  readonly retryDelay?: Duration
}

const DEFAULT_CAPACITY = 100
const DEFAULT_RETRY_DELAY_MS = 100

export function asyncMapped<Result, Row>(
  graph: GraphBuilder,
  input: NodeInput,
  traits: StreamTraits,
  call: (row: unknown, attempt: number) => unknown,
  shape: SchemaShape,
  options: AsyncMapOptions,
): FunctionResults<Result, Row> {
  requireAppendOnly('asyncMap()', traits)
  const { ordered = true, capacity = DEFAULT_CAPACITY, timeout, retries = 0, retryDelay, errors = 'fail' } = options
  checkCount('capacity', capacity, 1)
  checkCount('retries', retries, 0)
  checkErrorPolicy(errors, traits.fields)
  const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(timeout)
  const schema = Schema.of(shape)
  const node = graph.add({
    kind: 'async-map',
    description:
      `${ordered ? 'ordered' : 'unordered'} asynchronous map, up to ${capacity} records at once` +
      (timeout === undefined ? '' : `, within ${formatDuration(timeoutMs)}`),
    inputs: [input],
    role: {
      kind: 'operator',
      create: asyncMapOperator({
        call,
        schema,
        isOrdered: ordered,
        capacity,
        timeoutMs,
        retries,
        retryDelayMs: retryDelay === undefined ? DEFAULT_RETRY_DELAY_MS : parseDuration(retryDelay),
        errors,
      }),
    },
    schema,
  })
  return new FunctionResults(graph, node, { isTimed: traits.isTimed, fields: schema.names, schema }, traits, errors)
}

function checkCount(option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw wrongOption(option, value, `a whole number from ${least} on`)
}

function wrongOption(option: string, value: unknown, expected: string): SabotError {
  return new SabotError('INVALID_OPTION', `${option} is ${expected}, not ${describeValue(value)}`, { option, value })
}
