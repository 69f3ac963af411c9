import type { Json } from '../core/json.js'
import type { Schema } from '../core/schema.js'
import { MAX_WINDOW_MS, type WindowGeometry } from '../core/window-geometry.js'
import { isKernelCall } from '../operators/aggregates/kernel-functions.js'
import { tumblingAggregateOperator } from '../operators/aggregates/tumbling-aggregate.js'
import { LATE_OUTPUT } from '../operators/kernel-aggregation.js'
import { LocalAggregate, type LocalAggregateFactory } from '../operators/local-aggregate.js'
import type { OperatorFactory } from '../operators/operator.js'
import { sessionAggregateOperator } from '../operators/session-aggregate.js'
import { windowAggregateOperator } from '../operators/window-aggregate.js'
import { describeAggregate, type NamedAggregate } from '../operators/window-results.js'
import type { AssignerSettings } from '../operators/windows/assigners.js'
import type { Evictor } from '../operators/windows/evictor.js'
import { type PaneSettings, TRIGGERED_PANES } from '../operators/windows/keyed-windows.js'
import { slicedOperator } from '../operators/windows/sliced-operator.js'
import type { Trigger } from '../operators/windows/trigger.js'
import type { NamedPaneField, WindowFunctionSettings } from '../operators/windows/window-function.js'
import { type Accumulation, windowOperator } from '../operators/windows/window-operator.js'
import { type FieldsRead, MAIN_OUTPUT } from './job-graph.js'
import { areOrderFree, type PreAggregation } from './local-aggregates.js'
import type { WindowAssigner } from './windowing.js'

/** What a windowed stream asks for, as far as it was said. */
export interface WindowRequest {
  readonly keys: readonly string[]
  readonly assigner: WindowAssigner<never>
  readonly trigger: Trigger<never> | undefined
  readonly evictor: Evictor<never> | undefined
  readonly allowedLatenessMs: number
  readonly accumulation: Accumulation
  readonly panes: PaneSettings | undefined
  readonly preAggregation: PreAggregation
}

/** The operator that computes it. */
export interface WindowPlan {
  readonly kind: string
  /** Behind the description of what is computed: what else there is, and where state stands. */
  readonly details: readonly string[]
  readonly create: OperatorFactory
  readonly localAggregate?: LocalAggregateFactory | undefined
  readonly settings: Json
  /** undefined: it may look at any field. */
  readonly reads: FieldsRead | undefined
}

/**
 * Chooses between the kernels and the general operator. The kernels have tumbling, sliding and session windows of event
 * time by key, final results, and count, sum, min, max and mean. Other aggregates of windows that overlap share slices on
 * the host; where windows do not overlap they have an operator of their own. All give the same results where they can.
 */
export function planWindow(
  request: WindowRequest,
  windowFunction: WindowFunctionSettings,
  schema: Schema | undefined,
  input: Schema | undefined,
): WindowPlan {
  return (
    kernelPlan(request, windowFunction, input) ??
    slicedPlan(request, windowFunction) ??
    generalPlan(request, windowFunction, schema)
  )
}

function kernelPlan(
  request: WindowRequest,
  windowFunction: WindowFunctionSettings,
  input: Schema | undefined,
): WindowPlan | undefined {
  const { keys, assigner, trigger, evictor, allowedLatenessMs, accumulation, panes } = request
  const { settings } = assigner
  const isPlain = trigger === undefined && evictor === undefined && panes === undefined && allowedLatenessMs === 0
  if (!isPlain || accumulation !== 'accumulating' || keys.length === 0) return undefined
  const aggregates = kernelAggregates(windowFunction)
  if (aggregates === undefined) return undefined
  const described = aggregates.map(describeAggregate)
  if (settings.kind === 'slices' && settings.time === 'event') {
    const { geometry } = settings
    const schema = input && canAggregateBefore(request, geometry, aggregates, input) ? input : undefined
    return {
      kind: 'window-aggregate',
      details: [],
      create: windowAggregateOperator({ keys, geometry, aggregates, partialsOf: schema }),
      localAggregate: schema && (context => new LocalAggregate(context, { keys, geometry, aggregates, schema })),
      settings: { keys, ...settings.geometry, aggregates: described },
      reads: readsOf(keys, aggregates),
    }
  }
  if (!isKernelSession(settings)) return undefined
  const { gap } = settings
  return {
    kind: 'session-aggregate',
    details: [],
    create: sessionAggregateOperator({ keys, gap, aggregates }),
    settings: { keys, gapMs: typeof gap === 'number' ? gap : 'by record', aggregates: described },
    reads: typeof gap === 'number' ? readsOf(keys, aggregates) : undefined,
  }
}

/** Windows without gaps: rows between windows are counted where they are. */
function canAggregateBefore(
  { preAggregation }: WindowRequest,
  { sizeMs, slideMs }: WindowGeometry,
  aggregates: readonly NamedAggregate[],
  input: Schema,
): boolean {
  if (preAggregation === 'never' || slideMs > sizeMs) return false
  return preAggregation === 'always' || areOrderFree(aggregates, input)
}

