import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { DEAD_LETTER_OUTPUT } from '../operators/time/dead-letters.js'
import type { IngestionTime, SourceTime, TimestampOrigin } from '../operators/time/timestamp-values.js'
import type { MaxAhead, WatermarkStrategy } from '../operators/time/watermark-strategy.js'
import type { InvalidTimestamps, TimestampSettings } from '../operators/timestamps.js'
import type { DraftNode } from './graph-builder.js'
import { type FieldsRead, MAIN_OUTPUT } from './job-graph.js'

export interface TimestampOptions<Row = never> {
  /**
   * How far a record may lag behind the highest timestamp seen before it counts as late: the watermark is that
   * timestamp - outOfOrderness - 1 ms. Short for `watermarks: bounded(outOfOrderness)`.
   */
  readonly outOfOrderness?: Duration
  /**
   * How watermarks follow from records: monotone(), bounded(d), punctuated(f), customWatermarks({...}). Each split of
   * the source has its own; the stream's is the minimum over the splits that are not idle.
   */
  readonly watermarks?: WatermarkStrategy<Row>
  /**
   * What becomes of records whose timestamp is null, NaN or beyond ±8.64e15 ms: 'fail' ends the job with the error
   * INVALID_TIMESTAMP (the default), 'skip' drops and counts them, 'deadLetter' sends them to `.deadLetters`.
   */
  readonly invalid?: InvalidTimestamps
  /**
   * Records whose timestamp is further ahead than this go to `.deadLetters`, are counted as 'too-far-ahead', and do not
   * move the watermark: one record from the future would else make all that follow late. A duration is ahead of
   * processing time; `{ by, of: 'other-splits' }` ahead of the highest watermark among the other splits that are not
   * idle (while none has one, nothing is too far ahead). Default: no bound.
   */
  readonly maxAhead?: Duration | { readonly by: Duration; readonly of: MaxAhead['of'] }
  /**
   * Keeps the splits of one source or of several together in event time: one whose watermark is more than `maxDrift`
   * above the least in the group is not read until the others have come up, so that what is ahead does not pile up as
   * state. Splits that are idle or have ended are not waited for. Default: none waits for another.
   */
  readonly alignment?: AlignmentOptions
}

/** The alignment of sources by event time, in the terms of Flink's watermark alignment. */
export interface AlignmentOptions {
  /** Sources with this name are aligned with one another. 1 to 64 letters, digits, hyphens and underscores. */
  readonly group: string
  readonly maxDrift: Duration
}

/** What `withTimestamps` was told, checked. @throws SabotError INVALID_OPTION, INVALID_DURATION */
export function timestampSettings(
  timestamp: TimestampOrigin,
  options: TimestampOptions<never>,
): { readonly settings: TimestampSettings; readonly description: string } {
  const { invalid = 'fail' } = options
  if (invalid !== 'fail' && invalid !== 'skip' && invalid !== 'deadLetter') {
    throw invalidOption('invalid', invalid, "'fail', 'skip' or 'deadLetter'")
  }
  const watermarks = strategyOf(timestamp, options)
  const maxAhead = options.maxAhead === undefined ? undefined : maxAheadOf(options.maxAhead)
  const alignment = options.alignment === undefined ? undefined : alignmentOf(options.alignment)
  const aligned =
    alignment === undefined ? '' : `, aligned with ${alignment.group} within ${formatDuration(alignment.maxDriftMs)}`
  const ahead = maxAhead === undefined ? '' : `, at most ${formatDuration(maxAhead.byMs)} ahead of ${maxAhead.of}`
  return {
    settings: { timestamp, watermarks, invalid, maxAhead, alignment },
    description: `event time from ${originText(timestamp)}, ${strategyText(watermarks)}${ahead}${aligned}`,
  }
}

/** What it looks at of the rows; undefined: functions of theirs may look at any field. */
export function timestampReads({ timestamp, watermarks }: TimestampSettings): FieldsRead | undefined {
  if (typeof timestamp === 'function' || watermarks.kind !== 'bounded') return undefined
  return { fields: typeof timestamp === 'string' ? [timestamp] : [], passes: [MAIN_OUTPUT, DEAD_LETTER_OUTPUT] }
}

