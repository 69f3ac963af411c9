import { describeValue, SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import { type ColumnType, fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { changelogOperator, changelogSchema } from '../operators/changelog.js'
import { filterOperator } from '../operators/filter.js'
import { flatMapOperator } from '../operators/flat-map.js'
import { LATE_OUTPUTS } from '../operators/joins/join-type.js'
import { LATE_OUTPUT } from '../operators/kernel-aggregation.js'
import { mapOperator } from '../operators/map.js'
import type { OperatorFactory } from '../operators/operator.js'
import { LATE_STARTS } from '../operators/process/missing-event.js'
import { sideOutput } from '../operators/process/process-output.js'
import { type Computed, selectOperator } from '../operators/select.js'
import type { Sink } from '../operators/sink.js'
import { DEAD_LETTER_OUTPUT, deadLetterSchema, REASON_FIELD } from '../operators/time/dead-letters.js'
import {
  explainLateOperator,
  LATE_FIELDS,
  type LateReason,
  type LateSettings,
  lateSchema,
} from '../operators/time/explain-late.js'
import {
  explainLateRowsOperator,
  JOIN_LATE_FIELDS,
  type JoinLateReason,
  joinLateSchema,
  type LateFrom,
} from '../operators/time/explain-late-rows.js'
import type { IngestionTime, SourceTime, TimestampOrigin } from '../operators/time/timestamp-values.js'
import { timestampsOperator } from '../operators/timestamps.js'
import { unionOperator } from '../operators/union.js'
import type { ErrorPolicy } from '../operators/user-function.js'
import { type AsyncMapOptions, asyncMapped } from './async-map.js'
import { requireAppendOnly } from './changelog.js'
import { checkErrorPolicy, checkFreeReason, type FunctionOptions } from './error-policy.js'
import { checkFreeFields, checkKnownField } from './fields.js'
import type { DraftNode, GraphBuilder, NodeInput } from './graph-builder.js'
import { type Chaining, type EdgePartition, type FieldsRead, MAIN_OUTPUT } from './job-graph.js'
import { KeyedStream } from './keyed-stream.js'
import { type NoSides, type ProcessFunction, type ProcessInput, processed, type SideShapes } from './process.js'
import type { ComputedColumn, FieldOf, Projected, Projection, Simplified } from './projection.js'
import {
  assertOneSource,
  assertOrigin,
  type TimestampOptions,
  timestampReads,
  timestampSettings,
} from './timestamp-options.js'
import { type WindowedStream, windowed } from './window-builder.js'
import type { WindowAssigner } from './windowing.js'

type Partition = Exclude<EdgePartition, object>

/** What is known of a stream before the job runs. */
export interface StreamTraits {
  /** Whether event time is assigned. */
  readonly isTimed: boolean
  /** The field names, where they are known. */
  readonly fields: readonly string[] | undefined
  /** The schema, where it is known. */
  readonly schema: Schema | undefined
  /** Whether rows may take back or replace earlier ones; absent: every row is an insert. */
  readonly isChangelog?: boolean | undefined
}

export interface SinkOptions {
  /** The stable id under which the sink's position is kept. Default: 'sink-1', 'sink-2', ... */
  readonly id?: string
  /** Parallel subtasks, for a sink that can be shared. */
  readonly parallelism?: number
}

/** A stream of records. Its methods describe what happens to them; nothing runs before the job does. */
export class Stream<Row> {
  protected readonly graph: GraphBuilder
  protected readonly node: DraftNode
  protected readonly traits: StreamTraits
  protected readonly output: string
  private readonly partition: Partition

  constructor(
    graph: GraphBuilder,
    node: DraftNode,
    traits: StreamTraits,
    output: string = MAIN_OUTPUT,
    partition: Partition = 'forward',
  ) {
    this.graph = graph
    this.node = node
    this.traits = traits
    this.output = output
    this.partition = partition
  }

  /**
   * Names the operator that made this stream. Its state is found again by this id, so that a changed job can resume.
   * Without it operators are numbered by kind: 'map-1', 'window-1'.
   * @throws SabotError INVALID_NAME, DUPLICATE_ID
   */
  as(id: string): this {
    this.graph.name(this.node, id)
    return this
  }

  /**
   * The number of parallel subtasks of the operator that made this stream. Without it a keyed operator has as many as
   * the job, any other as many as its inputs.
   * @throws SabotError INVALID_PARALLELISM
   */
  parallelism(subtasks: number): this {
    this.graph.hint(this.node, { parallelism: subtasks })
    return this
  }

  /** Whether the operator that made this stream shares a task with its neighbours. @throws SabotError INVALID_OPTION */
  chaining(chaining: Chaining): this {
    this.graph.hint(this.node, { chaining })
    return this
  }

  /**
   * Puts the subtasks of the operator that made this stream, and of what follows it, into slots of their own, which
   * they share with those of the same group only. @throws SabotError INVALID_NAME
   */
  slotSharingGroup(group: string): this {
    this.graph.hint(this.node, { slotSharingGroup: group })
    return this
  }

  /** This stream with its records spread evenly over the subtasks of the operator behind it, in no order. */
  rebalance(): Stream<Row> {
    return new Stream<Row>(this.graph, this.node, this.traits, this.output, 'rebalance')
  }

  /** This stream with every record given to each subtask of the operator behind it. */
  broadcast(): Stream<Row> {
    return new Stream<Row>(this.graph, this.node, this.traits, this.output, 'broadcast')
  }

  /**
   * Assigns event time: from a field (timestamp, or a number of ms), from a function that gives ms, from the source
   * (`sourceTime()`) or the moment of ingestion (`ingestionTime()`). Fractions of a millisecond are cut off. Each split
   * of the source has its own watermark; the stream's is the minimum over those that are not idle.
   * @throws SabotError INVALID_OPTION, INVALID_DURATION, UNKNOWN_FIELD, CHANGELOG_INPUT
   */
  withTimestamps(
    timestamp: FieldOf<Row> | ((row: Row) => number | null) | SourceTime,
    options: TimestampOptions<Row>,
  ): TimestampedStream<Row>
  withTimestamps(timestamp: IngestionTime, options?: TimestampOptions<Row>): TimestampedStream<Row>
  withTimestamps(
    timestamp: FieldOf<Row> | ((row: Row) => number | null) | SourceTime | IngestionTime,
    options: TimestampOptions<Row> = {},
  ): TimestampedStream<Row> {
    if (typeof timestamp === 'string') this.checkField('withTimestamps', timestamp)
    else if (typeof timestamp !== 'function') assertOrigin(timestamp)
    requireAppendOnly('withTimestamps()', this.traits)
    const { settings, description } = timestampSettings(timestamp as TimestampOrigin, options)
    if (settings.alignment !== undefined) assertOneSource(this.node)
    const node = this.graph.add({
      kind: 'timestamps',
      description,
      inputs: [this.asInput()],
      role: { kind: 'operator', create: timestampsOperator(settings) },
      settings: { watermarks: settings.watermarks.kind },
      schema: this.traits.schema,
      reads: timestampReads(settings),
    })
    return new TimestampedStream<Row>(this.graph, node, { ...this.traits, isTimed: true })
  }

  /** Keeps the records for which `predicate` is true. @throws SabotError INVALID_OPTION, DUPLICATE_FIELD */
  filter<Kept extends Row>(predicate: (row: Row) => row is Kept, options?: FunctionOptions): FunctionResults<Kept, Row>
  filter(predicate: (row: Row) => boolean, options?: FunctionOptions): FunctionResults<Row, Row>
  filter(predicate: (row: Row) => boolean, options?: FunctionOptions): FunctionResults<Row, Row> {
    const errors = this.errorPolicy(options)
    const create = filterOperator(predicate as (row: unknown) => boolean, errors)
    const { schema } = this.traits
    const node = this.add({ kind: 'filter', description: `keep where ${nameOf(predicate)}`, create, schema })
    return this.functionResults(node, this.traits, errors)
  }

  /**
   * One record for each record. The schema is declared by `shape`, or inferred from the first records; it is the same
   * for all. For a few computed fields `select` is much faster.
   * @throws SabotError INVALID_OPTION, DUPLICATE_FIELD
   */
  map<const Shape extends SchemaShape>(
    transform: (row: Row) => RowOf<Shape>,
    shape: Shape,
    options?: FunctionOptions,
  ): FunctionResults<RowOf<Shape>, Row>
  map<Out extends object>(transform: (row: Row) => Out): FunctionResults<Out, Row>
  map<Out>(transform: (row: Row) => Out, shape?: SchemaShape, options?: FunctionOptions): FunctionResults<Out, Row> {
    const errors = this.errorPolicy(options)
    const schema = shape === undefined ? undefined : Schema.of(shape)
    const create = mapOperator(transform as (row: unknown) => object, schema, errors)
    const node = this.add({ kind: 'map', description: `map with ${nameOf(transform)}`, create, schema })
    return this.functionResults(node, { ...this.traits, fields: schema?.names, schema }, errors)
  }

  /**
   * Any number of records for each record; they carry its event time. The schema as for `map`. With another error
   * policy than 'fail' all that one record gives is held at once.
   * @throws SabotError INVALID_OPTION, DUPLICATE_FIELD
   */
  flatMap<const Shape extends SchemaShape>(
    transform: (row: Row) => Iterable<RowOf<Shape>>,
    shape: Shape,
    options?: FunctionOptions,
  ): FunctionResults<RowOf<Shape>, Row>
  flatMap<Out extends object>(transform: (row: Row) => Iterable<Out>): FunctionResults<Out, Row>
  flatMap<Out>(
    transform: (row: Row) => Iterable<Out>,
    shape?: SchemaShape,
    options?: FunctionOptions,
  ): FunctionResults<Out, Row> {
    const errors = this.errorPolicy(options)
    const schema = shape === undefined ? undefined : Schema.of(shape)
    const create = flatMapOperator(transform as (row: unknown) => Iterable<object>, schema, errors)
    const node = this.add({ kind: 'flat-map', description: `flat map with ${nameOf(transform)}`, create, schema })
    return this.functionResults(node, { ...this.traits, fields: schema?.names, schema }, errors)
  }

  /**
   * New fields: named input fields are passed through, functions and `column(type, function)` are computed.
   * @throws SabotError EMPTY_SELECT, UNKNOWN_FIELD, INVALID_OPTION, DUPLICATE_FIELD
   */
  select<const P extends Projection<Row>>(
    projection: P,
    options?: FunctionOptions,
  ): FunctionResults<Simplified<Projected<Row, P>>, Row>
  /** The named fields. Columns are passed through, not copied. */
  select<const Field extends FieldOf<Row>>(
    ...fields: readonly Field[]
  ): FunctionResults<Simplified<Pick<Row, Field>>, Row>
  select<Out>(
    first?: string | Projection<Row>,
    ...rest: readonly (string | FunctionOptions | undefined)[]
  ): FunctionResults<Out, Row> {
    const [options] = rest
    const errors = this.errorPolicy(typeof options === 'object' ? options : undefined)
    const names = rest.filter(name => typeof name === 'string')
    const entries: [string, unknown][] =
      typeof first === 'string' ? [first, ...names].map(name => [name, name]) : Object.entries(first ?? {})
    if (entries.length === 0) throw new SabotError('EMPTY_SELECT', 'select() needs at least one field')
    const columns = entries.map(([name, value]): Computed => this.projected(name, value))
    const create = selectOperator(columns, errors)
    const description = `select ${columns.map(describeColumn).join(', ')}`
    const schema = this.projectedSchema(columns)
    const passed = columns.flatMap(({ from }) => from ?? [])
    const reads = passed.length === columns.length ? { fields: passed, passes: [] } : undefined
    const node = this.add({ kind: 'select', description, create, schema, reads })
    return this.functionResults(node, { ...this.traits, fields: columns.map(({ name }) => name), schema }, errors)
  }

  /** This stream and others of the same row type as one, in no particular order between them. */
  union(...others: readonly Stream<Row>[]): Stream<Row> {
    const all = [this, ...others]
    if (all.some(({ traits }) => traits.isTimed !== this.traits.isTimed)) {
      throw new SabotError(
        'NO_TIMESTAMPS',
        'union() needs event time on all of its streams or on none: call withTimestamps first',
      )
    }
    const node = this.graph.add({
      kind: 'union',
      description: `union of ${all.length} streams`,
      inputs: all.map(stream => stream.asInput()),
      role: { kind: 'operator', create: unionOperator(all.length, this.traits.isTimed) },
      settings: { inputs: all.length },
      schema: this.traits.schema,
      reads: { fields: [], passes: [MAIN_OUTPUT] },
    })
    const isChangelog = all.some(({ traits }) => traits.isChangelog === true)
    return new Stream<Row>(this.graph, node, { ...this.traits, isChangelog })
  }

  /**
   * Runs a function over the records: any number of records for each, side outputs and an error policy. State and
   * timers are by key: `keyBy(...).process(...)`. `shape` declares what it emits.
   * @throws SabotError CHANGELOG_INPUT, INVALID_OPTION
   */
  process<const Out extends SchemaShape, const Sides extends SideShapes = NoSides>(
    functions: ProcessFunction<Row, Sides, Out>,
    shape: Out,
  ): ProcessResults<RowOf<Out>, Row, Sides> {
    const { onRecord: handle, side = {}, errors = 'fail' } = functions
    const { graph, traits } = this
    const input = { graph, input: this.asInput(), traits, keys: undefined, handle }
    return processed({ method: 'process()', inputs: [input], side, errors, shape })
  }

  /**
   * One record for each by a function that answers later, such as a request to a service; null for none. Up to
   * `capacity` records are out at once. They are part of a checkpoint and are sent again after a recovery, so the
   * function may be called more than once for a record. It is given a copy of the record and the number of the attempt.
   * @throws SabotError CHANGELOG_INPUT, INVALID_OPTION, INVALID_DURATION
   */
  asyncMap<const Out extends SchemaShape>(
    call: (row: Row, attempt: number) => PromiseLike<RowOf<Out> | null> | RowOf<Out> | null,
    shape: Out,
    options: AsyncMapOptions = {},
  ): FunctionResults<RowOf<Out>, Row> {
    return asyncMapped(this.graph, this.asInput(), this.traits, call as (row: unknown) => unknown, shape, options)
  }

  /** Partitions by one or more fields: what follows happens for each key on its own. Null is a key. */
  keyBy<const Key extends FieldOf<Row>>(...fields: readonly [Key, ...Key[]]): KeyedStream<Row, Key> {
    if (fields.length === 0) throw new SabotError('UNKNOWN_FIELD', 'keyBy() needs at least one field')
    for (const field of fields) this.checkField('keyBy', field)
    const twice = fields.find((field, index) => fields.indexOf(field) !== index)
    if (twice !== undefined) {
      throw new SabotError('DUPLICATE_FIELD', `keyBy() names ${describeValue(twice)} twice`, { field: twice })
    }
    return new KeyedStream<Row, Key>(this.graph, this.asInput(fields), this.traits, fields)
  }

  /**
   * Groups all records into windows, in one subtask: results have no key.
   * @throws SabotError NO_TIMESTAMPS when windows go by event time, which is not assigned; CHANGELOG_INPUT
   */
  window<Bounded extends boolean>(assigner: WindowAssigner<Row, Bounded>): WindowedStream<Row, never, Bounded> {
    requireAppendOnly('window()', this.traits)
    return windowed<Row, never, Bounded>(this.graph, this.asInput([]), this.traits, [], assigner)
  }

  /**
   * Turns what each row does into a text field: '+I' insert, '-U' and '+U' the row before and after an update, '-D'
   * delete. Every row is an insert then, which any operator and sink takes.
   * @throws SabotError DUPLICATE_FIELD
   */
  changelog<const Field extends string>(field: Field): Stream<Simplified<Row & { readonly [F in Field]: string }>> {
    const { schema, fields } = this.traits
    if (fields?.includes(field) === true) {
      throw new SabotError('DUPLICATE_FIELD', `changelog() adds a field ${field}, which the records have already`, {
        field,
      })
    }
    const out = schema && changelogSchema(schema, field)
    const create = changelogOperator(field)
    const node = this.add({ kind: 'changelog', description: `the row kind as ${field}`, create, schema: out })
    const traits = { ...this.traits, fields: fields && [...fields, field], schema: out, isChangelog: false }
    return new Stream(this.graph, node, traits)
  }

  /**
   * Writes the records to a sink.
   * @throws SabotError INVALID_NAME, DUPLICATE_ID, INVALID_PARALLELISM; CHANGELOG_INPUT where the stream has updates and
   * the sink takes inserts only
   */
  to(sink: Sink<Row>, options: SinkOptions = {}): void {
    if (sink.accepts !== 'changelog') requireAppendOnly(`The sink ${sink.kind}`, this.traits)
    const node = this.graph.add({
      kind: 'sink',
      id: options.id,
      description: `${sink.kind} ${sink.description}`.trimEnd(),
      inputs: [this.asInput()],
      role: { kind: 'sink', sink },
      settings: { sink: sink.kind },
      schema: this.traits.schema,
    })
    if (options.parallelism !== undefined) this.graph.hint(node, { parallelism: options.parallelism })
  }

  /** For KeyedStream.connect: an input whose records go to every subtask. */
  asBroadcast(): Omit<ProcessInput, 'handle'> {
    return { graph: this.graph, input: this.asInput(), traits: this.traits, keys: undefined }
  }

  protected asInput(hashOf?: readonly string[]): NodeInput {
    return hashOf === undefined
      ? { from: this.node, output: this.output, partition: this.partition }
      : { from: this.node, output: this.output, hashOf }
  }

  private errorPolicy({ errors = 'fail' }: FunctionOptions = {}): ErrorPolicy {
    checkErrorPolicy(errors, this.traits.fields)
    return errors
  }

  private functionResults<Out>(node: DraftNode, traits: StreamTraits, errors: ErrorPolicy): FunctionResults<Out, Row> {
    return new FunctionResults<Out, Row>(this.graph, node, traits, this.traits, errors)
  }

  private add(init: {
    kind: string
    description: string
    create: OperatorFactory
    schema: Schema | undefined
    reads?: FieldsRead | undefined
  }): DraftNode {
    const { create, ...rest } = init
    return this.graph.add({ ...rest, inputs: [this.asInput()], role: { kind: 'operator', create } })
  }

  private checkField(method: string, field: string): void {
    checkKnownField(method, field, this.traits.fields)
  }

  private projected(name: string, value: unknown): Computed {
    if (typeof value === 'string') {
      this.checkField('select', value)
      return { name, from: value }
    }
    if (typeof value === 'function') return { name, compute: value as (row: unknown) => unknown, type: undefined }
    const { compute, type } = value as ComputedColumn<unknown, unknown>
    return { name, compute, type }
  }

  private projectedSchema(columns: readonly Computed[]): Schema | undefined {
    const { schema } = this.traits
    const shape: [string, ColumnType, boolean][] = []
    for (const column of columns) {
      if (column.from !== undefined) {
        if (schema === undefined) return undefined
        const { type, nullable } = schema.field(column.from)
        shape.push([column.name, type, nullable])
      } else {
        if (column.type === undefined) return undefined
        for (const { type, nullable } of fieldsOf({ [column.name]: column.type }))
          shape.push([column.name, type, nullable])
      }
    }
    return new Schema(shape.map(([name, type, nullable]) => ({ name, type, nullable })))
  }
}

/** A stream with event time. */
export class TimestampedStream<Row> extends Stream<Row> {
  /**
   * The records whose timestamp was invalid, with the option `invalid: 'deadLetter'`, and those that were too far ahead,
   * with the option `maxAhead`; `reason` says why.
   */
  get deadLetters(): Stream<Simplified<Row & { readonly reason: string }>> {
    checkFreeReason(this.traits.fields)
    const traits = deadLetterTraits({ ...this.traits, isTimed: false })
    return new Stream(this.graph, this.node, traits, DEAD_LETTER_OUTPUT)
  }
}

/** The results of a window aggregation, and what came too late for it. */
export class WindowedResults<Result, Row> extends Stream<Result> {
  private readonly inputTraits: StreamTraits

  private readonly windows: LateSettings
  private readonly lateOutput: string

  constructor(
    graph: GraphBuilder,
    node: DraftNode,
    traits: StreamTraits,
    inputTraits: StreamTraits,
    windows: LateSettings,
    outputs: { readonly main: string; readonly late: string } = { main: MAIN_OUTPUT, late: LATE_OUTPUT },
  ) {
    super(graph, node, traits, outputs.main)
    this.inputTraits = inputTraits
    this.windows = windows
    this.lateOutput = outputs.late
  }

  /** The records that came when all of their windows had fired, unchanged. */
  get late(): Stream<Row> {
    return new Stream<Row>(this.graph, this.node, this.inputTraits, this.lateOutput)
  }

  /**
   * The records of `late`, and why: the end of the last window that they belonged to, the watermark that was in force
   * before them, by how many ms it had passed the last moment at which they would have been taken (0: by none), and the
   * split that had moved it (null where it is not known: a source without splits, or behind a union).
   * @throws SabotError DUPLICATE_FIELD
   */
  explainLate(): Stream<Simplified<Row & LateReason>> {
    const { fields, schema } = this.inputTraits
    checkFreeFields('explainLate', LATE_FIELDS, fields)
    const node = this.graph.add({
      kind: 'explain-late',
      description: 'why each record is late',
      inputs: [{ from: this.node, output: this.lateOutput }],
      role: { kind: 'operator', create: explainLateOperator(this.windows) },
      schema: schema && lateSchema(schema),
    })
    const names = fields && [...fields, ...LATE_FIELDS.map(({ name }) => name)]
    return new Stream(this.graph, node, { ...this.inputTraits, fields: names, schema: schema && lateSchema(schema) })
  }
}

/** The results of a function of the user, and the records for which it failed. */
export class FunctionResults<Result, Row> extends Stream<Result> {
  private readonly inputTraits: StreamTraits
  private readonly errors: ErrorPolicy

  constructor(
    graph: GraphBuilder,
    node: DraftNode,
    traits: StreamTraits,
    inputTraits: StreamTraits,
    errors: ErrorPolicy,
  ) {
    super(graph, node, traits)
    this.inputTraits = inputTraits
    this.errors = errors
  }

  /**
   * The records for which the function failed, with the option `errors: 'deadLetter'`; `reason` says why.
   * @throws SabotError INVALID_OPTION without that option
   */
  get deadLetters(): Stream<Simplified<Row & { readonly reason: string }>> {
    if (this.errors !== 'deadLetter') {
      throw new SabotError(
        'INVALID_OPTION',
        `The function has no dead letters with errors: '${this.errors}': give it the option errors: 'deadLetter'`,
        { option: 'errors', value: this.errors },
      )
    }
    return new Stream(this.graph, this.node, deadLetterTraits(this.inputTraits), DEAD_LETTER_OUTPUT)
  }
}

/** The results of a process function, its side outputs, and the records on which it threw. */
export class ProcessResults<Result, Row, Sides> extends FunctionResults<Result, Row> {
  private readonly sides: Readonly<Record<string, SchemaShape>>

  constructor(
    graph: GraphBuilder,
    node: DraftNode,
    traits: StreamTraits,
    inputTraits: StreamTraits,
    errors: ErrorPolicy,
    sides: Readonly<Record<string, SchemaShape>>,
  ) {
    super(graph, node, traits, inputTraits, errors)
    this.sides = sides
  }

  /** A side output. @throws SabotError INVALID_OPTION for one that is not declared */
  side<Name extends keyof Sides & string>(name: Name): Stream<RowOf<Sides[Name]>> {
    const shape = Object.hasOwn(this.sides, name) ? this.sides[name] : undefined
    if (shape === undefined) {
      const known = Object.keys(this.sides)
      throw new SabotError(
        'INVALID_OPTION',
        `There is no side output ${describeValue(name)}: ${known.length === 0 ? 'none is declared' : `there are ${known}`}`,
        { side: name, known },
      )
    }
    const schema = Schema.of(shape)
    const traits = { isTimed: this.traits.isTimed, fields: schema.names, schema }
    return new Stream(this.graph, this.node, traits, sideOutput(name))
  }
}

/** Records that nothing expected has followed in time, and those that came too late to be waited for. */
export class MissingEvents<Result, Row> extends Stream<Result> {
  private readonly inputTraits: StreamTraits

  constructor(graph: GraphBuilder, node: DraftNode, traits: StreamTraits, inputTraits: StreamTraits) {
    super(graph, node, traits)
    this.inputTraits = inputTraits
  }

  /** Records that begin a wait, but came when the watermark had passed their time, unchanged. */
  get late(): Stream<Row> {
    return new Stream<Row>(this.graph, this.node, this.inputTraits, sideOutput(LATE_STARTS))
  }
}

function deadLetterTraits({ schema, fields, isTimed }: StreamTraits): StreamTraits {
  return { isTimed, fields: fields && [...fields, REASON_FIELD], schema: schema && deadLetterSchema(schema) }
}

/** The results of a join, and what came too late for it. */
export class JoinResults<Result, Left, Right> extends Stream<Result> {
  private readonly leftTraits: StreamTraits
  private readonly rightTraits: StreamTraits
  private readonly lateFrom: LateFrom

  constructor(
    graph: GraphBuilder,
    node: DraftNode,
    traits: StreamTraits,
    leftTraits: StreamTraits,
    rightTraits: StreamTraits,
    lateFrom: LateFrom,
  ) {
    super(graph, node, traits)
    this.leftTraits = leftTraits
    this.rightTraits = rightTraits
    this.lateFrom = lateFrom
  }

  /** Rows of the left side that came when the watermark had passed their time, unchanged. */
  get lateLeft(): Stream<Left> {
    return new Stream<Left>(this.graph, this.node, this.leftTraits, LATE_OUTPUTS.left)
  }

  /** Rows of the right side that came when the watermark had passed their time, unchanged. */
  get lateRight(): Stream<Right> {
    return new Stream<Right>(this.graph, this.node, this.rightTraits, LATE_OUTPUTS.right)
  }

  /**
   * The rows of `lateLeft`, and why: the watermark from which on rows of their time are late, the one that was in force,
   * and by how many ms it was higher (0: by none).
   * @throws SabotError DUPLICATE_FIELD
   */
  explainLateLeft(): Stream<Simplified<Left & JoinLateReason>> {
    return this.explained(this.leftTraits, LATE_OUTPUTS.left)
  }

  /** The rows of `lateRight`, and why. @throws SabotError DUPLICATE_FIELD */
  explainLateRight(): Stream<Simplified<Right & JoinLateReason>> {
    return this.explained(this.rightTraits, LATE_OUTPUTS.right)
  }

  private explained<Row>(traits: StreamTraits, output: string): Stream<Simplified<Row & JoinLateReason>> {
    checkFreeFields('explainLate', JOIN_LATE_FIELDS, traits.fields)
    const schema = traits.schema && joinLateSchema(traits.schema)
    const node = this.graph.add({
      kind: 'explain-late',
      description: 'why each row is late',
      inputs: [{ from: this.node, output }],
      role: { kind: 'operator', create: explainLateRowsOperator(this.lateFrom) },
      schema,
    })
    const fields = traits.fields && [...traits.fields, ...JOIN_LATE_FIELDS.map(({ name }) => name)]
    return new Stream(this.graph, node, { ...traits, fields, schema })
  }
}

function nameOf(userFunction: (...args: never[]) => unknown): string {
  return userFunction.name === '' ? 'a function' : userFunction.name
}

function describeColumn(column: Computed): string {
  if (column.from === undefined) return `${column.name} (computed)`
  return column.from === column.name ? column.name : `${column.from} as ${column.name}`
}
