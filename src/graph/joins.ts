/* Joins of two keyed streams. KeyedStream delegates to them. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { typeName, typesEqual } from '../core/types.js'
import { intervalJoinOperator } from '../operators/joins/interval-join.js'
import { isOuter, type JoinType } from '../operators/joins/join-type.js'
import { requireAppendOnly } from './changelog.js'
import type { GraphBuilder, NodeInput } from './graph-builder.js'
import { Joined, type JoinSidesTraits } from './join-projection.js'
import type { StreamTraits } from './stream.js'

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
}

/** Bounds beyond this (about 3,170 years) are a mistake. */
const MOST_BOUND_MS = 100_000_000_000_000
const JOIN_TYPES: readonly unknown[] = ['inner', 'left', 'right', 'full']

export function intervalJoined<L, R, Type extends JoinType>(
  left: JoinInput,
  right: JoinInput,
  options: IntervalJoinOptions<Type>,
): Joined<L, R, Type> {
  const method = 'intervalJoin()'
  const sides = joinSides(method, left, right, options.type)
  const { lowerMs, upperMs } = boundsOf(options)
  const { type } = sides
  return new Joined(sides, plan => {
    const node = left.graph.add({
      kind: 'interval-join',
      description:
        `${type} join by ${describeKeys(left, right)}, right from ${formatDuration(lowerMs)} to ` +
        `${formatDuration(upperMs)} after left: ${plan.description}`,
      inputs: joinInputs(left, right),
      role: {
        kind: 'operator',
        create: intervalJoinOperator({ ...sideSettings(sides), select: plan.select, type, lowerMs, upperMs }),
      },
      settings: { left: left.keys, right: right.keys, type, lowerMs, upperMs, kept: plan.kept },
      schema: plan.schema,
    })
    return { graph: left.graph, node, traits: { isTimed: true, fields: plan.fields, schema: plan.schema } }
  })
}

function boundsOf({ from, to, fromInclusive = true, toInclusive = true }: IntervalJoinOptions): {
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
 * What all joins by event time ask of their sides.
 * @throws SabotError CHANGELOG_INPUT, NO_TIMESTAMPS, JOIN_KEYS, TYPE_MISMATCH, INVALID_OPTION, SCHEMA_UNKNOWN
 */
export function joinSides(
  method: string,
  left: JoinInput,
  right: JoinInput,
  type: JoinType = 'inner',
): JoinSidesTraits {
  if (!JOIN_TYPES.includes(type)) {
    throw new SabotError('INVALID_OPTION', `type is one of ${JOIN_TYPES.join(', ')}, not ${describeValue(type)}`, {
      option: 'type',
      value: type,
    })
  }
  for (const { traits } of [left, right]) {
    requireAppendOnly(method, traits)
    if (traits.isTimed) continue
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