function strategyOf(timestamp: TimestampOrigin, options: TimestampOptions<never>): WatermarkStrategy<unknown> {
  const { outOfOrderness, watermarks } = options
  if (watermarks !== undefined) {
    if (outOfOrderness !== undefined) {
      throw invalidOption('outOfOrderness', outOfOrderness, 'left out where watermarks are given: bounded(d) says it')
    }
    const known: readonly unknown[] = ['bounded', 'punctuated', 'custom']
    if (!known.includes(watermarks?.kind)) {
      throw invalidOption('watermarks', watermarks, 'monotone(), bounded(d), punctuated(f) or customWatermarks({...})')
    }
    // The rows are those of the stream that the strategy is given to.
    return watermarks as WatermarkStrategy<unknown>
  }
  if (outOfOrderness !== undefined) return { kind: 'bounded', boundMs: parseDuration(outOfOrderness) }
  if (isIngestionTime(timestamp)) return { kind: 'bounded', boundMs: 0 }
  throw invalidOption('outOfOrderness', outOfOrderness, "a duration such as '10s', or watermarks: a strategy is given")
}

function maxAheadOf(maxAhead: NonNullable<TimestampOptions['maxAhead']>): MaxAhead {
  if (typeof maxAhead !== 'object') return { byMs: parseDuration(maxAhead), of: 'processing-time' }
  const { by, of } = maxAhead
  if (of !== 'processing-time' && of !== 'other-splits') {
    throw invalidOption('maxAhead.of', of, "'processing-time' or 'other-splits'")
  }
  return { byMs: parseDuration(by), of }
}

const GROUP = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

function alignmentOf({ group, maxDrift }: AlignmentOptions): NonNullable<TimestampSettings['alignment']> {
  if (typeof group !== 'string' || !GROUP.test(group)) {
    throw invalidOption('alignment.group', group, 'a name of 1 to 64 letters, digits, hyphens and underscores')
  }
  return { group, maxDriftMs: parseDuration(maxDrift) }
}

function originText(timestamp: TimestampOrigin): string {
  if (typeof timestamp === 'string') return timestamp
  if (typeof timestamp === 'function') return 'a function of the row'
  return isIngestionTime(timestamp) ? 'the moment of ingestion' : 'the source'
}

function strategyText(strategy: WatermarkStrategy<unknown>): string {
  if (strategy.kind === 'punctuated') return 'watermarks from marked records'
  if (strategy.kind === 'custom') return 'watermarks by a function'
  return strategy.boundMs === 0 ? 'in order' : `out of order by up to ${formatDuration(strategy.boundMs)}`
}

function isIngestionTime(timestamp: TimestampOrigin): timestamp is IngestionTime {
  return typeof timestamp === 'object' && timestamp.kind === 'ingestion-time'
}

/** Whether it is an origin that is no field and no function. @throws SabotError INVALID_OPTION for anything else */
export function assertOrigin(timestamp: unknown): asserts timestamp is SourceTime | IngestionTime {
  const kind = typeof timestamp === 'object' && timestamp !== null && 'kind' in timestamp ? timestamp.kind : undefined
  if (kind === 'source-time' || kind === 'ingestion-time') return
  throw invalidOption('timestamp', timestamp, 'a field, a function of the row, sourceTime() or ingestionTime()')
}

/** @throws SabotError INVALID_OPTION where several streams meet before event time is assigned */
export function assertOneSource(from: DraftNode): void {
  for (let node = from; node.role.kind !== 'source'; ) {
    const [input, second] = node.inputs
    if (input === undefined || second !== undefined) {
      throw new SabotError(
        'INVALID_OPTION',
        `withTimestamps: alignment stops the reading of a source that is ahead, but behind ${node.kind} several meet: ` +
          'assign event time before it, with the same group for each',
        { option: 'alignment' },
      )
    }
    node = input.from
  }
}

function invalidOption(option: string, value: unknown, allowed: string): SabotError {
  return new SabotError('INVALID_OPTION', `withTimestamps: ${option} is ${allowed}, not ${describeValue(value)}`, {
    option,
    value,
  })
}
