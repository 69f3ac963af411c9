import type { RowOf, SchemaShape } from '../core/types.js'
import type { TimeWindow } from '../core/window-geometry.js'
import type { CoGroupFunction } from '../operators/joins/co-group.js'
import type { JoinType } from '../operators/joins/join-type.js'
import type { StateDescriptors } from '../operators/process/state-descriptors.js'
import { requireAppendOnly } from './changelog.js'
import { BroadcastConnectedStreams, ConnectedStreams } from './connected-streams.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import type { EnrichedRows, Joined, WindowJoined } from './join-projection.js'
import {
  coGrouped,
  type IntervalJoinOptions,
  intervalJoined,
  type JoinInput,
  type WindowJoinOptions,
  windowJoined,
} from './joins.js'
import {
  type DeduplicateOptions,
  deduplicated,
  type MissingEventOptions,
  missingEvents,
  type TopNOptions,
  topNOf,
} from './keyed-operators.js'
import {
  type KeyedProcessFunction,
  type KeyOf,
  type NoSides,
  type NoState,
  processed,
  type SideShapes,
} from './process.js'
import type { FieldOf, Simplified } from './projection.js'
import { type NamedWindows, SeveralWindows } from './several-windows.js'
import type { JoinResults, MissingEvents, ProcessResults, Stream, StreamTraits } from './stream.js'
import { type SuppressOptions, suppressed } from './suppress.js'
import {
  type AsOfJoinOptions,
  asOfJoined,
  type EnrichOptions,
  enriched,
  type RegularJoinOptions,
  regularJoined,
  type TemporalJoinOptions,
  temporalJoined,
} from './table-joins.js'
import { type WindowedStream, windowed } from './window-builder.js'
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
   * Groups the records of each key into windows.
   * @throws SabotError NO_TIMESTAMPS when windows go by event time, which is not assigned; CHANGELOG_INPUT
   */
  window<Bounded extends boolean>(assigner: WindowAssigner<Row, Bounded>): WindowedStream<Row, Key, Bounded> {
    requireAppendOnly('window()', this.traits)
    return windowed(this.graph, this.input, this.traits, this.keys, assigner)
  }

  /**
   * Groups the records of each key into windows of several kinds at once: `windows({ minute: tumbling('1m'), hour:
   * tumbling('1h') })`.
   * @throws SabotError INVALID_NAME, CHANGELOG_INPUT
   */
  windows<const Windows extends NamedWindows<Row>>(windows: Windows): SeveralWindows<Row, Key, Windows> {
    requireAppendOnly('windows()', this.traits)
    return new SeveralWindows(this.graph, this.input, this.traits, this.keys, windows)
  }

  /**
   * Keeps the first record of each key, in the order of arrival; the others are counted (`duplicate`). Or the first in
   * event time, or the last, as a changelog: Flink SQL's ROW_NUMBER() ... = 1.
   * @throws SabotError CHANGELOG_INPUT, INVALID_OPTION; NO_TIMESTAMPS for a ttl without event time
   */
  deduplicate(options: DeduplicateOptions = {}): Stream<Row> {
    return deduplicated<Row>(this.asJoinInput(), options)
  }

  /**
   * The n best records of each key by a field, as a changelog: a record that gets among them is inserted, the one that
   * it pushes out is deleted before. With `rank` each result shows its rank, and ranks that change are updates.
   * @throws SabotError CHANGELOG_INPUT, INVALID_OPTION, UNKNOWN_FIELD, DUPLICATE_FIELD, TYPE_MISMATCH; NO_TIMESTAMPS for
   *   a ttl without event time
   */
  topN<const Rank extends string>(
    n: number,
    options: TopNOptions<Row, Rank> & { readonly rank: Rank },
  ): Stream<Simplified<Row & { readonly [F in Rank]: number }>>
  topN(n: number, options: TopNOptions<Row, undefined>): Stream<Row>
  topN(n: number, options: TopNOptions<Row>): Stream<unknown> {
    return topNOf<unknown>(this.asJoinInput(), n, options)
  }

  /**
   * Holds updates back and puts out what several of one key come to: the last one, or nothing where a row was inserted
   * and deleted meanwhile. The fields of `keyBy` name a row: each key has one at a time. Of a stream of inserts it is the
   * newest record of each key.
   *
   * By event time an update comes out when the watermark has passed the wait, and the watermark is handed on later by
   * it. What is left comes out when the input ends.
   * @throws SabotError INVALID_OPTION, INVALID_DURATION, NO_TIMESTAMPS; SUPPRESS_FULL when the job runs
   */
  suppress(options: SuppressOptions): Stream<Row> {
    return suppressed<Row>(this.asJoinInput(), options)
  }

  /**
   * The records that nothing expected has followed within a time, with their `deadline`: for each record where `start`
   * is true, one where `expected` is true must come for the same key, later in event time and within `within` of it.
   * The order of arrival does not matter, as long as records are not late.
   * @throws SabotError CHANGELOG_INPUT, NO_TIMESTAMPS, SCHEMA_UNKNOWN, DUPLICATE_FIELD
   */
  missingEvent(options: MissingEventOptions<Row>): MissingEvents<Simplified<Row & { readonly deadline: number }>, Row> {
    return missingEvents<Row>(this.asJoinInput(), options)
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

  /**
   * Runs functions over the records and timers of each key, with state of the key. `shape` declares what they emit.
   *
   * Event-time timers fire in the order of time when the watermark reaches them, before the next record is processed;
   * one that is registered for a time that has passed fires at once.
   * @throws SabotError CHANGELOG_INPUT, NO_TIMESTAMPS, INVALID_OPTION
   */
  process<
    const Out extends SchemaShape,
    State extends StateDescriptors = NoState,
    const Sides extends SideShapes = NoSides,
  >(
    functions: KeyedProcessFunction<Row, KeyOf<Row, Key>, State, Sides, Out>,
    shape: Out,
  ): ProcessResults<RowOf<Out>, Row, Sides> {
    const { onRecord: handle, ...rest } = functions
    return processed({ ...rest, method: 'process()', inputs: [{ ...this.asJoinInput(), handle }], shape })
  }

  /**
   * When a window fires, pairs each of its records with each of those of `right` that have the same key: tumbling,
   * sliding and calendar windows, and sessions over both sides. Null is a key.
   * @throws SabotError NO_TIMESTAMPS, CHANGELOG_INPUT, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION, SCHEMA_UNKNOWN
   */
  windowJoin<Right, RightKey extends FieldOf<Right>, const Type extends JoinType = 'inner'>(
    right: KeyedStream<Right, RightKey>,
    window: WindowAssigner<unknown, true>,
    options: WindowJoinOptions<Type> = {},
  ): WindowJoined<Row, Right, Type> {
    return windowJoined<Row, Right, Type>(this.asJoinInput(), right.asJoinInput(), window, options)
  }

  /**
   * When a window fires, calls a function with all records of each key that has any in it, on either side; it gives any
   * number of records. The schema is declared by `shape`, or inferred from the first records.
   * @throws SabotError as windowJoin
   */
  coGroup<Right, RightKey extends FieldOf<Right>, const Shape extends SchemaShape>(
    right: KeyedStream<Right, RightKey>,
    window: WindowAssigner<unknown, true>,
    transform: (left: readonly Row[], right: readonly Right[], window: TimeWindow) => Iterable<RowOf<Shape>>,
    shape: Shape,
  ): JoinResults<RowOf<Shape>, Row, Right>
  coGroup<Right, RightKey extends FieldOf<Right>, Out extends object>(
    right: KeyedStream<Right, RightKey>,
    window: WindowAssigner<unknown, true>,
    transform: (left: readonly Row[], right: readonly Right[], window: TimeWindow) => Iterable<Out>,
  ): JoinResults<Out, Row, Right>
  coGroup<Right, RightKey extends FieldOf<Right>, Out>(
    right: KeyedStream<Right, RightKey>,
    window: WindowAssigner<unknown, true>,
    transform: (left: readonly never[], right: readonly never[], window: TimeWindow) => Iterable<object>,
    shape?: SchemaShape,
  ): JoinResults<Out, Row, Right> {
    return coGrouped(this.asJoinInput(), right.asJoinInput(), window, transform as CoGroupFunction, shape)
  }

  /**
   * This stream and another for one process function: a stream keyed by as many fields of the same types, whose records
   * meet those of the same key, or a stream without keys, whose records are broadcast to all keys.
   * @throws SabotError CONNECT_KEYS
   */
  connect<Right, RightKey extends FieldOf<Right>>(
    right: KeyedStream<Right, RightKey>,
  ): ConnectedStreams<Row, Right, KeyOf<Row, Key>>
  connect<Rule>(broadcast: Stream<Rule>): BroadcastConnectedStreams<Row, Rule, KeyOf<Row, Key>>
  connect<Other, OtherKey extends FieldOf<Other>>(
    other: KeyedStream<Other, OtherKey> | Stream<Other>,
  ): ConnectedStreams<Row, Other, KeyOf<Row, Key>> | BroadcastConnectedStreams<Row, Other, KeyOf<Row, Key>> {
    if (other instanceof KeyedStream) return new ConnectedStreams(this.asJoinInput(), other.asJoinInput())
    return new BroadcastConnectedStreams(this.asJoinInput(), other.asBroadcast())
  }

  /**
   * Pairs each record with the one of `right` that has the same key and is nearest in time, before it, behind it or
   * either. A result carries the time of the left record. Null is a key.
   * @throws SabotError JOIN_UNBOUNDED, NO_TIMESTAMPS, CHANGELOG_INPUT, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION,
   *   SCHEMA_UNKNOWN
   */
  asOfJoin<Right, RightKey extends FieldOf<Right>, const Type extends 'inner' | 'left' = 'inner'>(
    right: KeyedStream<Right, RightKey>,
    options: AsOfJoinOptions<Type>,
  ): Joined<Row, Right, Type> {
    return asOfJoined<Row, Right, Type>(this.asJoinInput(), right.asJoinInput(), options)
  }

  /**
   * Pairs each record with the version of a table that is valid at its time. `table` is keyed by the table's primary
   * key; each of its records is a version, valid from its event time until the next of that key; in a changelog a
   * deletion ends the last version. The last version of each key is kept for good.
   * @throws SabotError NO_TIMESTAMPS, CHANGELOG_INPUT (on this side), JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION,
   *   SCHEMA_UNKNOWN
   */
  temporalJoin<Right, RightKey extends FieldOf<Right>, const Type extends 'inner' | 'left' = 'inner'>(
    table: KeyedStream<Right, RightKey>,
    options: TemporalJoinOptions<Type> = {},
  ): Joined<Row, Right, Type> {
    return temporalJoined<Row, Right, Type>(this.asJoinInput(), table.asJoinInput(), options)
  }

  /**
   * Pairs all records of equal keys, whenever they come, for as long as they are kept. Both sides may be changelogs.
   * With outer sides, and where a side is one, the result is a changelog: rows are taken back. Null is a key.
   * @throws SabotError JOIN_UNBOUNDED, NO_TIMESTAMPS, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION, SCHEMA_UNKNOWN
   */
  join<Right, RightKey extends FieldOf<Right>, const Type extends JoinType = 'inner'>(
    right: KeyedStream<Right, RightKey>,
    options: RegularJoinOptions<Type>,
  ): Joined<Row, Right, Type> {
    return regularJoined<Row, Right, Type>(this.asJoinInput(), right.asJoinInput(), options)
  }

  /**
   * Pairs each record with all of those of a side input that have the same key. The side input must end: it is read to
   * its end first, and records that come before that wait. Neither needs event time. Null is a key.
   * @throws SabotError CHANGELOG_INPUT, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION, SCHEMA_UNKNOWN
   */
  enrich<Side, SideKey extends FieldOf<Side>, const Type extends 'inner' | 'left' = 'inner'>(
    side: KeyedStream<Side, SideKey>,
    options: EnrichOptions<Type> = {},
  ): EnrichedRows<Row, Side, Type> {
    return enriched<Row, Side, Type>(this.asJoinInput(), side.asJoinInput(), options)
  }

  private asJoinInput(): JoinInput {
    const { graph, input, traits, keys } = this
    return { graph, input, traits, keys }
  }
}
