/* What the compiler knows of aggregates: which fields they take, and what their results are. */
import type {
  Aggregate,
  NumericFunction,
  OrderedFunction,
  RecordFunction,
  ValueFunction,
} from '../operators/aggregates/aggregate.js'
import type { FieldOf, Simplified } from './projection.js'

/** Fields whose values can be added and compared. A field of unknown type is checked when the job runs. */
export type NumericFieldOf<Row> = FieldLike<Row, number | bigint | boolean | `${number}`>

/** Fields whose values have an order. */
type OrderedFieldOf<Row> = FieldLike<Row, number | bigint | boolean | string>

type FieldLike<Row, Value> = {
  [Field in FieldOf<Row>]: unknown extends Row[Field] ? Field : Row[Field] extends Value | null ? Field : never
}[FieldOf<Row>]

/** Output fields and how each is aggregated. */
export interface Aggregates<Row> {
  readonly [field: string]: AggregateOf<Row>
}

/** An aggregate over rows of this type. */
export type AggregateOf<Row> =
  | Aggregate<FieldOf<Row> | undefined, RecordFunction, undefined, Row>
  | Aggregate<NumericFieldOf<Row>, NumericFunction, undefined, Row>
  | Aggregate<FieldOf<Row>, ValueFunction, undefined, Row>
  | Aggregate<FieldOf<Row> | undefined, OrderedFunction, OrderedFieldOf<Row>, Row>
  | Aggregate<NumericFieldOf<Row>, 'weightedMean', NumericFieldOf<Row>, Row>
  | Aggregate<FieldLike<Row, string>, 'stringJoin', undefined, Row>
  | Aggregate<undefined, 'custom', undefined, Row>

/** The JavaScript type of an aggregate's result. */
export type AggregateResult<Row, A> =
  A extends Aggregate<infer Field, infer Kind, infer By, infer _Row, infer Value>
    ? Kind extends 'count' | 'countDistinct' | 'approxCountDistinct'
      ? number
      : Kind extends 'collectList' | 'collectSet' | 'topN'
        ? Kind extends 'topN'
          ? readonly ValueAt<Row, Field>[]
          : readonly NonNullable<ValueAt<Row, Field>>[]
        : OrNull<IsFiltered<A>, Single<Row, Field, Kind, By, Value>>
    : never

/** Of aggregates that give one value, where every record is looked at. */
type Single<Row, Field, Kind, By, Value> = Kind extends 'custom'
  ? Value
  : Kind extends 'first' | 'last'
    ? ValueAt<Row, Field>
    : Kind extends 'minBy' | 'maxBy'
      ? NullIf<ValueAt<Row, By>, ValueAt<Row, Field>>
      : Kind extends 'variance' | 'stddev' | 'quantile' | 'weightedMean'
        ? number | null
        : Kind extends 'quantiles'
          ? readonly number[] | null
          : Kind extends 'mean'
            ? NullIf<ValueAt<Row, Field>, number>
            : Kind extends 'stringJoin'
              ? NullIf<ValueAt<Row, Field>, string>
              : Kind extends 'sum'
                ? NullIf<ValueAt<Row, Field>, SumOf<NonNullable<ValueAt<Row, Field>>>>
                : NullIf<ValueAt<Row, Field>, MinMaxOf<NonNullable<ValueAt<Row, Field>>>>

type ValueAt<Row, Field> = Field extends keyof Row ? Row[Field] : Row
type NullIf<Condition, Value> = null extends Condition ? Value | null : Value
type OrNull<Condition, Value> = Condition extends true ? Value | null : Value
type IsFiltered<A> = A extends { readonly predicate: (row: never) => boolean } ? true : false
type SumOf<Value> = Value extends bigint | string ? Value : number
type MinMaxOf<Value> = Value extends boolean ? number : Value

/** The fields of a record of aggregates. */
export type AggregateResults<Row, A> = { readonly [Field in keyof A]: AggregateResult<Row, A[Field]> }

/** The rows of a window aggregation: key, window bounds in ms since the epoch (end exclusive), aggregates. */
export type WindowResult<Row, Key extends keyof Row, A> = Simplified<
  Pick<Row, Key> & { readonly windowStart: number; readonly windowEnd: number } & AggregateResults<Row, A>
>
