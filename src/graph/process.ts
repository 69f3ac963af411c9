/* Process functions in the graph, and their types. KeyedStream, Stream and ConnectedStreams delegate to it. */
import { SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import type { RowOf, SchemaShape } from '../core/types.js'
import type { Timers } from '../operators/process/process-context.js'
import { processOperator } from '../operators/process/process-operator.js'
import type { FiredTimer, Handler, ProcessInputSettings } from '../operators/process/process-settings.js'
import type { StateDescriptors, StatesOf } from '../operators/process/state-descriptors.js'
import type { ErrorPolicy } from '../operators/user-function.js'
import { requireAppendOnly } from './changelog.js'
import { checkErrorPolicy } from './error-policy.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import type { FieldOf, Simplified } from './projection.js'
import { ProcessResults, type StreamTraits } from './stream.js'

/** Shapes of side outputs by name. */
export interface SideShapes {
  readonly [name: string]: SchemaShape
}

type IsUnion<T, Whole = T> = T extends Whole ? ([Whole] extends [T] ? false : true) : never

/** The key of a record: its value, or an object of the fields where there are several. */
export type KeyOf<Row, Key extends FieldOf<Row>> = IsUnion<Key> extends true ? Simplified<Pick<Row, Key>> : Row[Key]

/** What every process function sees. Valid during the call only. */
export interface OutputContext<Out extends SchemaShape, Sides extends SideShapes> {
  /** Event time of the record or timer, ms; in a processing-time timer the highest that was seen. */
  readonly timestamp: number
  /** The watermark in force, ms; -Infinity before the first. */
  readonly watermark: number
  /** ms since the epoch, by the clock of the machine. */
  readonly processingTime: number
  /** Puts a record out, with `timestamp` as its event time. */
  emit(row: RowOf<Out>): void
  /** Puts a record out to a side output. */
  side<Name extends keyof Sides & string>(name: Name, row: RowOf<Sides[Name]>): void
}

/** What a process function of a keyed stream sees. Valid during the call only. */
export interface KeyedContext<
  Key,
  State extends StateDescriptors,
  Out extends SchemaShape,
  Sides extends SideShapes,
  Broadcast extends StateDescriptors = NoState,
> extends OutputContext<Out, Sides> {
  readonly key: Key
  /** The states of this key. */
  readonly state: StatesOf<State>
  /** The broadcast states: to be read here, since only the broadcast input writes them. */
  readonly broadcast: ReadableStates<StatesOf<Broadcast>>
  readonly timers: Timers
}

/** The methods of states that change nothing. */
export type ReadableStates<States> = {
  readonly [Name in keyof States]: Omit<States[Name], 'set' | 'add' | 'delete' | 'clear'>
}

/** What a function of broadcast records sees. */
export interface BroadcastContext<
  Key,
  State extends StateDescriptors,
  Broadcast extends StateDescriptors,
  Out extends SchemaShape,
  Sides extends SideShapes,
> extends OutputContext<Out, Sides> {
  readonly broadcast: StatesOf<Broadcast>
  /** Visits the states of every key that this subtask holds. */
  forEachKey(callback: (key: Key, state: StatesOf<State>) => void): void
}

export type NoState = Record<never, never>
export type NoSides = Record<never, never>

/** What process functions of all kinds declare. */
export interface ProcessOptions<Sides extends SideShapes> {
  /** Side outputs and the shapes of their records; `results.side(name)` is the stream. */
  readonly side?: Sides
  /**
   * What becomes of a record on which a function throws: 'fail' ends the job and names operator and record (the
   * default), 'skip' counts it (`failed`), 'deadLetter' counts it and sends it to `results.deadLetters`. What the call
   * emitted is void; what it changed in state stays. A timer has no record: with 'skip' it is counted (`failed-timer`),
   * else it ends the job.
   */
  readonly errors?: ErrorPolicy
}

export interface KeyedProcessOptions<State extends StateDescriptors, Sides extends SideShapes>
  extends ProcessOptions<Sides> {
  /** Keyed state by name. */
  readonly state?: State
  /** Names of states that a checkpoint may hold and that are given up. */
  readonly discard?: readonly string[]
}

/** A process function of a keyed stream. */
export interface KeyedProcessFunction<
  Row,
  Key,
  State extends StateDescriptors,
  Sides extends SideShapes,
  Out extends SchemaShape,
> extends KeyedProcessOptions<State, Sides> {
  readonly onRecord: (row: Row, context: KeyedContext<Key, State, Out, Sides>) => void
  readonly onTimer?: (timer: FiredTimer, context: KeyedContext<Key, State, Out, Sides>) => void
}

/** A process function of a stream without keys: it has no state and no timers. */
export interface ProcessFunction<Row, Sides extends SideShapes, Out extends SchemaShape> extends ProcessOptions<Sides> {
  readonly onRecord: (row: Row, context: OutputContext<Out, Sides>) => void
}

/** An input of a process function. */
export interface ProcessInput {
  readonly graph: GraphBuilder
  readonly input: NodeInput
  readonly traits: StreamTraits
  /** undefined: a stream without keys; with others, the broadcast one. */
  readonly keys: readonly string[] | undefined
  readonly handle: (row: never, context: never) => unknown
}

export interface ProcessNode {
  readonly method: string
  readonly inputs: readonly ProcessInput[]
  readonly state?: StateDescriptors
  readonly broadcastState?: StateDescriptors
  readonly discard?: readonly string[]
  readonly onTimer?: ((timer: FiredTimer, context: never) => unknown) | undefined
  readonly side?: SideShapes
  readonly errors?: ErrorPolicy
  readonly shape: SchemaShape
}

/** @throws SabotError CHANGELOG_INPUT, NO_TIMESTAMPS, INVALID_OPTION, DUPLICATE_FIELD */
export function processed<Result, Row, Sides>(of: ProcessNode): ProcessResults<Result, Row, Sides> {
  const { method, inputs, state = {}, broadcastState = {}, discard = [], side = {}, errors = 'fail' } = of
  const [first] = inputs
  if (first === undefined) throw new TypeError(`${method} has no input`)
  const isTimed = inputs.every(({ traits }) => traits.isTimed)
  check(of, isTimed, errors)
  const schema = Schema.of(of.shape)
  const keys = inputs.map(({ keys }) => keys ?? null)
  const described = [...Object.keys(state), ...Object.keys(broadcastState)]
  const node = first.graph.add({
    kind: 'process',
    description: described.length === 0 ? 'process' : `process with state ${described.join(', ')}`,
    inputs: inputs.map(({ input, keys }) => nodeInput(input, keys, inputs.length > 1)),
    role: {
      kind: 'operator',
      create: processOperator({
        inputs: inputs.map(({ keys, handle }): ProcessInputSettings => ({ keys, handle: handle as Handler })),
        state,
        broadcastState,
        discard,
        onTimer: of.onTimer as Handler<FiredTimer> | undefined,
        schema,
        sides: new Map(Object.entries(side).map(([name, shape]) => [name, Schema.of(shape)])),
        errors,
      }),
    },
    settings: { keys },
    schema,
  })
  return new ProcessResults(first.graph, node, { isTimed, fields: schema.names, schema }, first.traits, errors, side)
}

function nodeInput(input: NodeInput, keys: readonly string[] | undefined, isOneOfMany: boolean): NodeInput {
  if (keys !== undefined) return { ...input, hashOf: keys }
  return isOneOfMany ? { ...input, partition: 'broadcast' } : input
}

function check({ method, inputs, state = {}, shape }: ProcessNode, isTimed: boolean, errors: ErrorPolicy): void {
  for (const { traits } of inputs) requireAppendOnly(method, traits)
  if (shape === undefined) throw new TypeError(`${method} needs the shape of the records that it emits`)
  for (const { traits } of inputs) checkErrorPolicy(errors, traits.fields)
  for (const [name, { ttl }] of Object.entries(state)) {
    if (ttl?.time !== 'event' || isTimed) continue
    throw new SabotError('NO_TIMESTAMPS', `State ${name} lives by event time: call withTimestamps(...) first`, {
      state: name,
    })
  }
}
