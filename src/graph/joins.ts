/* Joins of two keyed streams. KeyedStream delegates to them. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import { type SchemaShape, typeName, typesEqual } from '../core/types.js'
import { type CoGroupFunction, coGroupOperator } from '../operators/joins/co-group.js'
import { intervalJoinOperator } from '../operators/joins/interval-join.js'
import { WINDOW_FIELDS } from '../operators/joins/join-projection.js'
import { isOuter, type JoinType } from '../operators/joins/join-type.js'
import { streamTimeJoinOperator } from '../operators/joins/stream-time-join.js'
import { windowJoinOperator } from '../operators/joins/window-join.js'
import type { LateFrom } from '../operators/time/explain-late-rows.js'
import { WINDOW_END, WINDOW_START } from '../operators/window-results.js'
import type { Assigner } from '../operators/windows/assigner.js'
import { createAssigner } from '../operators/windows/assigners.js'
import { requireAppendOnly } from './changelog.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import { Joined, type JoinPlan, type JoinSidesTraits, WindowJoined } from './join-projection.js'
import { JoinResults, type StreamTraits } from './stream.js'
import type { WindowAssigner } from './windowing.js'

/** A keyed stream, as a join sees it. */
export interface JoinInput {
  readonly graph: GraphBuilder
  readonly input: NodeInput
  readonly traits: StreamTraits
  readonly keys: readonly string[]
}

export interface IntervalJoinOptions<Type extends JoinType = JoinType> {
  /** How much later than the left row the right one is at least; negative: it may be earlier. '-5m', or ms. */
  readonly from: Duration
  /** How much later than the left row the right one is at most. */
  readonly to: Duration
  /** Whether `from` itself is within the bounds. Default true. */
  readonly fromInclusive?: boolean
  /** Whether `to` itself is within the bounds. Default true. */
  readonly toInclusive?: boolean
  /** Which rows come out alone when no partner can come any more. Default 'inner': none. */
  readonly type?: Type
  /**
   * Whose rules of time: 'watermarks' (the default) are those of Flink. 'streamTime' are those of Kafka Streams: no row
   * is late, and rows without a partner come out by the highest event time so far, before the pairs of the row that
   * moved it. Their state is kept in segments of at least a minute.
   */
  readonly time?: 'watermarks' | 'streamTime'
  /** With time: 'streamTime', how long rows without a partner wait beyond the bounds. Default 0. */
  readonly grace?: Duration
}

/** Bounds beyond this (about 3,170 years) are a mistake. */
const MOST_BOUND_MS = 100_000_000_000_000
const JOIN_TYPES: readonly unknown[] = ['inner', 'left', 'right', 'full']

export function intervalJoined<L, R, Type extends JoinType>(
  left: JoinInput,
  right: JoinInput,
  options: Partial<IntervalJoinOptions<Type>> = {},
): Joined<L, R, Type> {
  const method = 'intervalJoin()'
  requireInserts(method, left, right)
  const sides = joinSides(method, left, right, options.type)
  const { lowerMs, upperMs } = boundsOf(options)
  const { type } = sides
  const graceMs = graceOf(options)
  const byStreamTime = graceMs === undefined ? '' : `, by stream time with ${formatDuration(graceMs)} of grace`
  return new Joined(sides, plan => {
    const settings = { ...sideSettings(sides), select: plan.select, type, lowerMs, upperMs }
    const node = left.graph.add({
      kind: graceMs === undefined ? 'interval-join' : 'stream-time-join',
      description:
        `${type} join by ${describeKeys(left, right)}, right from ${formatDuration(lowerMs)} to ` +
        `${formatDuration(upperMs)} after left${byStreamTime}: ${plan.description}`,
      inputs: joinInputs(left, right),
      role: {
        kind: 'operator',
        create:
          graceMs === undefined ? intervalJoinOperator(settings) : streamTimeJoinOperator({ ...settings, graceMs }),
      },
      settings: {
        left: left.keys,
        right: right.keys,
        type,
        lowerMs,
        upperMs,
        kept: plan.kept,
        ...(graceMs !== undefined && { graceMs }),
      },
      schema: plan.schema,
    })
    const traits = { isTimed: true, fields: plan.fields, schema: plan.schema }
    // By stream time no row is late.
    return {
      graph: left.graph,
      node,
      traits,
      lateFrom: graceMs === undefined ? belowWatermark : () => Number.POSITIVE_INFINITY,
    }
  })
}

