import { Batch } from '../core/batch.js'
import type { Column } from '../core/column.js'
import { Float64Column, Int64Column, Word64Column } from '../core/columns-fixed.js'
import { Schema } from '../core/schema.js'
import type { Field } from '../core/types.js'
import type { FiredColumn, FiredWindows, PartialAggregates } from '../kernel/aggregated-columns.js'
import type { KeyCoder } from './key-coder.js'
import { keyFields } from './keyed/key-fields.js'
import { WindowColumns } from './window-columns.js'
import type { NamedAggregate } from './window-results.js'

/**
 * Partial aggregates as rows of batches: one a key and slice of time, with the keys' own fields, how many rows it stands
 * for, and what the kernel keeps of each aggregated column. Its timestamp is the start of the slice.
 *
 * Laws: read(write(fired)) has the row counts and columns of `fired`; no row of `rows` is taken for a partial aggregate.
 */
export class PartialRows {
  /** The schema of the rows that were aggregated. */
  readonly rows: Schema
  readonly schema: Schema
  private readonly keys: number
  private readonly hasMinMax: readonly boolean[]

  /** `operator` is the operator's id, for errors of the user's predicates. */
  constructor(rows: Schema, keys: readonly string[], aggregates: readonly NamedAggregate[], operator: string) {
    this.rows = rows
    this.keys = keys.length
    const { specs } = new WindowColumns(rows, aggregates, operator)
    this.hasMinMax = specs.map(({ minMax }) => minMax)
    const prefix = freePrefix(rows)
    const field = (name: string, type: 'f64' | 'i64'): Field => ({ name: `${prefix}${name}`, type, nullable: false })
    this.schema = new Schema([
      ...keyFields(rows, keys),
      field('rows', 'f64'),
      ...specs.flatMap(({ type, minMax }, column) => {
        const kept = type === 'f64' || type === 'f32' ? 'f64' : 'i64'
        const values = [field(`${column} values`, 'f64'), field(`${column} sum`, kept)]
        return minMax ? [...values, field(`${column} min`, kept), field(`${column} max`, kept)] : values
      }),
    ])
  }

  /** Whether a batch holds partial aggregates. */
  isOf({ schema }: Batch): boolean {
    return schema === this.schema || schema.fields[this.keys]?.name === this.schema.fields[this.keys]?.name
  }

  /** What windows have put out, as a batch of its own; `watermarks` are those in force before each row. */
  write(coder: KeyCoder, fired: FiredWindows, watermarks: Float64Array): Batch {
    const { count, idsPointer, starts, rowCounts } = fired
    const parts = fired.columns.flatMap(({ nonNull, sum, min, max }) => [nonNull, sum, min ?? [], max ?? []].flat())
    const columns = [rowCounts, ...parts].map(columnOf)
    const timestamps = starts.slice()
    // Reading keys may grow the kernel's memory, which detaches what it fired: so it comes last.
    const keys = coder.read(idsPointer, count)
    return new Batch({ schema: this.schema, columns: [...keys, ...columns], rowCount: count, timestamps, watermarks })
  }

  read(batch: Batch): PartialAggregates {
    let next = this.keys
    const take = (): ReturnType<typeof valuesOf> => valuesOf(batch.columnAt(next++))
    const rowCounts = take() as Float64Array<ArrayBuffer>
    const columns = this.hasMinMax.map((minMax): FiredColumn => {
      const nonNull = take() as Float64Array<ArrayBuffer>
      const sum = take()
      return { nonNull, sum, min: minMax ? take() : undefined, max: minMax ? take() : undefined }
    })
    return { rowCounts, columns }
  }
}

/** Names that begin with it are nobody else's. */
function freePrefix({ names }: Schema): string {
  let prefix = '#'
  while (names.some(name => name.startsWith(prefix))) prefix += '#'
  return prefix
}

function columnOf(values: Float64Array | BigInt64Array): Column {
  return values instanceof Float64Array ? new Float64Column(values.slice()) : new Int64Column(values.slice())
}

function valuesOf(column: Column): Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> {
  if (column instanceof Float64Column) return column.values as Float64Array<ArrayBuffer>
  if (column instanceof Word64Column) return column.values as BigInt64Array<ArrayBuffer>
  throw new TypeError(`A column of ${String(column.type)} is no part of an aggregate`)
}
