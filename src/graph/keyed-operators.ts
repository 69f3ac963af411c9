/* Ready operators over keyed streams. KeyedStream delegates to them. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { deduplicateOperator } from '../operators/keyed/deduplicate.js'
import { isRankable, rankedSchema, type TopNSettings, topNOperator } from '../operators/keyed/top-n.js'
import { missingEventOperator, missingEventSchema } from '../operators/process/missing-event.js'
import { requireAppendOnly } from './changelog.js'
import { checkKnownField } from './fields.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import type { FieldOf, Simplified } from './projection.js'
import { MissingEvents, Stream, type StreamTraits } from './stream.js'

/** What a ready operator is built on. */
export interface KeyedInput {
  readonly graph: GraphBuilder
  readonly input: NodeInput
  readonly traits: StreamTraits
  readonly keys: readonly string[]
}

/** How long a key is remembered; 'none': for good, and state grows with the keys. */
export type TimeToLive = Duration | 'none'

export type DeduplicateOptions =
  | {
      /** The first record of each key. */
      readonly keep?: 'first'
      /** In the order of arrival (the default): the others are dropped and counted, the result is of inserts. */
      readonly by?: 'arrival'
      /**
       * How long a key is remembered, in event time from its first record on: when the watermark has passed that, the
       * next record of the key is a first one again. Default: 'none'.
       */
      readonly ttl?: TimeToLive
    }
  | {
      readonly keep: 'first'
      /** The first in event time; a changelog, in which an earlier record updates the one before. */
      readonly by: 'eventTime'
      /** As for keep: 'last'. */
      readonly ttl: TimeToLive
    }
  | {
      /** The last record of each key; a changelog, in which a newer record updates the older. */
      readonly keep: 'last'
      /** In event time (the default where there is one; of equal times the one that came last), or the order of arrival. */
      readonly by?: 'eventTime' | 'arrival'
      /**
       * How long a key is remembered, in event time from its latest record on: then it is forgotten, nothing is taken
       * back any more, and its next record is an insert.
       */
      readonly ttl: TimeToLive
    }

export function deduplicated<Row>(of: KeyedInput, options: DeduplicateOptions): Stream<Row> {
  const { keep = 'first', ttl, by = keep === 'last' && of.traits.isTimed ? 'eventTime' : 'arrival' } = options
  requireAppendOnly('deduplicate()', of.traits)
  if (keep !== 'first' && keep !== 'last') throw wrongOption('keep', keep, "'first' or 'last'")
  if (by !== 'eventTime' && by !== 'arrival') throw wrongOption('by', by, "'eventTime' or 'arrival'")
  if (by === 'eventTime' && !of.traits.isTimed) {
    throw new SabotError('NO_TIMESTAMPS', "deduplicate() by: 'eventTime' needs it: call withTimestamps(...) first")
  }
  if (keep === 'first' && by === 'arrival') return firstArrived(of, timeToLive('deduplicate()', of, ttl ?? 'none'))
  const ttlMs = timeToLive('deduplicate()', of, ttl)
  const inTime = by === 'eventTime' ? ' in event time' : ''
  return ranked<Row>(of, 'deduplicate', `the ${keep} record of each ${of.keys.join(', ')}${inTime}`, {
    ...{ keys: of.keys, n: 1, by, ttlMs, updates: true, rankField: undefined },
    ...(keep === 'first' ? ({ order: 'asc', ties: 'earlier' } as const) : ({ order: 'desc', ties: 'later' } as const)),
  })
}

function firstArrived<Row>({ graph, input, traits, keys }: KeyedInput, ttlMs: number): Stream<Row> {
  const node = graph.add({
    kind: 'deduplicate',
    description: `the first record of each ${keys.join(', ')}${within(ttlMs)}`,
    inputs: [{ ...input, hashOf: keys }],
    role: { kind: 'operator', create: deduplicateOperator({ keys, ttlMs }) },
    settings: { keys, ttlMs: Number.isFinite(ttlMs) ? ttlMs : null },
    schema: traits.schema,
  })
  return new Stream<Row>(graph, node, traits)
}

/** @throws SabotError INVALID_OPTION where none is given, INVALID_DURATION, NO_TIMESTAMPS */
function timeToLive(method: string, { traits }: KeyedInput, ttl: TimeToLive | undefined): number {
  if (ttl === 'none') return Number.POSITIVE_INFINITY
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) {
    throw new SabotError(
      'INVALID_OPTION',
      `${method} needs a time to live, such as { ttl: '1d' }: without it the rows of every key are kept for good, which ` +
        "ttl: 'none' says",
      { option: 'ttl', value: ttl },
    )
  }
  if (traits.isTimed) return parseDuration(ttl)
  throw new SabotError('NO_TIMESTAMPS', `${method} with a ttl needs event time: call withTimestamps(...) first`)
}

function within(ttlMs: number): string {
  return Number.isFinite(ttlMs) ? ` within ${formatDuration(ttlMs)}` : ''
}

