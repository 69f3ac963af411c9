/* Ready operators over keyed streams. KeyedStream delegates to them. */
import { deduplicateOperator } from '../operators/keyed/deduplicate.js'
import { requireAppendOnly } from './changelog.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import { Stream, type StreamTraits } from './stream.js'

export function deduplicated<Row>(
  graph: GraphBuilder,
  input: NodeInput,
  traits: StreamTraits,
  keys: readonly string[],
): Stream<Row> {
  requireAppendOnly('deduplicate()', traits)
  const node = graph.add({
    kind: 'deduplicate',
    description: `the first record of each ${keys.join(', ')}`,
    inputs: [{ ...input, hashOf: keys }],
    role: { kind: 'operator', create: deduplicateOperator(keys) },
    settings: { keys, keep: 'first' },
    schema: traits.schema,
  })
  return new Stream<Row>(graph, node, traits)
}
