/*
 * The unit of data: up to some thousand rows, one column a field. Immutable by agreement: every method that changes
 * something gives a new batch that shares the columns.
 */
import type { Column } from './column.js'
import { SabotError } from './errors.js'
import { defineField } from './row-object.js'
import type { Schema } from './schema.js'
import { type Field, typeName, typesEqual } from './types.js'

/** The most rows that one batch of the builders has, which is also what a kernel takes at once. */
export const MAX_BATCH_ROWS = 65_536

/**
 * Which split of the source moved the watermarks of the rows: `before` those up to `upTo` (null: none yet), `behind`
 * the higher ones.
 */
export interface WatermarkMovers {
  readonly upTo: number
  readonly before: number | null
  readonly behind: number
}

/** Event times that are put into arrays only when somebody asks for them. They are lent as those of a batch are. */
export interface DeferredTimes {
  readonly rowCount: number
  readonly timestamps: Float64Array
  readonly watermarks: Float64Array
}

export interface BatchInit<Row = unknown> {
  readonly schema: Schema<Row>
  readonly columns: readonly Column[]
  /** Physical rows: the length of every column. */
  readonly rowCount: number
  /** Event time in ms of each physical row; undefined before it is assigned. */
  readonly timestamps?: Float64Array | undefined
  /** The watermark in ms that was in force before each physical row. */
  readonly watermarks?: Float64Array | undefined
  /** Instead of both. */
  readonly times?: DeferredTimes | undefined
  /** The row kind (row-kind.ts) of each physical row; undefined: every row is an insert. */
  readonly kinds?: Uint8Array | undefined
  /** The split of the source that all rows come from, where the source has several; it matters until time is assigned. */
  readonly split?: number | undefined
  /** Who moved `watermarks`, where it is known: rows of one source with splits. */
  readonly movers?: WatermarkMovers | undefined
  /** Strictly ascending physical rows that are selected; undefined selects all. */
  readonly selection?: Uint32Array | undefined
}

/**
 * Rows in columns. A *physical row* is a position in the columns; a *selected row* is a position among the rows that
 * the selection keeps. `timestamps`, `watermarks` and `kinds` are by physical row. A copy with other parts is made by
 * `with`: to spread a batch would leave its event times out.
 *
 * Laws, with rows(b) = b.toRows():
 * - rows(b.compact()) = rows(b), and b.compact().selection is undefined
 * - rows(b.select(s)) = s.map(i => rows(b)[i]); b.select(s).select(t) selects what b.select(t.map(i => s[i])) does
 * - rows(b.slice(from, to)) = rows(b).slice(from, to)
 */
export class Batch<Row = unknown> {
  readonly schema: Schema<Row>
  readonly columns: readonly Column[]
  readonly rowCount: number
  /** Timestamps and watermarks, where they are not in arrays yet. */
  readonly times: DeferredTimes | undefined
  readonly kinds: Uint8Array | undefined
  readonly split: number | undefined
  readonly movers: WatermarkMovers | undefined
  readonly selection: Uint32Array | undefined
  private readonly givenTimestamps: Float64Array | undefined
  private readonly givenWatermarks: Float64Array | undefined

  /** @throws TypeError when the parts do not fit one another; SabotError SCHEMA_MISMATCH for a column of another type. */
  constructor(init: BatchInit<Row>) {
    this.schema = init.schema
    this.columns = init.columns
    this.rowCount = init.rowCount
    this.times = init.times
    this.givenTimestamps = init.timestamps
    this.givenWatermarks = init.watermarks
    this.kinds = init.kinds
    this.split = init.split
    this.movers = init.movers
    this.selection = init.selection
    this.check()
  }

  get timestamps(): Float64Array | undefined {
    return this.times === undefined ? this.givenTimestamps : this.times.timestamps
  }

  get watermarks(): Float64Array | undefined {
    return this.times === undefined ? this.givenWatermarks : this.times.watermarks
  }

  /** Selected rows. */
  get length(): number {
    return this.selection === undefined ? this.rowCount : this.selection.length
  }

  /** The column of a field. @throws SabotError UNKNOWN_FIELD */
  column(name: string): Column {
    return this.columnAt(this.schema.indexOf(name))
  }

  columnAt(index: number): Column {
    const column = this.columns[index]
    if (column === undefined) throw new RangeError(`The batch has ${this.columns.length} columns, none at ${index}`)
    return column
  }

  /** The physical row of a selected row. */
  physicalRow(selectedRow: number): number {
    return this.selection === undefined ? selectedRow : (this.selection[selectedRow] ?? this.rowCount)
  }

  /** This batch with some parts replaced. A given `selection` counts physical rows. */
  with(parts: Partial<Omit<BatchInit<Row>, 'schema'>>): Batch<Row>
  with<Other>(parts: Partial<BatchInit<Other>> & Pick<BatchInit<Other>, 'schema'>): Batch<Other>
  with(parts: Partial<BatchInit>): Batch<unknown> {
    const { times } = this
    if (times === undefined) return new Batch({ ...this.parts(), ...parts })
    if (!('timestamps' in parts || 'watermarks' in parts)) return new Batch({ ...this.parts(), times, ...parts })
    const { timestamps, watermarks } = times
    return new Batch({ ...this.parts(), timestamps, watermarks, ...parts })
  }

