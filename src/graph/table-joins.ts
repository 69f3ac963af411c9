/* As-of joins, temporal joins and regular joins of two keyed streams. KeyedStream delegates to them. */
import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'
import { asOfJoinOperator } from '../operators/joins/as-of-join.js'
import type { JoinType } from '../operators/joins/join-type.js'
import { regularJoinOperator } from '../operators/joins/regular-join.js'
import { sideInputJoinOperator } from '../operators/joins/side-input-join.js'
import type { AsOfDirection } from '../operators/joins/versions.js'
import { requireAppendOnly } from './changelog.js'
import { EnrichedRows, Joined } from './join-projection.js'
import { belowWatermark, describeKeys, type JoinInput, joinInputs, joinSides, sideSettings } from './joins.js'
import { checkChoice } from './windowing.js'

export interface AsOfJoinOptions<Type extends 'inner' | 'left' = 'inner' | 'left'> {
  /**
   * Where the partner of a left row is: at its time or before ('backward', the default), at its time or behind
   * ('forward'), or on either side, whichever is nearer ('nearest'; of two equally near the earlier one).
   */
  readonly direction?: AsOfDirection
  /** How far away in time the partner may be. Left rows wait for it, but for 'backward'. */
  readonly tolerance: Duration
  /** 'left': left rows without a partner come out, too. Default 'inner'. */
  readonly type?: Type
}

export interface TemporalJoinOptions<Type extends 'inner' | 'left' = 'inner' | 'left'> {
  /** 'left': left rows for which there is no version come out, too. Default 'inner'. */
  readonly type?: Type
}

const DIRECTIONS: readonly unknown[] = ['backward', 'forward', 'nearest']

export function asOfJoined<L, R, Type extends 'inner' | 'left'>(
  left: JoinInput,
  right: JoinInput,
  { direction = 'backward', tolerance, type }: Partial<AsOfJoinOptions<Type>> = {},
): Joined<L, R, Type> {
  const method = 'asOfJoin()'
  requireAppendOnly(method, right.traits)
  if (!DIRECTIONS.includes(direction)) {
    throw new SabotError(
      'INVALID_OPTION',
      `direction is one of ${DIRECTIONS.join(', ')}, not ${describeValue(direction)}`,
      { option: 'direction', value: direction },
    )
  }
  if (tolerance === undefined || tolerance === Number.POSITIVE_INFINITY) {
    throw new SabotError(
      'JOIN_UNBOUNDED',
      'asOfJoin() needs a tolerance, such as { tolerance: "1h" }: without it the last row of each key would be kept for ' +
        'good. For a table whose rows are valid until they change use temporalJoin()',
      { tolerance },
    )
  }
  const toleranceMs = parseDuration(tolerance)
  const near = `${direction} up to ${formatDuration(toleranceMs)}`
  return versioned<L, R, Type>(method, 'as-of-join', left, right, { type, direction, toleranceMs, near })
}

export function temporalJoined<L, R, Type extends 'inner' | 'left'>(
  left: JoinInput,
  right: JoinInput,
  { type }: TemporalJoinOptions<Type>,
): Joined<L, R, Type> {
  const near = 'the version at its time'
  const settings = { type, direction: 'backward', toleranceMs: Number.POSITIVE_INFINITY, near } as const
  return versioned<L, R, Type>('temporalJoin()', 'temporal-join', left, right, settings)
}

interface VersionedSettings {
  readonly type: 'inner' | 'left' | undefined
  readonly direction: AsOfDirection
  readonly toleranceMs: number
  readonly near: string
}

function versioned<L, R, Type extends JoinType>(
  method: string,
  kind: string,
  left: JoinInput,
  right: JoinInput,
  { type = 'inner', direction, toleranceMs, near }: VersionedSettings,
): Joined<L, R, Type> {
  requireAppendOnly(method, left.traits)
  const sides = joinSides(method, left, right, type)
  withoutRightOuter(method, type)
  return new Joined(sides, plan => {
    const node = left.graph.add({
      kind,
      description: `${type} join by ${describeKeys(left, right)}, ${near}: ${plan.description}`,
      inputs: joinInputs(left, right),
      role: {
        kind: 'operator',
        create: asOfJoinOperator({ ...sideSettings(sides), select: plan.select, type, direction, toleranceMs }),
      },
      settings: {
        left: left.keys,
        right: right.keys,
        type,
        direction,
        toleranceMs: Number.isFinite(toleranceMs) ? toleranceMs : null,
        kept: plan.kept,
      },
      schema: plan.schema,
    })
    const traits = { isTimed: true, fields: plan.fields, schema: plan.schema }
    return { graph: left.graph, node, traits, lateFrom: belowWatermark }
  })
}

