import { SabotError } from '../core/errors.js'
import { isKernelCall } from '../operators/aggregates/kernel-functions.js'
import type { JoinType } from '../operators/joins/join-type.js'
import { windowAggregateOperator } from '../operators/window-aggregate.js'
import {
  describeAggregate,
  type NamedAggregate,
  WINDOW_END,
  WINDOW_START,
  windowResultSchema,
} from '../operators/window-results.js'
import type { Aggregates, WindowResult } from './aggregates.js'
import { requireAppendOnly } from './changelog.js'
import { checkKnownField } from './fields.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import type { Joined } from './join-projection.js'
import { type IntervalJoinOptions, intervalJoined, type JoinInput } from './joins.js'
import { deduplicated } from './keyed-operators.js'
import type { FieldOf } from './projection.js'
import { type Stream, type StreamTraits, WindowedResults } from './stream.js'
import type { WindowAssigner } from './windowing.js'

/** A stream partitioned by key. */
export class KeyedStream<Row, Key extends FieldOf<Row>> {
  private readonly graph: GraphBuilder
  private readonly input: NodeInput
  private readonly traits: StreamTraits
  private readonly keys: readonly Key[]

  constructor(graph: GraphBuilder, input: NodeInput, traits: StreamTraits, keys: readonly Key[]) {
    this.graph = graph
    this.input = input
    this.traits = traits
    this.keys = keys
  }

  /**
   * Groups the records of each key into windows of event time.
   * @throws SabotError NO_TIMESTAMPS when event time is not assigned.
   */
  window(assigner: WindowAssigner): WindowedStream<Row, Key> {
    requireAppendOnly('window()', this.traits)
    if (!this.traits.isTimed) {
      throw new SabotError('NO_TIMESTAMPS', 'window() needs event time: call withTimestamps(...) before keyBy(...)')
    }
    return new WindowedStream<Row, Key>(this.graph, this.input, this.traits, this.keys, assigner)
  }

  /**
   * Keeps the first record of each key, in the order of arrival. A key is remembered for good.
   * @throws SabotError CHANGELOG_INPUT
   */
  deduplicate(): Stream<Row> {
    return deduplicated<Row>(this.graph, this.input, this.traits, this.keys)
  }

  /**
   * Pairs each record with those of `right` that have the same key and whose event time is near:
   * right time - left time is between `from` and `to`. A pair carries the larger of the two times. Null is a key.
   * @throws SabotError JOIN_UNBOUNDED, NO_TIMESTAMPS, CHANGELOG_INPUT, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION,
   *   SCHEMA_UNKNOWN
   */
  intervalJoin<Right, RightKey extends FieldOf<Right>, const Type extends JoinType = 'inner'>(
    right: KeyedStream<Right, RightKey>,
    options: IntervalJoinOptions<Type>,
  ): Joined<Row, Right, Type> {
    return intervalJoined<Row, Right, Type>(this.asJoinInput(), right.asJoinInput(), options)
  }

  private asJoinInput(): JoinInput {
    const { graph, input, traits, keys } = this
    return { graph, input, traits, keys }
  }
}

/** A keyed stream in windows. */
export class WindowedStream<Row, Key extends FieldOf<Row>> {
  private readonly graph: GraphBuilder
  private readonly input: NodeInput
  private readonly traits: StreamTraits
  private readonly keys: readonly Key[]
  private readonly assigner: WindowAssigner

  constructor(
    graph: GraphBuilder,
    input: NodeInput,
    traits: StreamTraits,
    keys: readonly Key[],
    assigner: WindowAssigner,
  ) {
    this.graph = graph
    this.input = input
    this.traits = traits
    this.keys = keys
    this.assigner = assigner
  }

  /**
   * One row for each key and window that has records, when the watermark has passed the window's last millisecond.
   * @throws SabotError UNKNOWN_FIELD, DUPLICATE_FIELD, TYPE_MISMATCH (a field that is not numeric), EMPTY_AGGREGATE
   */
  aggregate<const A extends Aggregates<Row>>(aggregates: A): WindowedResults<WindowResult<Row, Key, A>, Row> {
    const named = Object.entries(aggregates).map(([name, aggregate]): NamedAggregate => {
      return { ...aggregate, name }
    })
    this.check(named)
    const { keys, assigner, input } = this
    const schema = this.traits.schema && windowResultSchema(this.traits.schema, keys, named)
    const names = [...keys, WINDOW_START, WINDOW_END, ...named.map(({ name }) => name)]
    const node = this.graph.add({
      kind: 'window-aggregate',
      description: `${assigner.description} by ${keys.join(', ')}: ${named.map(describeAggregate).join(', ')}`,
      inputs: [{ ...input, hashOf: keys }],
      role: {
        kind: 'operator',
        create: windowAggregateOperator({ keys, geometry: assigner.geometry, aggregates: named }),
      },
      settings: { keys, ...assigner.geometry, aggregates: named.map(describeAggregate) },
      schema,
    })
    return new WindowedResults(this.graph, node, { isTimed: true, fields: names, schema }, this.traits)
  }

  private check(named: readonly NamedAggregate[]): void {
    if (named.length === 0) throw new SabotError('EMPTY_AGGREGATE', 'aggregate() needs at least one aggregate')
    const { keys, traits } = this
    const names = new Set<string>([...keys, WINDOW_START, WINDOW_END])
    if (names.size < keys.length + 2) {
      throw new SabotError(
        'DUPLICATE_FIELD',
        `A key named ${WINDOW_START} or ${WINDOW_END} hides the window's bounds: rename it with select()`,
      )
    }
    const hosted = named.find(aggregate => !isKernelCall(aggregate))
    if (hosted !== undefined) {
      throw new SabotError(
        'INVALID_OPTION',
        `aggregate() asks for ${describeAggregate(hosted)}: these windows compute count, sum, min, max and mean only`,
        { aggregate: hosted.name, function: hosted.function },
      )
    }
    for (const { name, field, by } of named) {
      if (names.has(name)) {
        throw new SabotError(
          'DUPLICATE_FIELD',
          `aggregate() names ${name} twice: keys and window bounds are in the result already`,
          { field: name },
        )
      }
      names.add(name)
      if (field !== undefined) checkKnownField('aggregate', field, traits.fields)
      if (by !== undefined) checkKnownField('aggregate', by, traits.fields)
    }
  }
}
