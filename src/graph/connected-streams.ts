/* Two streams that one process function reads. KeyedStream.connect makes them. */
import { SabotError } from '../core/errors.js'
import type { RowOf, SchemaShape } from '../core/types.js'
import type { FiredTimer } from '../operators/process/process-settings.js'
import type { StateDescriptors } from '../operators/process/state-descriptors.js'
import {
  type BroadcastContext,
  type KeyedContext,
  type KeyedProcessOptions,
  type NoSides,
  type NoState,
  type ProcessInput,
  processed,
  type SideShapes,
} from './process.js'
import type { ProcessResults } from './stream.js'

/** Of two inputs, since their records are of two types, there are no dead letters. */
interface ConnectedOptions<State extends StateDescriptors, Sides extends SideShapes>
  extends Omit<KeyedProcessOptions<State, Sides>, 'errors'> {
  /** What becomes of a record on which a function throws: 'fail' (the default), or 'skip' (counted: `failed`). */
  readonly errors?: 'fail' | 'skip'
}

/** A process function of two keyed streams, which share state and timers by key. */
export interface TwoInputProcessFunction<
  Left,
  Right,
  Key,
  State extends StateDescriptors,
  Sides extends SideShapes,
  Out extends SchemaShape,
> extends ConnectedOptions<State, Sides> {
  readonly onLeft: (row: Left, context: KeyedContext<Key, State, Out, Sides>) => void
  readonly onRight: (row: Right, context: KeyedContext<Key, State, Out, Sides>) => void
  readonly onTimer?: (timer: FiredTimer, context: KeyedContext<Key, State, Out, Sides>) => void
}

/** A process function of a keyed stream and a broadcast one. */
export interface BroadcastProcessFunction<
  Row,
  Rule,
  Key,
  State extends StateDescriptors,
  Broadcast extends StateDescriptors,
  Sides extends SideShapes,
  Out extends SchemaShape,
> extends ConnectedOptions<State, Sides> {
  /** State that every subtask has whole; only `onBroadcast` writes it. */
  readonly broadcast: Broadcast
  readonly onRecord: (row: Row, context: KeyedContext<Key, State, Out, Sides, Broadcast>) => void
  /** Must do the same in every subtask: it sees all broadcast records, in one order. */
  readonly onBroadcast: (row: Rule, context: BroadcastContext<Key, State, Broadcast, Out, Sides>) => void
  readonly onTimer?: (timer: FiredTimer, context: KeyedContext<Key, State, Out, Sides, Broadcast>) => void
}

type Input = Omit<ProcessInput, 'handle'>

/** Two streams keyed alike. */
export class ConnectedStreams<Left, Right, Key> {
  private readonly left: Input
  private readonly right: Input

  /** @throws SabotError CONNECT_KEYS */
  constructor(left: Input, right: Input) {
    if (left.keys?.length !== right.keys?.length) {
      throw new SabotError(
        'CONNECT_KEYS',
        `connect() needs as many keys on both sides: ${left.keys?.join(', ')} are not ${right.keys?.join(', ')}`,
        { left: left.keys, right: right.keys },
      )
    }
    this.left = left
    this.right = right
  }

  /**
   * Runs functions over the records of both sides. The watermark is the smaller of the two.
   * @throws SabotError CHANGELOG_INPUT, NO_TIMESTAMPS, INVALID_OPTION
   */
  process<
    const Out extends SchemaShape,
    State extends StateDescriptors = NoState,
    const Sides extends SideShapes = NoSides,
  >(
    functions: TwoInputProcessFunction<Left, Right, Key, State, Sides, Out>,
    shape: Out,
  ): ProcessResults<RowOf<Out>, never, Sides> {
    const { onLeft, onRight, ...rest } = functions
    const inputs = [
      { ...this.left, handle: onLeft },
      { ...this.right, handle: onRight },
    ]
    return processed({ ...rest, method: 'process()', inputs, shape })
  }
}

/** A keyed stream, and one whose records go to every subtask. */
export class BroadcastConnectedStreams<Row, Rule, Key> {
  private readonly keyed: Input
  private readonly broadcast: Input

  constructor(keyed: Input, broadcast: Input) {
    this.keyed = keyed
    this.broadcast = broadcast
  }

  /**
   * Runs functions over the records of the keyed stream, which read the broadcast state, and over the broadcast
   * records, which write it.
   * @throws SabotError CHANGELOG_INPUT, NO_TIMESTAMPS, INVALID_OPTION
   */
  process<
    const Out extends SchemaShape,
    Broadcast extends StateDescriptors,
    State extends StateDescriptors = NoState,
    const Sides extends SideShapes = NoSides,
  >(
    functions: BroadcastProcessFunction<Row, Rule, Key, State, Broadcast, Sides, Out>,
    shape: Out,
  ): ProcessResults<RowOf<Out>, never, Sides> {
    const { onRecord, onBroadcast, broadcast, ...rest } = functions
    for (const [name, { ttl }] of Object.entries(broadcast)) {
      if (ttl === undefined) continue
      throw new SabotError('INVALID_OPTION', `Broadcast state ${name} has a ttl: it lasts until a record clears it`, {
        state: name,
      })
    }
    const inputs = [
      { ...this.keyed, handle: onRecord },
      { ...this.broadcast, handle: onBroadcast },
    ]
    return processed({ ...rest, method: 'process()', broadcastState: broadcast, inputs, shape })
  }
}