/** Sessions of the kernel: of event time, touching ones merged, from the first record to the gap behind the last. */
function isKernelSession(settings: AssignerSettings): settings is Extract<AssignerSettings, { kind: 'session' }> {
  if (settings.kind !== 'session') return false
  const { time, merging, bounds, retainMs, gap } = settings
  return (
    time === 'event' &&
    merging === 'touching' &&
    bounds === 'gap' &&
    retainMs === 0 &&
    (typeof gap !== 'number' || gap <= MAX_WINDOW_MS)
  )
}

function slicedPlan(request: WindowRequest, windowFunction: WindowFunctionSettings): WindowPlan | undefined {
  const { keys, assigner } = request
  const { settings } = assigner
  const aggregates = plainAggregates(request, windowFunction)
  if (aggregates === undefined || settings.kind !== 'slices' || settings.time !== 'event') return undefined
  const { geometry } = settings
  if (geometry.slideMs >= geometry.sizeMs) {
    return {
      kind: 'tumbling-aggregate',
      details: ['state on the host'],
      create: tumblingAggregateOperator({ keys, geometry, aggregates }),
      settings: { keys, ...geometry, aggregates: aggregates.map(describeAggregate) },
      reads: readsOf(keys, aggregates),
    }
  }
  const windows = [{ geometry, output: MAIN_OUTPUT, lateOutput: LATE_OUTPUT }]
  return {
    kind: 'window',
    details: ['slices on the host'],
    create: slicedOperator({ keys, windows, aggregates, mainOutput: MAIN_OUTPUT }),
    settings: { keys, windows: [{ ...geometry }], aggregates: aggregates.map(describeAggregate) },
    reads: readsOf(keys, aggregates),
  }
}

/** Keys and aggregated fields; undefined where an aggregate takes whole records, or a function of them. */
function readsOf(keys: readonly string[], aggregates: readonly NamedAggregate[]): FieldsRead | undefined {
  const fields = new Set(keys)
  for (const { function: kind, field, by, predicate } of aggregates) {
    if (predicate !== undefined || (field === undefined && kind !== 'count')) return undefined
    for (const name of [field, by]) if (name !== undefined) fields.add(name)
  }
  return { fields: [...fields], passes: [LATE_OUTPUT] }
}

/** The aggregates of windows of which nothing else was said; undefined for others. */
export function plainAggregates(
  { trigger, evictor, panes, allowedLatenessMs, accumulation }: WindowRequest,
  windowFunction: WindowFunctionSettings,
): readonly NamedAggregate[] | undefined {
  const isPlain = trigger === undefined && evictor === undefined && panes === undefined && allowedLatenessMs === 0
  if (!isPlain || accumulation !== 'accumulating' || windowFunction.kind !== 'aggregate') return undefined
  const aggregates = windowFunction.fields.filter((field): field is NamedAggregate => !('pane' in field))
  return aggregates.length === windowFunction.fields.length ? aggregates : undefined
}

function kernelAggregates(windowFunction: WindowFunctionSettings): readonly NamedAggregate[] | undefined {
  if (windowFunction.kind !== 'aggregate') return undefined
  const aggregates = windowFunction.fields.filter((field): field is NamedAggregate => !('pane' in field))
  const isKernels = aggregates.length === windowFunction.fields.length && aggregates.every(isKernelCall)
  return isKernels ? aggregates : undefined
}

function generalPlan(
  request: WindowRequest,
  windowFunction: WindowFunctionSettings,
  schema: Schema | undefined,
): WindowPlan {
  const { keys, assigner, allowedLatenessMs, accumulation, panes = TRIGGERED_PANES } = request
  const trigger = (request.trigger ?? assigner.defaultTrigger) as Trigger<object>
  const evictor = (request.evictor ?? assigner.defaultEvictor) as Evictor<object> | undefined
  const details = [
    `fires ${trigger.description}`,
    accumulation === 'accumulating' ? [] : [accumulation],
    evictor === undefined ? [] : [`evictor: ${evictor.description}`],
    allowedLatenessMs === 0 ? [] : [`lateness ${allowedLatenessMs} ms`],
    'state on the host',
  ].flat()
  return {
    kind: 'window',
    details,
    create: windowOperator({
      ...{ keys, trigger, evictor, allowedLatenessMs, accumulation, panes, schema },
      assigner: assigner.settings,
      function: windowFunction,
    }),
    settings: {
      keys,
      windows: assigner.description,
      ...assignerJson(assigner.settings),
      trigger: trigger.description,
      evictor: evictor?.description ?? null,
      allowedLatenessMs,
      accumulation,
      panes: { ...panes },
      function: describeFunction(windowFunction),
    },
    // Triggers, evictors and functions of windows are shown whole records.
    reads: undefined,
  }
}

function assignerJson(settings: AssignerSettings): { readonly [name: string]: Json } {
  return settings.kind === 'slices' ? { ...settings.geometry } : {}
}

export function describeField(field: NamedAggregate | NamedPaneField): string {
  return 'pane' in field ? `${field.name} = pane.${field.pane}` : describeAggregate(field)
}

function describeFunction(windowFunction: WindowFunctionSettings): Json {
  return windowFunction.kind === 'aggregate' ? windowFunction.fields.map(describeField) : windowFunction.kind
}
