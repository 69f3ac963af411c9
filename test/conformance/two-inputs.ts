import type { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { ALL_KEY_GROUPS } from '../../src/core/key-groups.js'
import type { Schema } from '../../src/core/schema.js'
import type { Kernel } from '../../src/kernel/module.js'
import type { Operator, OperatorFactory, OperatorState, Steps } from '../../src/operators/operator.js'

/** What came out: a row, its event time, and whether it is of the main output. */
export interface CameOut {
  readonly output: string
  readonly row: Readonly<Record<string, unknown>>
  readonly timestamp: number
}

/** An operator with two inputs, driven one record at a time. */
export class TwoInputs {
  private readonly create: () => Operator
  private readonly schemas: readonly [Schema, Schema]
  private readonly reached: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  private operator: Operator
  private cameOut: CameOut[] = []

  constructor(kernel: Kernel, factory: OperatorFactory, schemas: readonly [Schema, Schema]) {
    this.schemas = schemas
    this.create = () =>
      factory({
        id: 'tested',
        kernel,
        keyGroups: ALL_KEY_GROUPS,
        processingTime: { now: () => 0, wakeAt: () => {} },
        wake: () => {},
        output: {
          batch: batch => this.record('main', batch),
          side: (output, batch) => this.record(output, batch),
          watermark: () => {},
          idle: () => {},
          active: () => {},
        },
      })
    this.operator = this.create()
  }

  /** A record without event time where `timestamp` is undefined. */
  event(input: 0 | 1, row: object, timestamp: number | undefined): void {
    const builder = new BatchBuilder(this.schemas[input])
    builder.append(row)
    const times =
      timestamp === undefined
        ? {}
        : { timestamps: Float64Array.of(timestamp), watermarks: Float64Array.of(this.reached[input]) }
    finish(this.operator.onBatch(builder.finish().with(times), input))
  }

  watermark(input: 0 | 1, timestamp: number): void {
    this.reached[input] = Math.max(this.reached[input], timestamp)
    finish(this.operator.onWatermark(timestamp, input))
  }

  end(): void {
    this.watermark(0, Number.POSITIVE_INFINITY)
    this.watermark(1, Number.POSITIVE_INFINITY)
  }

  snapshot(): OperatorState {
    return this.operator.snapshot()
  }

  snapshotAndRestore(): void {
    const state = this.operator.snapshot()
    this.operator.close()
    this.operator = this.create()
    this.operator.restore([state])
  }

  /** What has come out since the last call. */
  taken(): CameOut[] {
    const taken = this.cameOut
    this.cameOut = []
    return taken
  }

  close(): void {
    this.operator.close()
  }

  private record(output: string, batch: Batch): void {
    batch.forEachRow(row => {
      const timestamp = batch.timestamps?.[row] ?? Number.NaN
      this.cameOut.push({ output, row: batch.row(row) as Record<string, unknown>, timestamp })
    })
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // A runtime would do other work here.
  }
}