  /** Keeps the given selected rows (strictly ascending): a selection within the selection. */
  select(rows: Uint32Array): Batch<Row> {
    return this.with({ selection: this.physicalRows(rows) })
  }

  /** The same rows without a selection: a copy of the selected rows, or this batch where all are. */
  compact(): Batch<Row> {
    const { selection } = this
    if (selection === undefined) return this
    return new Batch({
      schema: this.schema,
      columns: this.columns.map(column => column.gather(selection)),
      rowCount: selection.length,
      timestamps: this.timestamps && gatherNumbers(this.timestamps, selection),
      watermarks: this.watermarks && gatherNumbers(this.watermarks, selection),
      kinds: this.kinds && gatherKinds(this.kinds, selection),
      split: this.split,
      movers: this.movers,
    })
  }

  /** Selected rows [from, to), sharing buffers. */
  slice(from: number, to: number): Batch<Row> {
    if (!(from >= 0 && from <= to && to <= this.length)) {
      throw new RangeError(`Rows [${from}, ${to}) are not in a batch of ${this.length} rows`)
    }
    if (this.selection !== undefined) return this.with({ selection: this.selection.subarray(from, to) })
    return new Batch({
      schema: this.schema,
      columns: this.columns.map(column => column.slice(from, to)),
      rowCount: to - from,
      timestamps: this.timestamps?.subarray(from, to),
      watermarks: this.watermarks?.subarray(from, to),
      kinds: this.kinds?.subarray(from, to),
      split: this.split,
      movers: this.movers,
    })
  }

  /** The selected rows as plain objects, in order. For tests and edges: operators read columns or a RowReader. */
  toRows(): Row[] {
    const rows: Row[] = []
    this.forEachRow(row => rows.push(this.row(row)))
    return rows
  }

  /** One physical row as a plain object. */
  row(physicalRow: number): Row {
    const row: Record<string, unknown> = {}
    for (const [index, { name }] of this.schema.fields.entries()) {
      defineField(row, name, this.columnAt(index).value(physicalRow))
    }
    return row as Row
  }

  /** Calls back with the physical row of each selected row, in order, and its position among the selected. */
  forEachRow(callback: (physicalRow: number, index: number) => void): void {
    const { selection, rowCount } = this
    if (selection === undefined) {
      for (let row = 0; row < rowCount; row++) callback(row, row)
    } else {
      for (let index = 0; index < selection.length; index++) callback(selection[index] ?? 0, index)
    }
  }

  /** All but `times`. */
  private parts(): BatchInit<Row> {
    const { schema, columns, rowCount, kinds, split, movers, selection } = this
    const { givenTimestamps: timestamps, givenWatermarks: watermarks } = this
    return { schema, columns, rowCount, timestamps, watermarks, kinds, split, movers, selection }
  }

  private physicalRows(rows: Uint32Array): Uint32Array {
    const { selection } = this
    if (selection === undefined) return rows
    const physical = new Uint32Array(rows.length)
    for (let index = 0; index < rows.length; index++) physical[index] = selection[rows[index] ?? 0] ?? this.rowCount
    return physical
  }

  private check(): void {
    const { schema, columns, rowCount, times, givenTimestamps, givenWatermarks, kinds, selection } = this
    if (columns.length !== schema.fields.length) {
      throw new TypeError(`A schema of ${schema.fields.length} fields got ${columns.length} columns`)
    }
    for (let index = 0; index < columns.length; index++) {
      const column = this.columnAt(index)
      const { name, type } = schema.fields[index] as Field
      if (column.length !== rowCount) {
        throw new TypeError(`Column ${name} has ${column.length} rows in a batch of ${rowCount}`)
      }
      if (column.type !== type && !typesEqual(column.type, type)) {
        throw new SabotError(
          'SCHEMA_MISMATCH',
          `Field ${name} is ${typeName(type)}, its column ${typeName(column.type)}`,
          {
            field: name,
            expected: typeName(type),
            actual: typeName(column.type),
          },
        )
      }
    }
    if (
      (givenTimestamps !== undefined && givenTimestamps.length !== rowCount) ||
      (givenWatermarks !== undefined && givenWatermarks.length !== rowCount) ||
      (kinds !== undefined && kinds.length !== rowCount) ||
      (times !== undefined && times.rowCount !== rowCount)
    ) {
      throw new TypeError(`Timestamps, watermarks and kinds of a batch of ${rowCount} rows must have as many entries`)
    }
    if (times !== undefined && (givenTimestamps !== undefined || givenWatermarks !== undefined)) {
      throw new TypeError('A batch takes its event times either deferred or as arrays')
    }
    if (selection && selection.length > 0 && (selection[selection.length - 1] ?? rowCount) >= rowCount) {
      throw new TypeError(`The selection leads beyond the ${rowCount} rows of the batch`)
    }
  }
}

/** The given entries, in their order. */
export function gatherNumbers(values: Float64Array, rows: Uint32Array): Float64Array {
  const gathered = new Float64Array(rows.length)
  for (let index = 0; index < rows.length; index++) gathered[index] = values[rows[index] ?? 0] ?? 0
  return gathered
}

/** The given entries, in their order. */
export function gatherKinds(kinds: Uint8Array, rows: Uint32Array): Uint8Array {
  const gathered = new Uint8Array(rows.length)
  for (let index = 0; index < rows.length; index++) gathered[index] = kinds[rows[index] ?? 0] ?? 0
  return gathered
}
