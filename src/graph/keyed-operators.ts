/* Ready operators over keyed streams. KeyedStream delegates to them. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { SabotError } from '../core/errors.js'
import { deduplicateOperator } from '../operators/keyed/deduplicate.js'
import { requireAppendOnly } from './changelog.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import { Stream, type StreamTraits } from './stream.js'

/** What a ready operator is built on. */
export interface KeyedInput {
  readonly graph: GraphBuilder
  readonly input: NodeInput
  readonly traits: StreamTraits
  readonly keys: readonly string[]
}

export interface DeduplicateOptions {
  /**
   * How long a key is remembered, in event time from its first record on: when the watermark has passed that, the next
   * record of the key is a first one again. Without it keys are remembered for good, and state grows with them.
   */
  readonly ttl?: Duration
}

export function deduplicated<Row>(of: KeyedInput, { ttl }: DeduplicateOptions): Stream<Row> {
  const { graph, input, traits, keys } = of
  requireAppendOnly('deduplicate()', traits)
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
