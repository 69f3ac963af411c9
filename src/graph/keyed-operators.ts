/* Ready operators over keyed streams. KeyedStream delegates to them. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { deduplicateOperator } from '../operators/keyed/deduplicate.js'
import { type TopNSettings, topNOperator } from '../operators/keyed/top-n.js'
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

export interface DeduplicateOptions {
  /**
   * 'first' (the default): the first record of each key in the order of arrival. 'last': the one with the highest event
   * time, or without event time the one that came last; a changelog, in which a newer record updates the older.
   */
  readonly keep?: 'first' | 'last'
  /**
   * How long a key is remembered, in event time from its first record on: when the watermark has passed that, the next
   * record of the key is a first one again. Without it keys are remembered for good, and state grows with them.
   */
  readonly ttl?: Duration
}

export function deduplicated<Row>(of: KeyedInput, { keep = 'first', ttl }: DeduplicateOptions): Stream<Row> {
  const { graph, input, traits, keys } = of
  requireAppendOnly('deduplicate()', traits)
  if (keep !== 'first' && keep !== 'last') throw wrongOption('keep', keep, "'first' or 'last'")
  if (keep === 'last') {
    if (ttl !== undefined) throw wrongOption('ttl', ttl, "for keep: 'first'; a last record is kept for good")
    const by = { keys, n: 1, by: undefined, order: 'desc', ties: 'later', updates: true } as const
    return ranked<Row>(of, 'deduplicate', `the last record of each ${keys.join(', ')}`, by)
  }
  const ttlMs = ttl === undefined ? Number.POSITIVE_INFINITY : parseDuration(ttl)
  if (ttl !== undefined && !traits.isTimed) {
    throw new SabotError('NO_TIMESTAMPS', 'deduplicate() with a ttl needs event time: call withTimestamps(...) first')
  }
  const within = ttl === undefined ? '' : ` within ${formatDuration(ttlMs)}`
  const node = graph.add({
    kind: 'deduplicate',
    description: `the first record of each ${keys.join(', ')}${within}`,
    inputs: [{ ...input, hashOf: keys }],
    role: { kind: 'operator', create: deduplicateOperator({ keys, ttlMs }) },
    settings: { keys, ttlMs: ttl === undefined ? null : ttlMs },
    schema: traits.schema,
  })
  return new Stream<Row>(graph, node, traits)
}

export interface TopNOptions<Row> {
  /** The field that ranks the records. */
  readonly by: FieldOf<Row>
  /** 'desc' (the default): the highest first. Null and NaN come last in both. */
  readonly order?: 'asc' | 'desc'
}

export function topNOf<Row>(of: KeyedInput, n: number, { by, order = 'desc' }: TopNOptions<Row>): Stream<Row> {
  requireAppendOnly('topN()', of.traits)
  if (!Number.isSafeInteger(n) || n < 1) throw wrongOption('n', n, 'a whole number from 1 on')
  if (order !== 'asc' && order !== 'desc') throw wrongOption('order', order, "'asc' or 'desc'")
  checkKnownField('topN', by, of.traits.fields)
  const description = `the ${n} ${order === 'desc' ? 'highest' : 'lowest'} by ${by} of each ${of.keys.join(', ')}`
  return ranked(of, 'top-n', description, { keys: of.keys, n, by, order, ties: 'earlier', updates: false })
}

function ranked<Row>(
  { graph, input, traits, keys }: KeyedInput,
  kind: string,
  description: string,
  settings: TopNSettings,
): Stream<Row> {
  const { n, by = null, order, ties, updates } = settings
  const node = graph.add({
    kind,
    description,
    inputs: [{ ...input, hashOf: keys }],
    role: { kind: 'operator', create: topNOperator(settings) },
    settings: { keys, n, by, order, ties, updates },
    schema: traits.schema,
  })
  return new Stream<Row>(graph, node, { ...traits, isChangelog: true })
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