/** The grace period of a join by stream time; undefined where it goes by watermarks. For bounds that are sound. */
function graceOf({ time = 'watermarks', grace, from = 0, to = 0 }: Partial<IntervalJoinOptions>): number | undefined {
  if (time !== 'watermarks' && time !== 'streamTime') {
    throw new SabotError('INVALID_OPTION', `time is 'watermarks' or 'streamTime', not ${describeValue(time)}`, {
      option: 'time',
      value: time,
    })
  }
  if (time === 'streamTime') {
    if (signedMs('from', from) <= 0 && signedMs('to', to) >= 0) return parseDuration(grace ?? 0)
    throw new SabotError(
      'INVALID_OPTION',
      `Bounds by stream time reach from a time before the left row, or its own, to one behind it, or its own; not from ` +
        `${describeValue(from)} to ${describeValue(to)}`,
      { from, to },
    )
  }
  if (grace === undefined) return undefined
  throw new SabotError(
    'INVALID_OPTION',
    `grace needs time: 'streamTime'; by watermarks the bound of out-of-orderness ` +
      'of withTimestamps() says how long to wait',
    { option: 'grace', value: grace },
  )
}

export interface WindowJoinOptions<Type extends JoinType = JoinType> {
  /** Which rows come out alone when their window fires without a partner. Default 'inner': none. */
  readonly type?: Type
}

export function windowJoined<L, R, Type extends JoinType>(
  left: JoinInput,
  right: JoinInput,
  window: WindowAssigner,
  { type: wanted }: WindowJoinOptions<Type>,
): WindowJoined<L, R, Type> {
  const method = 'windowJoin()'
  requireInserts(method, left, right)
  const sides = joinSides(method, left, right, wanted)
  const assigner = assignerOf(method, window)
  const { type } = sides
  return new WindowJoined(sides, plan => {
    const { schema, fields } = withWindowFields(plan)
    const node = left.graph.add({
      kind: 'window-join',
      description: `${type} join by ${describeKeys(left, right)} in ${window.description}: ${plan.description}`,
      inputs: joinInputs(left, right),
      role: {
        kind: 'operator',
        create: windowJoinOperator({ ...sideSettings(sides), ...assigner, select: plan.select, type }),
      },
      settings: { left: left.keys, right: right.keys, type, window: window.description, kept: plan.kept },
      schema,
    })
    const traits = { isTimed: true, fields, schema }
    return { graph: left.graph, node, traits, lateFrom: whenFired(assigner.assigner()) }
  })
}

export function coGrouped<L, R, Out>(
  left: JoinInput,
  right: JoinInput,
  window: WindowAssigner,
  transform: CoGroupFunction,
  shape: SchemaShape | undefined,
): JoinResults<Out, L, R> {
  const method = 'coGroup()'
  requireInserts(method, left, right)
  const sides = joinSides(method, left, right)
  const assigner = assignerOf(method, window)
  const schema = shape === undefined ? undefined : Schema.of(shape)
  const name = transform.name === '' ? 'a function' : transform.name
  const node = left.graph.add({
    kind: 'co-group',
    description: `groups of both sides by ${describeKeys(left, right)} in ${window.description}: ${name}`,
    inputs: joinInputs(left, right),
    role: {
      kind: 'operator',
      create: coGroupOperator({ ...sideSettings(sides), ...assigner, transform, schema }),
    },
    settings: { left: left.keys, right: right.keys, window: window.description },
    schema,
  })
  const traits = { isTimed: true, fields: schema?.names, schema }
  return new JoinResults(left.graph, node, traits, left.traits, right.traits, whenFired(assigner.assigner()))
}

/** Rows below the watermark are late. */
export const belowWatermark: LateFrom = timestamp => timestamp + 1

/** Rows are late when the last of their windows has fired; of sessions that which the row would be on its own. */
function whenFired(assigner: Assigner): LateFrom {
  return timestamp => Math.max(...assigner.assign(timestamp, {}).map(({ end }) => end - 1))
}

/** The windows of a join follow from event time alone: its two sides have records of different types. */
function assignerOf(method: string, { settings, description }: WindowAssigner) {
  const isFit =
    (settings.kind === 'slices' && settings.time === 'event') ||
    settings.kind === 'calendar' ||
    (settings.kind === 'session' &&
      settings.time === 'event' &&
      typeof settings.gap === 'number' &&
      settings.bounds === 'gap' &&
      settings.retainMs === 0)
  if (!isFit) {
    throw new SabotError(
      'INVALID_OPTION',
      `${method} takes windows of event time that do not look at records: tumbling, sliding, calendar, and sessions ` +
        `of one gap; not ${description}`,
      { window: description },
    )
  }
  const geometry = settings.kind === 'slices' ? settings.geometry : undefined
  return { assigner: () => createAssigner(settings), geometry }
}

function withWindowFields({ select, schema, fields }: JoinPlan) {
  if (select.kind === 'objects') return { schema, fields }
  const twice = fields?.find(field => field === WINDOW_START || field === WINDOW_END)
  if (twice !== undefined) {
    throw new SabotError(
      'DUPLICATE_FIELD',
      `select() names ${twice}: the bounds of the window are in the result already`,
      { field: twice },
    )
  }
  return {
    schema: schema && new Schema([...schema.fields, ...WINDOW_FIELDS]),
    fields: fields && [...fields, WINDOW_START, WINDOW_END],
  }
}

