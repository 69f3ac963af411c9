import { describeValue, SabotError } from '../../core/errors.js'
import type { FieldType, ValueOf } from '../../core/types.js'

/*
 * Aggregate functions, as descriptions. What of them the window kernel computes stands in kernel-functions.ts, what the
 * host computes in host-aggregate.ts; both give the same where both can.
 */

/** Of the values of a field that are numbers. */
export type NumericFunction = KernelNumericFunction | 'variance' | 'stddev' | 'quantile' | 'quantiles'
export type KernelNumericFunction = 'sum' | 'min' | 'max' | 'mean'
/** Of the values of a field, or of whole records. */
export type RecordFunction = 'count' | 'first' | 'last' | 'collectList'
/** Of the values of a field of a primitive type. */
export type ValueFunction = 'countDistinct' | 'approxCountDistinct' | 'collectSet'
/** Of records, in the order of a field of numbers or strings. */
export type OrderedFunction = 'minBy' | 'maxBy' | 'topN'

export type AggregateFunction =
  | NumericFunction
  | RecordFunction
  | ValueFunction
  | OrderedFunction
  | 'weightedMean'
  | 'stringJoin'
  | 'custom'

export interface AggregateSettings {
  readonly of?: 'sample' | 'population'
  readonly n?: number
  readonly order?: 'descending' | 'ascending'
  readonly ties?: boolean
  readonly quantiles?: readonly number[]
  readonly relativeError?: number
  readonly precision?: number
  readonly seed?: number
  readonly separator?: string
}

/** An aggregate of the user's: see customAggregate. */
export interface CustomAggregate<Row = unknown, Accumulator = unknown, Value = unknown> {
  /** The column type of the result. */
  readonly type: FieldType
  /** The accumulator of one record. */
  lift(row: Row): Accumulator
  /**
   * One accumulator of two, the left one of what came first. It changes neither. Associative; where records come out of
   * order into windows, commutative too.
   */
  combine(left: Accumulator, right: Accumulator): Accumulator
  /** The result of an accumulator, which it does not change. */
  lower(accumulator: Accumulator): Value
  /** Takes `right` out of `combine(left, right)` again: exactly `left`. */
  invert?(accumulator: Accumulator, right: Accumulator): Accumulator
}

/** An aggregate as operators are given it. */
export interface AggregateCall {
  readonly function: AggregateFunction
  /** undefined: over whole records. */
  readonly field: string | undefined
  /** The field that orders (minBy, maxBy, topN) or weighs (weightedMean). */
  readonly by?: string | undefined
  readonly settings?: AggregateSettings
  /** Only the records for which it is true are aggregated. */
  readonly predicate?: ((row: never) => boolean) | undefined
  readonly custom?: CustomAggregate | undefined
}

/**
 * An aggregate over a field, or over whole records where `field` is undefined. `Row` is what its functions take, `Value`
 * the result of one that the user wrote.
 */
export class Aggregate<
  Field extends string | undefined = string | undefined,
  Kind extends AggregateFunction = AggregateFunction,
  By extends string | undefined = undefined,
  Row = unknown,
  Value = unknown,
> implements AggregateCall
{
  readonly function: Kind
  readonly field: Field
  readonly by: By
  readonly settings: AggregateSettings
  readonly predicate: ((row: Row) => boolean) | undefined
  readonly custom: CustomAggregate | undefined
  /** Type level only. */
  readonly value?: Value

  constructor(init: {
    readonly function: Kind
    readonly field: Field
    readonly by: By
    readonly settings?: AggregateSettings
    readonly predicate?: ((row: Row) => boolean) | undefined
    readonly custom?: CustomAggregate | undefined
  }) {
    this.function = init.function
    this.field = init.field
    this.by = init.by
    this.settings = init.settings ?? {}
    this.predicate = init.predicate
    this.custom = init.custom
  }

  /** Over the records for which `predicate` is true only (FILTER (WHERE ...) in SQL). The result of none is null. */
  where<Of>(predicate: (row: Of) => boolean): FilteredAggregate<Field, Kind, By, Of, Value> {
    const both = this.predicate as ((row: unknown) => boolean) | undefined
    const filtered = both === undefined ? predicate : (row: Of) => both(row) && predicate(row)
    return new Aggregate<Field, Kind, By, Of, Value>({ ...this, predicate: filtered }) as FilteredAggregate<
      Field,
      Kind,
      By,
      Of,
      Value
    >
  }
}

/** An aggregate over some of the records. */
export type FilteredAggregate<
  Field extends string | undefined,
  Kind extends AggregateFunction,
  By extends string | undefined,
  Row,
  Value,
> = Aggregate<Field, Kind, By, Row, Value> & { readonly predicate: (row: Row) => boolean }

/** The number of rows, or of rows whose `field` is not null. */
export function count(): Aggregate<undefined, 'count'>
export function count<const Field extends string>(field: Field): Aggregate<Field, 'count'>
export function count(field?: string): Aggregate<string | undefined, 'count'> {
  return new Aggregate({ function: 'count', field, by: undefined })
}

