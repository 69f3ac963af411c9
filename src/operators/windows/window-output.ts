import { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import type { Column } from '../../core/column.js'
import { TimestampColumn } from '../../core/columns-fixed.js'
import { writeWords } from '../../core/int64.js'
import { INSERT, type RowKind } from '../../core/row-kind.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import type { TimeWindow } from '../../core/window-geometry.js'
import type { KeySlots } from '../keyed/key-slots.js'
import { WINDOW_END, WINDOW_START } from '../window-results.js'

/** What a result row carries besides the values of its function. */
export interface ResultMarks {
  readonly slot: number
  /** undefined: windows have no bounds. */
  readonly bounds: TimeWindow | undefined
  /** Event time, ms. */
  readonly timestamp: number
  /** The watermark in force before it, ms. */
  readonly watermark: number
  readonly kind: RowKind
}

/** Rows that one batch of results has at most. */
const OUTPUT_ROWS = 4096

/** Which columns stand before those of the function. */
export interface OutputShape {
  /** undefined: neither keys nor bounds. */
  readonly keys: readonly Field[] | undefined
  readonly hasBounds: boolean
  /** Whether rows carry event times. */
  readonly isTimed: boolean
}

/** The schema of results: keys, bounds, and the fields of the function. @throws SabotError DUPLICATE_FIELD */
export function outputSchema({ keys, hasBounds }: OutputShape, fields: readonly Field[]): Schema {
  if (keys === undefined) return new Schema(fields)
  const bounds: Field[] = hasBounds
    ? [WINDOW_START, WINDOW_END].map(name => ({ name, type: 'timestamp', nullable: false }))
    : []
  return new Schema([...keys, ...bounds, ...fields])
}

/** Collects result rows until they make a batch. */
export class WindowOutput {
  private readonly shape: OutputShape
  private readonly slots: KeySlots
  private readonly schemaOf: (rows: readonly object[]) => Schema
  private opened: { readonly schema: Schema; readonly builder: BatchBuilder } | undefined
  private readonly rows: object[] = []
  private readonly marks: ResultMarks[] = []

  /** @param schemaOf the schema of the function's fields, given its first rows */
  constructor(shape: OutputShape, slots: KeySlots, schemaOf: (rows: readonly object[]) => Schema) {
    this.shape = shape
    this.slots = slots
    this.schemaOf = schemaOf
  }

  get isFull(): boolean {
    return this.rows.length >= OUTPUT_ROWS
  }

  add(row: object, marks: ResultMarks): void {
    this.rows.push(row)
    this.marks.push(marks)
  }

  /** The rows so far as a batch; undefined where there is none. Slots must still be those of the rows' keys. */
  finish(): Batch | undefined {
    const { rows, marks, shape } = this
    if (rows.length === 0) return undefined
    const { schema, builder } = this.open()
    for (const row of rows) builder.append(row)
    const values = builder.finish()
    const batch = new Batch({
      schema,
      columns: [...this.leading(), ...values.columns],
      rowCount: rows.length,
      timestamps: shape.isTimed ? Float64Array.from(marks, ({ timestamp }) => timestamp) : undefined,
      watermarks: shape.isTimed ? Float64Array.from(marks, ({ watermark }) => watermark) : undefined,
      kinds: marks.some(({ kind }) => kind !== INSERT) ? Uint8Array.from(marks, ({ kind }) => kind) : undefined,
    })
    rows.length = 0
    marks.length = 0
    return batch
  }

  private open(): { readonly schema: Schema; readonly builder: BatchBuilder } {
    if (this.opened === undefined) {
      const values = this.schemaOf(this.rows)
      this.opened = { schema: outputSchema(this.shape, values.fields), builder: new BatchBuilder(values) }
    }
    return this.opened
  }

  private leading(): Column[] {
    const { marks, shape, slots } = this
    if (shape.keys === undefined) return []
    const keys = slots.columns(Uint32Array.from(marks, ({ slot }) => slot))
    if (!shape.hasBounds) return keys
    return [
      ...keys,
      timestampColumn(marks.map(({ bounds }) => bounds?.start ?? 0)),
      timestampColumn(marks.map(({ bounds }) => bounds?.end ?? 0)),
    ]
  }
}

function timestampColumn(times: readonly number[]): TimestampColumn {
  const column = new TimestampColumn(new BigInt64Array(times.length))
  for (const [row, time] of times.entries()) writeWords(column.words, row, time)
  return column
}