function boundsOf({ from, to, fromInclusive = true, toInclusive = true }: Partial<IntervalJoinOptions>): {
  readonly lowerMs: number
  readonly upperMs: number
} {
  if (from === undefined || to === undefined || isEndless(from) || isEndless(to)) {
    throw new SabotError(
      'JOIN_UNBOUNDED',
      'intervalJoin() needs both bounds, such as { from: "-5m", to: "1h" }: without them every row would be kept for ' +
        'good. For rows that have no time in common join with a ttl: join(other, { ttl })',
      { from, to },
    )
  }
  const lowerMs = signedMs('from', from) + (fromInclusive ? 0 : 1)
  const upperMs = signedMs('to', to) - (toInclusive ? 0 : 1)
  if (lowerMs > upperMs) {
    throw new SabotError('INVALID_OPTION', `There is no time from ${describeValue(from)} to ${describeValue(to)}`, {
      from,
      to,
    })
  }
  return { lowerMs, upperMs }
}

function isEndless(bound: Duration): boolean {
  return typeof bound === 'number' && Math.abs(bound) === Number.POSITIVE_INFINITY
}

/** A duration that may be negative. */
function signedMs(option: string, value: Duration): number {
  const isNegative = typeof value === 'number' ? value < 0 : typeof value === 'string' && value.startsWith('-')
  const magnitude = typeof value === 'number' ? Math.abs(value) : isNegative ? value.slice(1) : value
  const ms = parseDuration(magnitude)
  if (ms > MOST_BOUND_MS) {
    throw new SabotError('INVALID_OPTION', `${option} is ${describeValue(value)}, more than ${MOST_BOUND_MS} ms`, {
      option,
      value,
    })
  }
  return isNegative && ms > 0 ? -ms : ms
}

/**
 * What all joins ask of their sides; with `isTimed` that both have event time.
 * @throws SabotError NO_TIMESTAMPS, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION, SCHEMA_UNKNOWN
 */
export function joinSides(
  method: string,
  left: JoinInput,
  right: JoinInput,
  type: JoinType = 'inner',
  isTimed = true,
): JoinSidesTraits {
  if (!JOIN_TYPES.includes(type)) {
    throw new SabotError('INVALID_OPTION', `type is one of ${JOIN_TYPES.join(', ')}, not ${describeValue(type)}`, {
      option: 'type',
      value: type,
    })
  }
  for (const { traits } of [left, right]) {
    if (traits.isTimed || !isTimed) continue
    throw new SabotError(
      'NO_TIMESTAMPS',
      `${method} needs event time on both sides: call withTimestamps(...) before keyBy(...)`,
    )
  }
  checkKeys(method, left, right)
  if (isOuter(type, 'left')) requireSchema(method, type, 'right', right)
  if (isOuter(type, 'right')) requireSchema(method, type, 'left', left)
  return { left, right, type }
}

function requireInserts(method: string, left: JoinInput, right: JoinInput): void {
  requireAppendOnly(method, left.traits)
  requireAppendOnly(method, right.traits)
}

function checkKeys(method: string, left: JoinInput, right: JoinInput): void {
  if (left.keys.length !== right.keys.length) {
    throw new SabotError(
      'JOIN_KEYS',
      `${method} pairs the key fields of its sides one by one, but the left side has ${left.keys.length} ` +
        `(${left.keys.join(', ')}) and the right side ${right.keys.length} (${right.keys.join(', ')})`,
      { left: left.keys, right: right.keys },
    )
  }
  for (const [at, key] of left.keys.entries()) {
    const twin = right.keys[at] ?? key
    const type = left.traits.schema?.field(key).type
    const other = right.traits.schema?.field(twin).type
    if (type === undefined || other === undefined || typesEqual(type, other)) continue
    throw new SabotError(
      'TYPE_MISMATCH',
      `${method} compares the key ${key}, which is ${typeName(type)}, with ${twin}, which is ${typeName(other)}: ` +
        'convert one of them with select()',
      { left: key, right: twin, expected: typeName(type), actual: typeName(other) },
    )
  }
}

/** Rows without a partner have nulls in the other side's fields, whose types must be known even if none ever comes. */
function requireSchema(method: string, type: JoinType, side: 'left' | 'right', { traits }: JoinInput): void {
  if (traits.schema !== undefined) return
  throw new SabotError(
    'SCHEMA_UNKNOWN',
    `${method} of type ${type} puts out nulls for the fields of its ${side} side, whose types are not known before the ` +
      `job runs: declare them, as in map(row => ..., { id: 'i32' })`,
    { side, type },
  )
}

export function joinInputs(left: JoinInput, right: JoinInput): NodeInput[] {
  return [left, right].map(({ input, keys }) => ({ ...input, hashOf: keys }))
}

export function sideSettings({ left, right }: JoinSidesTraits) {
  const of = ({ keys, traits }: JoinSidesTraits['left']) => ({ keys, schema: traits.schema })
  return { left: of(left), right: of(right) }
}

export function describeKeys(left: JoinInput, right: JoinInput): string {
  return left.keys.map((key, at) => (key === right.keys[at] ? key : `${key} = ${right.keys[at]}`)).join(', ')
}
