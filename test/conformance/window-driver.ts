/* Runs vectors through the operator that the public API builds, one element at a time. */
import { collect } from '../../src/connectors/collect.js'
import { memory } from '../../src/connectors/memory.js'
import type { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { ALL_KEY_GROUPS } from '../../src/core/key-groups.js'
import type { Schema } from '../../src/core/schema.js'
import { job } from '../../src/graph/job.js'
import type { KeyedStream } from '../../src/graph/keyed-stream.js'
import type { FieldOf } from '../../src/graph/projection.js'
import type { Stream } from '../../src/graph/stream.js'
import type { Kernel } from '../../src/kernel/module.js'
import type { Operator, OperatorFactory, Steps } from '../../src/operators/operator.js'
import { NotUnderstood } from './vector.js'

/** A row that came out. */
export interface Emitted {
  readonly output: string
  readonly row: Readonly<Record<string, unknown>>
  readonly timestamp: number
  readonly kind: number
}

/** The end of time of the vectors, which are written for 64-bit integers. */
export const LONG_MAX = '9223372036854775807'

/** A time of a vector: an integer, or the end of time. */
export function timeOf(value: unknown): number {
  if (value === LONG_MAX) return Number.POSITIVE_INFINITY
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new NotUnderstood(`the time ${String(value)}`)
  return value
}

/** The operator that a pipeline over rows of a schema, keyed by `key`, makes of its windows. */
export function windowOperatorOf<Row>(
  schema: Schema<Row>,
  define: (keyed: KeyedStream<Row, 'key' & FieldOf<Row>>) => Stream<unknown>,
): OperatorFactory {
  const { nodes } = job('vector', j => {
    const rows = j.from(memory<Row>([], { schema })).withTimestamps(() => 0, { outOfOrderness: 0 })
    define(rows.keyBy('key' as 'key' & FieldOf<Row>)).to(collect<unknown>())
  }).plan()
  const node = nodes.find(({ kind }) => kind.startsWith('window') || kind === 'session-aggregate')
  if (node?.role.kind !== 'operator') throw new TypeError('The pipeline has no window')
  return node.role.create
}

/** An operator that is fed by hand. */
export class OperatorRun {
  watermark = Number.NEGATIVE_INFINITY
  private readonly kernel: Kernel
  private readonly create: OperatorFactory
  private readonly schema: Schema
  private readonly wishes = new Set<number>()
  private now = 0
  private emitted: Emitted[] = []
  private operator: Operator

  constructor(kernel: Kernel, create: OperatorFactory, schema: Schema) {
    this.kernel = kernel
    this.create = create
    this.schema = schema
    this.operator = this.open()
  }

  /** What came out since the last call. */
  take(): Emitted[] {
    const taken = this.emitted
    this.emitted = []
    return taken
  }

  event(row: object, timestamp: number): void {
    const builder = new BatchBuilder(this.schema)
    builder.append(row)
    const times = { timestamps: Float64Array.of(timestamp), watermarks: Float64Array.of(this.watermark) }
    finish(this.operator.onBatch(builder.finish().with(times), 0))
  }

  advance(watermark: number): void {
    if (watermark <= this.watermark) return
    this.watermark = watermark
    finish(this.operator.onWatermark(watermark, 0))
  }

  processingTime(time: number): void {
    for (;;) {
      const next = Math.min(...this.wishes)
      if (next > time) break
      this.wishes.delete(next)
      this.now = Math.max(this.now, time)
      finish(this.operator.onProcessingTime?.(this.now))
    }
    this.now = Math.max(this.now, time)
  }

  /** What a crash leaves: a new operator with the state of the old one. */
  snapshotAndRestore(): void {
    const state = this.operator.snapshot()
    this.operator.close()
    this.wishes.clear()
    this.operator = this.open()
    this.operator.restore([{ ...state, state: JSON.parse(JSON.stringify(state.state)) }])
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.operator.dropped
  }

  get openWindows(): number {
    return this.operator.gauges().openWindows ?? 0
  }

  close(): void {
    this.operator.close()
  }

  private open(): Operator {
    const record = (output: string, batch: Batch): void => {
      batch.forEachRow(row => {
        this.emitted.push({
          output,
          row: batch.row(row) as Readonly<Record<string, unknown>>,
          timestamp: batch.timestamps?.[row] ?? Number.NaN,
          kind: batch.kinds?.[row] ?? 0,
        })
      })
    }
    return this.create({
      id: 'window',
      kernel: this.kernel,
      output: {
        batch: batch => record('main', batch),
        side: record,
        watermark: () => {},
        idle: () => {},
        active: () => {},
      },
      keyGroups: ALL_KEY_GROUPS,
      processingTime: { now: () => this.now, wakeAt: time => this.wishes.add(time) },
      wake: () => {},
    })
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Nothing else happens between two steps here.
  }
}