export interface TopNOptions<Row, Rank extends string | undefined = string | undefined> {
  /** The field that ranks the records. */
  readonly by: FieldOf<Row>
  /** 'desc' (the default): the highest first. Null and NaN come last in both. */
  readonly order?: 'asc' | 'desc'
  /**
   * Of records of equal value: 'earlier' (the default): the one that came first ranks higher, so that there are n at
   * most (SQL's ROW_NUMBER); 'all': they share a rank, and all of rank n or better are among the best (SQL's RANK).
   */
  readonly ties?: 'earlier' | 'all'
  /** A field to add that shows the rank, from 1 on. A rank that changes is an update. */
  readonly rank?: Rank | undefined
  /**
   * How long a key is remembered, in event time from its latest record on: then it is forgotten, and nothing is taken
   * back any more.
   */
  readonly ttl: TimeToLive
}

/** The same, whatever the rows. */
type AnyTopNOptions = Omit<TopNOptions<object>, 'by'> & { readonly by: string }

export function topNOf<Row>(of: KeyedInput, n: number, options: AnyTopNOptions): Stream<Row> {
  const { by, order = 'desc', ties = 'earlier', rank, ttl } = options
  const { keys, traits } = of
  requireAppendOnly('topN()', traits)
  if (!Number.isSafeInteger(n) || n < 1) throw wrongOption('n', n, 'a whole number from 1 on')
  if (order !== 'asc' && order !== 'desc') throw wrongOption('order', order, "'asc' or 'desc'")
  if (ties !== 'earlier' && ties !== 'all') throw wrongOption('ties', ties, "'earlier' or 'all'")
  checkKnownField('topN', by, traits.fields)
  const type = traits.schema?.field(by).type
  if (type !== undefined && !isRankable(type)) {
    throw new SabotError('TYPE_MISMATCH', `topN() ranks by ${by}, whose values have no order`, { field: by })
  }
  if (rank !== undefined && traits.fields?.includes(rank) === true) {
    throw new SabotError('DUPLICATE_FIELD', `topN() adds a field ${rank}, which the records have already`, {
      field: rank,
    })
  }
  const ttlMs = timeToLive('topN()', of, ttl)
  const tied = ties === 'all' ? ' and their equals' : ''
  const which = `${order === 'desc' ? 'highest' : 'lowest'} by ${by}${tied}`
  return ranked(of, 'top-n', `the ${n} ${which} of each ${keys.join(', ')}`, {
    ...{ keys, n, by: { field: by }, order, ties, updates: false, rankField: rank, ttlMs },
  })
}

function ranked<Row>(
  { graph, input, traits, keys }: KeyedInput,
  kind: string,
  description: string,
  settings: TopNSettings,
): Stream<Row> {
  const { n, by, order, ties, updates, rankField, ttlMs } = settings
  const schema = traits.schema && rankedSchema(traits.schema, rankField)
  const field = typeof by === 'object' ? by.field : null
  const node = graph.add({
    kind,
    description: `${description}${within(ttlMs)}`,
    inputs: [{ ...input, hashOf: keys }],
    role: { kind: 'operator', create: topNOperator(settings) },
    settings: {
      ...{ keys, n, by: field, order, ties, updates },
      ...(by === 'arrival' && traits.isTimed ? { arrival: true } : {}),
      ...(rankField === undefined ? {} : { rank: rankField }),
      ...(Number.isFinite(ttlMs) ? { ttlMs } : {}),
    },
    schema,
  })
  const fields = rankField === undefined ? traits.fields : traits.fields && [...traits.fields, rankField]
  return new Stream<Row>(graph, node, { ...traits, fields, schema, isChangelog: true })
}

export interface MissingEventOptions<Row> {
  /** Whether something is expected to follow a record. */
  readonly start: (row: Row) => boolean
  /** Whether a record is what was expected. */
  readonly expected: (row: Row) => boolean
  /** How long after the record, in event time. */
  readonly within: Duration
}

export function missingEvents<Row>(
  { graph, input, traits, keys }: KeyedInput,
  { start, expected, within }: MissingEventOptions<Row>,
): MissingEvents<Simplified<Row & { readonly deadline: number }>, Row> {
  requireAppendOnly('missingEvent()', traits)
  const { schema } = traits
  if (!traits.isTimed) {
    throw new SabotError('NO_TIMESTAMPS', 'missingEvent() needs event time: call withTimestamps(...) before keyBy(...)')
  }
  if (schema === undefined) {
    throw new SabotError('SCHEMA_UNKNOWN', 'missingEvent() needs to know the fields: give map() or select() a schema')
  }
  const withinMs = parseDuration(within)
  const out = missingEventSchema(schema)
  const node = graph.add({
    kind: 'missing-event',
    description: `records that nothing expected follows within ${formatDuration(withinMs)}`,
    inputs: [{ ...input, hashOf: keys }],
    role: {
      kind: 'operator',
      create: missingEventOperator({
        keys,
        schema,
        start: start as (row: unknown) => boolean,
        expected: expected as (row: unknown) => boolean,
        withinMs,
      }),
    },
    settings: { keys, withinMs },
    schema: out,
  })
  return new MissingEvents(graph, node, { isTimed: true, fields: out.names, schema: out }, traits)
}

function wrongOption(option: string, value: unknown, expected: string): SabotError {
  return new SabotError('INVALID_OPTION', `${option} is ${expected}, not ${describeValue(value)}`, { option, value })
}