/**
 * The sum of a numeric field; null where every value is null, as in SQL. Integers add up exactly: i64 and decimal
 * keep their type, a sum beyond i64 is the error SUM_OVERFLOW; the sum of i32 is a number. NaN makes the sum NaN.
 */
export function sum<const Field extends string>(field: Field): Aggregate<Field, 'sum'> {
  return new Aggregate({ function: 'sum', field, by: undefined })
}

/** The smallest value of a numeric field. Nulls are skipped; so is NaN, unless there is nothing else. -0 is 0. */
export function min<const Field extends string>(field: Field): Aggregate<Field, 'min'> {
  return new Aggregate({ function: 'min', field, by: undefined })
}

/** The largest value of a numeric field. Nulls are skipped; so is NaN, unless there is nothing else. -0 is 0. */
export function max<const Field extends string>(field: Field): Aggregate<Field, 'max'> {
  return new Aggregate({ function: 'max', field, by: undefined })
}

/** The arithmetic mean of a numeric field, sum / count of the values that are not null; null where there is none. */
export function mean<const Field extends string>(field: Field): Aggregate<Field, 'mean'> {
  return new Aggregate({ function: 'mean', field, by: undefined })
}

/**
 * The variance of a numeric field: of a sample (n - 1; null of fewer than two values), or of a whole population (n).
 * By Welford's method. Nulls are skipped; NaN and the infinities make it NaN.
 */
export function variance<const Field extends string>(
  field: Field,
  of: 'sample' | 'population' = 'sample',
): Aggregate<Field, 'variance'> {
  return new Aggregate({ function: 'variance', field, by: undefined, settings: { of } })
}

/** The standard deviation: the root of the variance. */
export function stddev<const Field extends string>(
  field: Field,
  of: 'sample' | 'population' = 'sample',
): Aggregate<Field, 'stddev'> {
  return new Aggregate({ function: 'stddev', field, by: undefined, settings: { of } })
}

/** The mean of `field`, each value weighted by the field `weight`; null where the weights add up to 0 or none is there. */
export function weightedMean<const Field extends string, const Weight extends string>(
  field: Field,
  weight: Weight,
): Aggregate<Field, 'weightedMean', Weight> {
  return new Aggregate({ function: 'weightedMean', field, by: weight })
}

/**
 * The value (not null) of the record with the lowest event time, or that record; of records of one time the first to
 * arrive.
 */
export function first(): Aggregate<undefined, 'first'>
export function first<const Field extends string>(field: Field): Aggregate<Field, 'first'>
export function first(field?: string): Aggregate<string | undefined, 'first'> {
  return new Aggregate({ function: 'first', field, by: undefined })
}

/**
 * The value (not null) of the record with the highest event time, or that record; of records of one time the last to
 * arrive.
 */
export function last(): Aggregate<undefined, 'last'>
export function last<const Field extends string>(field: Field): Aggregate<Field, 'last'>
export function last(field?: string): Aggregate<string | undefined, 'last'> {
  return new Aggregate({ function: 'last', field, by: undefined })
}

/**
 * The record in which `by` is least, or a field of it; of equal ones the first to arrive. Nulls in `by` are skipped; so
 * is NaN, unless there is nothing else. Strings are in the order of their UTF-16 code units.
 */
export function minBy<const By extends string>(by: By): Aggregate<undefined, 'minBy', By>
export function minBy<const By extends string, const Field extends string>(
  by: By,
  field: Field,
): Aggregate<Field, 'minBy', By>
export function minBy(by: string, field?: string): Aggregate<string | undefined, 'minBy', string> {
  return new Aggregate({ function: 'minBy', field, by })
}

/** The record in which `by` is greatest, or a field of it. Otherwise as minBy. */
export function maxBy<const By extends string>(by: By): Aggregate<undefined, 'maxBy', By>
export function maxBy<const By extends string, const Field extends string>(
  by: By,
  field: Field,
): Aggregate<Field, 'maxBy', By>
export function maxBy(by: string, field?: string): Aggregate<string | undefined, 'maxBy', string> {
  return new Aggregate({ function: 'maxBy', field, by })
}

export interface TopNOptions<Field extends string | undefined = undefined> {
  /** What is taken of each record: this field. Default: the record. */
  readonly field?: Field
  /** Default 'descending': the greatest. */
  readonly order?: 'descending' | 'ascending'
  /** Whether records that equal the n-th are taken too, however many they are. Default false. */
  readonly ties?: boolean
}

/**
 * The `n` records with the greatest values of `by`, greatest first (or the least, with order 'ascending'), or a field of
 * each. Equal ones stand in the order of arrival. Nulls in `by` are skipped, NaN comes last.
 * @throws SabotError INVALID_OPTION when n is not a whole number from 1
 */
export function topN<const By extends string>(
  n: number,
  by: By,
  options?: TopNOptions,
): Aggregate<undefined, 'topN', By>
export function topN<const By extends string, const Field extends string>(
  n: number,
  by: By,
  options: TopNOptions<Field> & { readonly field: Field },
): Aggregate<Field, 'topN', By>
export function topN(
  n: number,
  by: string,
  options: TopNOptions<string | undefined> = {},
): Aggregate<string | undefined, 'topN', string> {
  const { field, order = 'descending', ties = false } = options
  checkOption('n', n, Number.isSafeInteger(n) && n >= 1, 'a whole number from 1')
  return new Aggregate({ function: 'topN', field, by, settings: { n, order, ties } })
}