function withoutRightOuter(method: string, type: JoinType): 'inner' | 'left' {
  if (type === 'inner' || type === 'left') return type
  throw new SabotError('INVALID_OPTION', `type is 'inner' or 'left' for ${method}, not ${describeValue(type)}`, {
    option: 'type',
    value: type,
  })
}

export interface RegularJoinOptions<Type extends JoinType = JoinType> {
  /**
   * How long a row is kept behind its event time. When the watermark has come that far it is forgotten: it pairs with
   * nothing any more, and no pair of its is taken back.
   */
  readonly ttl: Duration
  /**
   * Whose time the ttl counts: that of the records (the default); or that of the machine, from when a row came: then no
   * row is late, and results depend on how fast rows come (as with Flink's state TTL).
   */
  readonly time?: 'event' | 'processing'
  /** Which rows come out alone while they have no partner. Default 'inner': none. */
  readonly type?: Type
}

export function regularJoined<L, R, Type extends JoinType>(
  left: JoinInput,
  right: JoinInput,
  { ttl, time = 'event', type: wanted }: Partial<RegularJoinOptions<Type>> = {},
): Joined<L, R, Type> {
  const method = 'join()'
  const sides = joinSides(method, left, right, wanted)
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) {
    throw new SabotError(
      'JOIN_UNBOUNDED',
      'join() needs a time to live, such as { ttl: "1d" }: without it every row would be kept for good. Where partners ' +
        'are near in time use intervalJoin()',
      { ttl },
    )
  }
  checkChoice('time', time, ['event', 'processing'])
  const ttlMs = parseDuration(ttl)
  const { type } = sides
  const kept = `${formatDuration(ttlMs)}${time === 'event' ? '' : ' of processing time'}`
  // Rows of inserts that are never alone are never taken back.
  const isChangelog = type !== 'inner' || left.traits.isChangelog === true || right.traits.isChangelog === true
  return new Joined(sides, plan => {
    const node = left.graph.add({
      kind: 'regular-join',
      description: `${type} join by ${describeKeys(left, right)}, rows kept ${kept}: ${plan.description}`,
      inputs: joinInputs(left, right),
      role: {
        kind: 'operator',
        create: regularJoinOperator({ ...sideSettings(sides), select: plan.select, type, ttlMs, time }),
      },
      settings: {
        ...{ left: left.keys, right: right.keys, type, ttlMs, kept: plan.kept },
        ...(time === 'event' ? {} : { time }),
      },
      schema: plan.schema,
    })
    const traits = { isTimed: true, fields: plan.fields, schema: plan.schema, isChangelog }
    return {
      graph: left.graph,
      node,
      traits,
      lateFrom: time === 'event' ? timestamp => timestamp + ttlMs : () => Number.POSITIVE_INFINITY,
    }
  })
}

export interface EnrichOptions<Type extends 'inner' | 'left' = 'inner' | 'left'> {
  /** 'left': rows for which the side input has none come out, too. Default 'inner'. */
  readonly type?: Type
  /** Rows that may wait while the side input is read; more are an error. Default 1,000,000. */
  readonly mostWaiting?: number
}

const MOST_WAITING = 1_000_000

export function enriched<L, R, Type extends 'inner' | 'left'>(
  left: JoinInput,
  right: JoinInput,
  { type: wanted, mostWaiting = MOST_WAITING }: EnrichOptions<Type>,
): EnrichedRows<L, R, Type> {
  const method = 'enrich()'
  requireAppendOnly(method, left.traits)
  requireAppendOnly(method, right.traits)
  const sides = joinSides(method, left, right, wanted, false)
  const type = withoutRightOuter(method, sides.type)
  if (!Number.isSafeInteger(mostWaiting) || mostWaiting < 0) {
    throw new SabotError('INVALID_OPTION', `mostWaiting is a number of rows, not ${describeValue(mostWaiting)}`, {
      option: 'mostWaiting',
      value: mostWaiting,
    })
  }
  const { isTimed } = left.traits
  return new EnrichedRows(sides, plan => {
    const settings = { ...sideSettings(sides), select: plan.select, type, isTimed, mostWaiting }
    const node = left.graph.add({
      kind: 'side-input-join',
      description: `${type} join by ${describeKeys(left, right)} with a side input: ${plan.description}`,
      inputs: joinInputs(left, right),
      role: { kind: 'operator', create: sideInputJoinOperator(settings) },
      settings: { left: left.keys, right: right.keys, type, isTimed, kept: plan.kept },
      schema: plan.schema,
    })
    return { graph: left.graph, node, traits: { isTimed, fields: plan.fields, schema: plan.schema } }
  })
}
