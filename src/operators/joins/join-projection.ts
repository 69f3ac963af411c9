import { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { appendField, columnBuilder } from '../../core/builders-nested.js'
import type { Column } from '../../core/column.js'
import { TimestampColumn } from '../../core/columns-fixed.js'
import { SabotError } from '../../core/errors.js'
import { inferSchema } from '../../core/infer-schema.js'
import type { Json } from '../../core/json.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import type { TimeWindow } from '../../core/window-geometry.js'
import { type JoinSide, NO_ROW } from '../../kernel/interval-join.js'
import { ObjectSchema } from '../object-schema.js'
import { isThenable, userFunctionFailed, wrongResult } from '../user-function.js'
import { WINDOW_END, WINDOW_START } from '../window-results.js'
import type { RowStore } from './row-store.js'

/** An output field of a join: a field of one side, or computed from both rows. */
export type JoinColumn =
  | { readonly name: string; readonly side: JoinSide; readonly field: string }
  | { readonly name: string; readonly side?: undefined; readonly compute: PairFunction<unknown> }

/** A row that is not there is null. The window where the join has windows. */
export type PairFunction<Out> = (left: unknown, right: unknown, window?: TimeWindow) => Out

/** What a join puts out for each pair: columns, or the object that a function makes of both rows. */
export type JoinSelect =
  | { readonly kind: 'columns'; readonly columns: readonly JoinColumn[] }
  | { readonly kind: 'objects'; readonly transform: PairFunction<object>; readonly schema: Schema | undefined }

/** Rows of one side of some pairs: `outer` when some of the slots are NO_ROW. */
export interface PairedRows {
  readonly store: RowStore
  readonly slots: Uint32Array
  readonly outer: boolean
}

export interface Pairs {
  readonly left: PairedRows
  readonly right: PairedRows
  readonly timestamps?: Float64Array | undefined
  readonly watermarks?: Float64Array | undefined
  readonly kinds?: Uint8Array | undefined
  /** The window of each pair; columns of its bounds follow those that are selected. */
  readonly windows?: WindowBounds | undefined
}

/** Bounds of windows, ms. */
export interface WindowBounds {
  readonly starts: Float64Array
  readonly ends: Float64Array
}

/** The fields that joins by window put behind those that are selected. */
export const WINDOW_FIELDS: readonly Field[] = [WINDOW_START, WINDOW_END].map(name => {
  return { name, type: 'timestamp', nullable: false }
})

/** The fields of a side that have to be kept: all where functions see the rows. */
export function keptFields(select: JoinSelect, side: JoinSide, keys: readonly string[], schema: Schema): Field[] {
  if (select.kind === 'objects' || select.columns.some(column => column.side === undefined)) return [...schema.fields]
  const named = new Set(keys)
  for (const column of select.columns) if (column.side === side) named.add(column.field)
  return schema.fields.filter(({ name }) => named.has(name))
}

/** The output schema where it is known before any row has come. */
export function joinSchema(
  select: JoinSelect,
  left: Schema | undefined,
  right: Schema | undefined,
  nullable: { readonly left: boolean; readonly right: boolean },
): Schema | undefined {
  if (select.kind === 'objects') return select.schema
  const fields: Field[] = []
  for (const column of select.columns) {
    const { side } = column
    const schema = side === 'left' ? left : right
    if (side === undefined || schema === undefined) return undefined
    const field = schema.field(column.field)
    fields.push({ name: column.name, type: field.type, nullable: field.nullable || nullable[side] })
  }
  return new Schema(fields)
}

/**
 * Puts pairs of rows into output columns. Columns selected by name go from the stores to the output without an object;
 * a function sees a row of each side, null where there is none. Types of computed fields are inferred from the first
 * values and then the same for all: they are part of the operator's state.
 */
export class JoinProjection {
  private readonly operator: string
  private readonly select: JoinSelect
  private readonly nullable: { readonly left: boolean; readonly right: boolean }
  private readonly objects: ObjectSchema
  private inferred = new Map<string, Field>()
  private readers: { readonly left: RowReader; readonly right: RowReader } | undefined
  private builder: BatchBuilder | undefined
  private schema: Schema | undefined

  constructor(operator: string, select: JoinSelect, nullable: { readonly left: boolean; readonly right: boolean }) {
    this.operator = operator
    this.select = select
    this.nullable = nullable
    this.objects = new ObjectSchema(select.kind === 'objects' ? select.schema : undefined)
  }

  project(pairs: Pairs): Batch {
    const { timestamps, watermarks, kinds } = pairs
    const { select } = this
    const rowCount = pairs.left.slots.length
    if (select.kind === 'objects') {
      const rows = this.evaluate(pairs, select.transform, 'an object')
      this.builder ??= new BatchBuilder(this.objects.of(rows as object[]))
      for (const row of rows) this.builder.append(row as object)
      return this.builder.finish().with({ timestamps, watermarks, kinds })
    }
    const places = {
      left: pairs.left.store.locate(pairs.left.slots),
      right: pairs.right.store.locate(pairs.right.slots),
    }
    const columns = select.columns.map((column): Column => {
      if (column.side === undefined) return this.computed(pairs, column)
      const { store, outer } = pairs[column.side]
      return store.gatherAt(indexOf(store, column.field), places[column.side], outer)
    })
    const bounds = pairs.windows === undefined ? [] : [pairs.windows.starts, pairs.windows.ends]
    for (const times of bounds) columns.push(TimestampColumn.fromMillis(times))
    this.schema ??= new Schema([
      ...select.columns.map(column => this.fieldOf(column, pairs)),
      ...(bounds.length === 0 ? [] : WINDOW_FIELDS),
    ])
    return new Batch({ schema: this.schema, columns, rowCount, timestamps, watermarks, kinds })
  }

  snapshot(): Json {
    if (this.select.kind === 'objects') return this.objects.snapshot()
    if (this.inferred.size === 0) return null
    return JSON.parse(JSON.stringify(new Schema([...this.inferred.values()]))) as Json
  }

  restore(state: Json): void {
    if (this.select.kind === 'objects') this.objects.restore([{ state, parts: [] }])
    else if (state !== null) {
      this.inferred = new Map(Schema.fromJSON(state).fields.map(field => [field.name, field]))
    }
  }

  private fieldOf(column: JoinColumn, pairs: Pairs): Field {
    if (column.side === undefined) {
      const field = this.inferred.get(column.name)
      if (field === undefined) throw new TypeError(`The type of ${column.name} is not inferred yet`)
      return field
    }
    const { store } = pairs[column.side]
    const { type, nullable } = store.fields[indexOf(store, column.field)] as Field
    return { name: column.name, type, nullable: nullable || this.nullable[column.side] }
  }

  private computed(pairs: Pairs, { name, compute }: Extract<JoinColumn, { side?: undefined }>): Column {
    const values = this.evaluate(pairs, compute, `a value for ${name}`)
    let field = this.inferred.get(name)
    if (field === undefined) {
      const { type } = inferSchema(values.map(value => ({ value }))).field('value')
      field = { name, type, nullable: true }
      this.inferred.set(name, field)
    }
    const builder = columnBuilder(field)
    for (const value of values) appendField(builder, field, name, value)
    return builder.finish()
  }

  /** The function's results; where an object is expected, each is one. */
  private evaluate(pairs: Pairs, userFunction: PairFunction<unknown>, expected: string): unknown[] {
    // A reader shows null for the fields of a row that is not there.
    const left = pairs.left.store.batch(pairs.left.slots, pairs.left.outer)
    const right = pairs.right.store.batch(pairs.right.slots, pairs.right.outer)
    this.readers ??= { left: new RowReader(left.schema), right: new RowReader(right.schema) }
    const { readers } = this
    readers.left.bind(left)
    readers.right.bind(right)
    const results: unknown[] = []
    for (let row = 0; row < left.rowCount; row++) {
      const leftRow = pairs.left.slots[row] === NO_ROW ? null : readers.left.at(row)
      const rightRow = pairs.right.slots[row] === NO_ROW ? null : readers.right.at(row)
      const record = () => ({ left: leftRow && { ...leftRow }, right: rightRow && { ...rightRow } })
      let result: unknown
      try {
        result = userFunction(leftRow, rightRow, windowAt(pairs.windows, row))
      } catch (cause) {
        throw userFunctionFailed(this.operator, record(), cause)
      }
      const isWrong = this.select.kind === 'objects' && (typeof result !== 'object' || result === null)
      if (isWrong || isThenable(result)) throw wrongResult(this.operator, record(), result, expected)
      results.push(result)
    }
    return results
  }
}

function windowAt(windows: WindowBounds | undefined, row: number): TimeWindow | undefined {
  if (windows === undefined) return undefined
  return { start: windows.starts[row] ?? 0, end: windows.ends[row] ?? 0 }
}

function indexOf(store: RowStore, field: string): number {
  const index = store.fields.findIndex(({ name }) => name === field)
  if (index < 0) throw new SabotError('UNKNOWN_FIELD', `The join keeps no field ${field}`, { field })
  return index
}