/** The number of distinct values, exactly: nulls are none, -0 is 0, NaN is one value. It keeps every value. */
export function countDistinct<const Field extends string>(field: Field): Aggregate<Field, 'countDistinct'> {
  return new Aggregate({ function: 'countDistinct', field, by: undefined })
}

/**
 * The number of distinct values, by HyperLogLog: its standard error is 1.04 / sqrt(2^precision), 1.6 % at the default
 * of 12 (at most 4 kB of state); precision is 4 to 16. The seed of its hash stands in the state.
 * @throws SabotError INVALID_OPTION
 */
export function approxCountDistinct<const Field extends string>(
  field: Field,
  options: { readonly precision?: number; readonly seed?: number } = {},
): Aggregate<Field, 'approxCountDistinct'> {
  const { precision = 12, seed = 0x5ab07 } = options
  checkOption('precision', precision, precision >= 4 && precision <= 16 && Number.isInteger(precision), '4 to 16')
  checkOption('seed', seed, (seed | 0) === seed, 'a 32-bit integer')
  return new Aggregate({ function: 'approxCountDistinct', field, by: undefined, settings: { precision, seed } })
}

/**
 * The `q`-quantile of a numeric field by DDSketch: within `relativeError` (1 % by default) of the value of rank
 * floor(q (n - 1)), counted from 0, always. Nulls and NaN are skipped; null where there is nothing else.
 * @throws SabotError INVALID_OPTION when q is not within [0, 1], or relativeError not within (0, 1)
 */
export function quantile<const Field extends string>(
  field: Field,
  q: number,
  options: { readonly relativeError?: number } = {},
): Aggregate<Field, 'quantile'> {
  return new Aggregate({ function: 'quantile', field, by: undefined, settings: sketchSettings([q], options) })
}

/** Several quantiles from one sketch, as a list. Otherwise as quantile. */
export function quantiles<const Field extends string>(
  field: Field,
  qs: readonly number[],
  options: { readonly relativeError?: number } = {},
): Aggregate<Field, 'quantiles'> {
  return new Aggregate({ function: 'quantiles', field, by: undefined, settings: sketchSettings(qs, options) })
}

/** The values that are not null, or the records, as a list in the order of arrival. */
export function collectList(): Aggregate<undefined, 'collectList'>
export function collectList<const Field extends string>(field: Field): Aggregate<Field, 'collectList'>
export function collectList(field?: string): Aggregate<string | undefined, 'collectList'> {
  return new Aggregate({ function: 'collectList', field, by: undefined })
}

/** The distinct values that are not null, in the order in which each came first; -0 is 0, NaN is one value. */
export function collectSet<const Field extends string>(field: Field): Aggregate<Field, 'collectSet'> {
  return new Aggregate({ function: 'collectSet', field, by: undefined })
}

/** The strings that are not null, joined in the order of arrival; null where there is none. */
export function stringJoin<const Field extends string>(field: Field, separator = ','): Aggregate<Field, 'stringJoin'> {
  return new Aggregate({ function: 'stringJoin', field, by: undefined, settings: { separator } })
}

/**
 * An aggregate of one's own: `lift` makes an accumulator of a record, `combine` one of two, `lower` the result. The
 * result of no record is null. Accumulators are plain values (objects, arrays, Map, Set, Date, numbers, bigints,
 * strings), since they go into checkpoints.
 */
export function customAggregate<Row, Accumulator, const Type extends FieldType>(
  custom: CustomAggregate<Row, Accumulator, ValueOf<Type>> & { readonly type: Type },
): Aggregate<undefined, 'custom', undefined, Row, ValueOf<Type>> {
  const { type, lift, combine, lower } = custom
  if (type === undefined || [lift, combine, lower].some(part => typeof part !== 'function')) {
    throw new TypeError('customAggregate() needs a type, and the functions lift, combine and lower')
  }
  return new Aggregate<undefined, 'custom', undefined, Row, ValueOf<Type>>({
    function: 'custom',
    field: undefined,
    by: undefined,
    custom: custom as CustomAggregate,
  })
}

function sketchSettings(qs: readonly number[], options: { readonly relativeError?: number }): AggregateSettings {
  const { relativeError = 0.01 } = options
  for (const q of qs) checkOption('q', q, q >= 0 && q <= 1, 'a number from 0 to 1')
  checkOption('q', qs.length, qs.length > 0, 'at least one quantile')
  checkOption('relativeError', relativeError, relativeError > 0 && relativeError < 1, 'a number between 0 and 1')
  return { quantiles: [...qs], relativeError }
}

function checkOption(option: string, value: unknown, isGood: boolean, wanted: string): void {
  if (isGood) return
  throw new SabotError('INVALID_OPTION', `${option} is ${wanted}, not ${describeValue(value)}`, { option, value })
}
