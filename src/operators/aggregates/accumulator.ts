import type { Batch } from '../../core/batch.js'
import type { Json } from '../../core/json.js'
import type { ColumnType } from '../../core/types.js'

/**
 * An aggregate function over state of the host, bound to a schema: lift and combine (`add`), combine (`merge`), lower
 * (`result`), and where it can be done exactly, invert (`retract`). The kernels compute some of these functions too,
 * with the same results.
 *
 * An accumulator is owned by whoever called `create`, and passed through: `add`, `retract` and the first argument of
 * `merge` may be changed and given back, so the caller goes on with what is returned.
 *
 * Laws, where = is equality of results:
 * - merge(create(), a) = a = merge(a, create())
 * - merge(a, b), where a has added some records and b the ones behind them, = one that has added all
 * - merge is associative; it is commutative too, unless the function says that it goes by the order of arrival
 * - retract(add(a, r), r) = a
 * - decode(encode(a)) behaves as a does, in this and any other process; encode(a) survives JSON
 * - result changes nothing: one may go on adding
 */
export interface HostAggregate<Accumulator = unknown> {
  /** The column type of the result. */
  readonly type: ColumnType
  /** Whether the result of one record or more may be null. (That of none is null for all but counts and collections.) */
  readonly nullable: boolean
  create(): Accumulator
  /** Shows the batch, without a selection, whose rows come next; for functions that read columns where they can. */
  bind?(batch: Batch): void
  /**
   * Adds a record. It is only looked at during the call: what is kept of it is copied.
   * `timestamp`: its event time in ms. `row`: its row in the batch that was bound; undefined where none was.
   * @throws SabotError SUM_OVERFLOW and others that the function names
   */
  add(accumulator: Accumulator, record: object, timestamp: number, row?: number): Accumulator
  /** Adds what `from` has added. `from` is not changed, and shares nothing with the outcome that could change. */
  merge(into: Accumulator, from: Accumulator): Accumulator
  /** The value of the result in the terms of the column builders. */
  result(accumulator: Accumulator): unknown
  /** Takes a record back that was added before. Absent where that cannot be done exactly. */
  retract?(accumulator: Accumulator, record: object, timestamp: number): Accumulator
  encode(accumulator: Accumulator): Json
  /** @param json what `encode` of an equal function wrote */
  decode(json: Json): Accumulator
}

/** Reads a field of a record: a row view, or an object of the user. A missing field is null. */
export function fieldOf(record: object, field: string): unknown {
  return (record as { readonly [field: string]: unknown })[field] ?? null
}
