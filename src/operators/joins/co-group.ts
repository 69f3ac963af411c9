import { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { RowReader } from '../../core/row-view.js'
import type { Schema } from '../../core/schema.js'
import { outputTimestamp, type TimeWindow } from '../../core/window-geometry.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import { ObjectSchema } from '../object-schema.js'
import type { OperatorContext, OperatorFactory } from '../operator.js'
import { isThenable, userFunctionFailed, wrongResult } from '../user-function.js'
import type { JoinSidesSettings } from './join-sides.js'
import type { FiredWindow } from './join-windows.js'
import { groupByKey, type WindowGroup } from './window-groups.js'
import { WindowedSides, type WindowedSidesSettings } from './windowed-sides.js'

/** All rows of a key in a window, of each side in the order of arrival: any number of records. */
export type CoGroupFunction = (
  left: readonly unknown[],
  right: readonly unknown[],
  window: TimeWindow,
) => Iterable<object>

export interface CoGroupSettings extends Omit<WindowedSidesSettings, 'select'> {
  readonly transform: CoGroupFunction
  /** undefined: inferred from the first records. */
  readonly schema: Schema | undefined
}

/** Records are put out when there are this many, or the windows that fire are done. */
const OUTPUT_ROWS = 8192

/**
 * When a window fires, a function sees all rows of each key that has any on either side (Flink's coGroup). Results carry
 * the window's end - 1.
 */
export function coGroupOperator(settings: CoGroupSettings): OperatorFactory {
  return context => new CoGroupOperator(context, settings)
}

class CoGroupOperator extends WindowedSides {
  private readonly transform: CoGroupFunction
  private readonly objects: ObjectSchema
  private readonly readers: { left?: RowReader; right?: RowReader } = {}
  private builder: BatchBuilder | undefined
  private records: object[] = []
  private ends: number[] = []

  constructor(context: OperatorContext, { transform, schema, ...settings }: CoGroupSettings) {
    const objects = new ObjectSchema(schema)
    const sides: JoinSidesSettings = { ...settings, select: { kind: 'objects', transform: () => ({}), schema } }
    super(
      context,
      { ...settings, ...sides },
      { snapshot: () => objects.snapshot(), restore: state => objects.restore([{ state, parts: [] }]) },
    )
    this.transform = transform
    this.objects = objects
  }

  protected override *fired(windows: Iterable<FiredWindow>, watermark: number): Generator<void, void, void> {
    for (const window of windows) {
      for (const group of groupByKey(window.rows)) {
        this.evaluate(group, window)
        if (this.records.length < OUTPUT_ROWS) continue
        this.emit(watermark)
        yield
      }
      this.release(window.leaving)
      yield
    }
    if (this.records.length > 0) this.emit(watermark)
  }

  private evaluate(group: WindowGroup, { start, end }: FiredWindow): void {
    const left = this.rowsOf('left', group.left)
    const right = this.rowsOf('right', group.right)
    const record = { left, right, start, end }
    let results: unknown
    try {
      results = this.transform(left, right, { start, end })
    } catch (cause) {
      throw userFunctionFailed(this.context.id, record, cause)
    }
    if (isThenable(results) || typeof results !== 'object' || results === null || !(Symbol.iterator in results)) {
      throw wrongResult(this.context.id, record, results, 'an iterable of objects')
    }
    for (const result of results as Iterable<unknown>) {
      if (typeof result !== 'object' || result === null) {
        throw wrongResult(this.context.id, record, result, 'an object')
      }
      this.records.push(result)
      this.ends.push(end)
    }
  }

  /** Rows of their own: the function may keep them. */
  private rowsOf(side: JoinSide, slots: Uint32Array): unknown[] {
    if (slots.length === 0) return []
    const store = this.sides.store(side)
    const columns = store.fields.map((_, index) => store.gather(index, slots, false))
    const reader = this.readers[side] ?? new RowReader(store.schema)
    this.readers[side] = reader
    reader.bind(new Batch({ schema: store.schema, columns, rowCount: slots.length }))
    return Array.from(slots, (_, row) => {
      reader.at(row)
      return reader.materialize()
    })
  }

  private emit(watermark: number): void {
    const { records, ends } = this
    this.records = []
    this.ends = []
    for (let from = 0; from < records.length; from += OUTPUT_ROWS) {
      const some = records.slice(from, from + OUTPUT_ROWS)
      this.builder ??= new BatchBuilder(this.objects.of(some))
      for (const record of some) this.builder.append(record)
      const timestamps = Float64Array.from(ends.slice(from, from + OUTPUT_ROWS), outputTimestamp)
      const watermarks = new Float64Array(some.length).fill(watermark)
      this.output.batch(this.builder.finish().with({ timestamps, watermarks }))
    }
  }
}
