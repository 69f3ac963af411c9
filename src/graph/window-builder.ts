import { type Duration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import { fieldsOf, type RowOf, type SchemaShape } from '../core/types.js'
import { keyFields } from '../operators/keyed/key-fields.js'
import { WINDOW_END, WINDOW_START } from '../operators/window-results.js'
import { type AssignerSettings, createAssigner } from '../operators/windows/assigners.js'
import { after, type Condition, once } from '../operators/windows/conditions.js'
import type { Evictor } from '../operators/windows/evictor.js'
import type { PaneSettings } from '../operators/windows/keyed-windows.js'
import type { PaneInfo } from '../operators/windows/pane-fields.js'
import type { Trigger } from '../operators/windows/trigger.js'
import { count, whenClosed } from '../operators/windows/triggers.js'
import {
  aggregateFields,
  type ProcessContext,
  type WindowFunctionSettings,
} from '../operators/windows/window-function.js'
import { type Accumulation, mayBeEmpty } from '../operators/windows/window-operator.js'
import { outputSchema } from '../operators/windows/window-output.js'
import type { AggregateOf, AggregateResult } from './aggregates.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import type { PreAggregation } from './local-aggregates.js'
import type { FieldOf, Simplified } from './projection.js'
import { type StreamTraits, WindowedResults } from './stream.js'
import { checkedFields } from './window-fields.js'
import { describeField, planWindow, type WindowRequest } from './window-plan.js'
import { checkChoice, type WindowAssigner } from './windowing.js'

/** Output fields: aggregates of the records, and what is known of the pane. */
export interface WindowAggregates<Row> {
  readonly [field: string]: AggregateOf<Row> | PaneInfo
}

/** The fields that say which window a result is of, ms since the epoch, `windowEnd` exclusive. */
export type WindowBounds<Bounded> = Bounded extends true
  ? { readonly windowStart: number; readonly windowEnd: number }
  : unknown

/** The rows of a window aggregation: key, bounds where windows have some, aggregates. */
export type WindowedResult<Row, Key extends keyof Row, Bounded, A> = Simplified<
  Pick<Row, Key> & WindowBounds<Bounded> & { readonly [Field in keyof A]: WindowedField<Row, A[Field]> }
>

type WindowedField<Row, A> = A extends PaneInfo<infer Value> ? Value : AggregateResult<Row, A>

/** The key as process functions see it: its value, or an object of the fields where there are several. */
export type KeyOf<Row, Key extends keyof Row> = [Key] extends [never]
  ? undefined
  : IsUnion<Key> extends true
    ? Pick<Row, Key>
    : Row[Key]

type IsUnion<T, Member = T> = T extends unknown ? ([Member] extends [T] ? false : true) : never

/** When results come out, besides at the end of a window. */
export interface EmitOptions<Row> {
  /** Before the end: so long (processing time) after the first record, again and again; or on a condition. */
  readonly early?: Duration | Condition<Row>
  /** For records behind the end, within the allowed lateness. Default: for each of them. */
  readonly late?: Duration | Condition<Row>
  /** Whether a result comes at the end of the window when no record came since the last. Default 'always'. */
  readonly onTime?: PaneSettings['onTime']
  /** Whether a result comes when the window is dropped. Default 'ifChanged'. */
  readonly closing?: PaneSettings['closing']
}

const FINAL = whenClosed()

/** A stream in windows. Its methods say how windows behave; `aggregate`, `reduce` or `process` compute results. */
export class WindowedStream<Row, Key extends FieldOf<Row>, Bounded extends boolean = true> {
  private readonly graph: GraphBuilder
  private readonly input: NodeInput
  private readonly traits: StreamTraits
  private readonly request: WindowRequest

  constructor(graph: GraphBuilder, input: NodeInput, traits: StreamTraits, request: WindowRequest) {
    this.graph = graph
    this.input = input
    this.traits = traits
    this.request = request
  }

  /**
   * Keeps windows so long behind their end: records that come meanwhile still count, and the window fires again for
   * them (see `emit` for other ways).
   * @throws SabotError INVALID_DURATION; INVALID_OPTION for windows of processing time, where nothing is late
   */
  allowedLateness(lateness: Duration): WindowedStream<Row, Key, Bounded> {
    const allowedLatenessMs = lateness === Number.POSITIVE_INFINITY ? lateness : parseDuration(lateness)
    if (timeOf(this.request.assigner.settings) === 'processing' && allowedLatenessMs > 0) {
      throw new SabotError(
        'INVALID_OPTION',
        'Nothing is late in windows of processing time: leave allowedLateness out',
        {
          option: 'allowedLateness',
          value: lateness,
        },
      )
    }
    return this.with({ allowedLatenessMs })
  }

  /** Says when results come out, instead of at the end of the window. @throws SabotError INVALID_OPTION */
  trigger(trigger: Trigger<Row>): WindowedStream<Row, Key, Bounded> {
    if (merges(this.request.assigner.settings) && trigger.onMerge === undefined) {
      throw new SabotError(
        'INVALID_OPTION',
        `The trigger ${describeValue(trigger.description)} cannot be used with windows that merge: it has no onMerge`,
        { option: 'trigger', value: trigger.description },
      )
    }
    return this.with({ trigger })
  }

  /** Keeps the records themselves, and only some of them when the window fires. */
  evict(evictor: Evictor<Row>): WindowedStream<Row, Key, Bounded> {
    return this.with({ evictor: evictor as Evictor<never> })
  }

  /**
   * What becomes of what a window has put out when it fires again: it counts again ('accumulating', the default), it
   * does not ('discarding'), or it counts and the earlier result is taken back ('retracting': a changelog).
   */
  accumulate(accumulation: Accumulation): WindowedStream<Row, Key, Bounded> {
    checkChoice('accumulate', accumulation, ['accumulating', 'discarding', 'retracting'])
    return this.with({ accumulation })
  }

  /**
   * Whether subtasks that send rows to windows in others aggregate them first, so that one row a key and slice of time
   * goes over instead of all: 'exact' (the default): where it cannot change a result, which is so for all aggregates of
   * the kernel but sums and means of floats; 'always': for those too, though their last bits then depend on the number
   * of subtasks and on when checkpoints were taken; 'never'. Windows whose late rows somebody reads get all rows as they
   * are. Runs with one subtask do not know of it.
   * @throws SabotError INVALID_OPTION; at `aggregate` where 'always' is not possible
   */
  preAggregate(preAggregation: PreAggregation): WindowedStream<Row, Key, Bounded> {
    checkChoice('preAggregate', preAggregation, ['exact', 'always', 'never'])
    return this.with({ preAggregation })
  }

  /** Which panes come besides what the trigger says. @throws SabotError INVALID_OPTION */
  panes({ unchanged = 'emit', onTime = 'ifChanged', closing = 'never' }: Partial<PaneSettings>) {
    checkChoice('unchanged', unchanged, ['emit', 'skip'])
    checkChoice('onTime', onTime, ['always', 'ifChanged'])
    checkChoice('closing', closing, ['never', 'ifChanged', 'always'])
    if (closing !== 'never' && createAssigner(this.request.assigner.settings).retainMs > 0) {
      throw new SabotError('INVALID_OPTION', "Windows that are kept longer have no closing pane: take emit('final')", {
        option: 'closing',
        value: closing,
      })
    }
    return this.with({ panes: { unchanged, onTime, closing } })
  }

  /**
   * When results come out: 'final': one for each window, when no record can enter it any more (behind the allowed
   * lateness); 'updates': one for every record; or early, on time and late.
   * @throws SabotError INVALID_OPTION
   */
  emit(when: 'final' | 'updates' | EmitOptions<Row>): WindowedStream<Row, Key, Bounded> {
    const isProcessingTime = timeOf(this.request.assigner.settings) === 'processing'
    if (when === 'final') return this.with({ trigger: isProcessingTime ? undefined : FINAL, panes: undefined })
    if (when === 'updates') return this.with({ trigger: count(1), panes: undefined })
    checkChoice('typeof emit', typeof when, ['object'])
    if (isProcessingTime) {
      throw new SabotError(
        'INVALID_OPTION',
        'Early and late results go by the watermark, which windows of processing time do not: give them a trigger',
        { option: 'emit' },
      )
    }
    const { early, late, onTime = 'always', closing = 'ifChanged' } = when
    const conditions = {
      ...(early === undefined ? {} : { early: conditionOf(early) }),
      late: late === undefined ? after.count(1) : conditionOf(late),
    }
    return this.with({ trigger: once(after.watermark<Row>(conditions)) }).panes({ unchanged: 'skip', onTime, closing })
  }

  /**
   * One row for each key and window that fires: the key, the window's bounds where it has some, the aggregates, and what
   * is asked for of the pane.
   * @throws SabotError UNKNOWN_FIELD, DUPLICATE_FIELD, TYPE_MISMATCH (a field that is not numeric), EMPTY_AGGREGATE
   */
  aggregate<const A extends WindowAggregates<Row>>(
    aggregates: A,
  ): WindowedResults<WindowedResult<Row, Key, Bounded, A>, Row> {
    const { keys, assigner } = this.request
    const fields = checkedFields(aggregates, keys, assigner.isBounded, this.traits.fields)
    const input = this.traits.schema
    const shape = (of: Schema) => ({ keys: keyFields(of, keys), hasBounds: assigner.isBounded, isTimed: true })
    const isEmptyToo = mayBeEmpty(this.emptiness())
    const schema = input && outputSchema(shape(input), aggregateFields(input, fields, isEmptyToo))
    const bounds = assigner.isBounded ? [WINDOW_START, WINDOW_END] : []
    const names = [...keys, ...bounds, ...fields.map(({ name }) => name)]
    return this.results({ kind: 'aggregate', fields }, fields.map(describeField).join(', '), names, schema)
  }

  /** One record of all records of a window, made pair by pair; `reduce` is associative. Bounds are not shown. */
  reduce(reduce: (left: Row, right: Row) => Row): WindowedResults<Row, Row> {
    const settings = { kind: 'reduce', reduce: reduce as unknown } as WindowFunctionSettings
    return this.results(settings, `reduce with ${nameOf(reduce)}`, this.traits.fields, this.traits.schema)
  }

  /**
   * Any rows of all records of a window, in the order of arrival. The records are kept until then. The schema is
   * declared by `shape`, or inferred from the first rows.
   */
  process<const Shape extends SchemaShape>(
    process: (key: KeyOf<Row, Key>, rows: readonly Row[], context: ProcessContext) => Iterable<RowOf<Shape>>,
    shape: Shape,
  ): WindowedResults<RowOf<Shape>, Row>
  process<Out extends object>(
    process: (key: KeyOf<Row, Key>, rows: readonly Row[], context: ProcessContext) => Iterable<Out>,
  ): WindowedResults<Out, Row>
  process<Out>(
    process: (key: never, rows: readonly never[], context: ProcessContext) => Iterable<object>,
    shape?: SchemaShape,
  ): WindowedResults<Out, Row> {
    const schema = shape && new Schema(fieldsOf(shape))
    const settings = { kind: 'process', process: process as unknown } as WindowFunctionSettings
    return this.results(settings, `process with ${nameOf(process)}`, schema?.names, schema)
  }

  private results<Out>(
    windowFunction: WindowFunctionSettings,
    what: string,
    fields: readonly string[] | undefined,
    schema: Schema | undefined,
  ): WindowedResults<Out, Row> {
    const { keys, assigner } = this.request
    const plan = planWindow(
      withoutNeedlessTrigger(this.request),
      windowFunction,
      windowFunction.kind === 'process' ? schema : undefined,
      this.traits.schema,
    )
    if (this.request.preAggregation === 'always' && plan.localAggregate === undefined) throw notPreAggregated()
    const by = keys.length === 0 ? 'over all records' : `by ${keys.join(', ')}`
    const details = plan.details.length === 0 ? '' : ` (${plan.details.join('; ')})`
    const node = this.graph.add({
      kind: plan.kind,
      description: `${assigner.description} ${by}: ${what}${details}`,
      inputs: [{ ...this.input, hashOf: keys }],
      role: { kind: 'operator', create: plan.create, localAggregate: plan.localAggregate },
      settings: plan.settings,
      schema,
      reads: plan.reads,
    })
    const isChangelog = this.request.accumulation === 'retracting'
    const traits: StreamTraits = { isTimed: this.traits.isTimed, fields, schema, isChangelog }
    const { allowedLatenessMs } = this.request
    const windows = { assigner: assigner.settings, allowedLatenessMs }
    return new WindowedResults(this.graph, node, traits, this.traits, windows)
  }

  private with(changes: Partial<WindowRequest>): WindowedStream<Row, Key, Bounded> {
    return new WindowedStream(this.graph, this.input, this.traits, { ...this.request, ...changes })
  }

  private emptiness() {
    const { evictor, assigner, panes = { unchanged: 'emit', onTime: 'ifChanged', closing: 'never' } } = this.request
    return { evictor: (evictor ?? assigner.defaultEvictor) as Evictor<object> | undefined, panes } as const
  }
}

/**
 * Windows over a stream that is keyed by `keys`.
 * @throws SabotError NO_TIMESTAMPS when windows go by event time, which is not assigned
 */
export function windowed<Row, Key extends FieldOf<Row>, Bounded extends boolean>(
  graph: GraphBuilder,
  input: NodeInput,
  traits: StreamTraits,
  keys: readonly Key[],
  assigner: WindowAssigner<Row, Bounded>,
): WindowedStream<Row, Key, Bounded> {
  if (!traits.isTimed && timeOf(assigner.settings) === 'event' && assigner.settings.kind !== 'global') {
    throw new SabotError('NO_TIMESTAMPS', 'window() needs event time: call withTimestamps(...) before it')
  }
  return new WindowedStream(graph, input, traits, {
    keys,
    assigner,
    trigger: undefined,
    evictor: undefined,
    allowedLatenessMs: 0,
    accumulation: 'accumulating',
    panes: undefined,
    preAggregation: 'exact',
  })
}

function notPreAggregated(): SabotError {
  return new SabotError(
    'INVALID_OPTION',
    'Only count, sum, min, max and mean in tumbling or sliding windows of event time, of rows with a schema and without ' +
      "triggers or lateness, can be aggregated by their senders: leave preAggregate('always') out",
    { option: 'preAggregate', value: 'always' },
  )
}

/** Nothing is late without allowed lateness: windows that end are closed then, and the default trigger says the same. */
function withoutNeedlessTrigger(request: WindowRequest): WindowRequest {
  const isDefault = request.trigger === FINAL && request.allowedLatenessMs === 0 && request.assigner.isBounded
  return isDefault ? { ...request, trigger: undefined } : request
}

function timeOf(settings: AssignerSettings): 'event' | 'processing' {
  return 'time' in settings ? settings.time : 'event'
}

function merges(settings: AssignerSettings): boolean {
  return settings.kind === 'session' || (settings.kind === 'custom' && settings.merging !== undefined)
}

function conditionOf<Row>(when: Duration | Condition<Row>): Condition<Row> {
  return typeof when === 'object' ? when : after.delay(when)
}

function nameOf(userFunction: (...args: never[]) => unknown): string {
  return userFunction.name === '' ? 'a function' : userFunction.name
}
