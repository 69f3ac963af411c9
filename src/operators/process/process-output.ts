import type { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { describeValue, SabotError } from '../../core/errors.js'
import type { Schema } from '../../core/schema.js'
import type { OperatorContext } from '../operator.js'

/** Rows that one batch has at most. */
const OUTPUT_ROWS = 8192

/** The rows of one output, with their event times and the watermarks in force before them. */
class OutputRows {
  private readonly builder: BatchBuilder
  private readonly put: (batch: Batch) => void
  private timestamps: number[] = []
  private watermarks: number[] = []

  constructor(schema: Schema, put: (batch: Batch) => void) {
    this.builder = new BatchBuilder(schema)
    this.put = put
  }

  append(row: object, timestamp: number, watermark: number): void {
    this.builder.append(row)
    this.timestamps.push(timestamp)
    this.watermarks.push(watermark)
    if (this.timestamps.length >= OUTPUT_ROWS) this.flush()
  }

  flush(): void {
    if (this.timestamps.length === 0) return
    const batch = this.builder.finish()
    const timestamps = Float64Array.from(this.timestamps)
    const watermarks = Float64Array.from(this.watermarks)
    this.timestamps = []
    this.watermarks = []
    this.put(batch.with({ timestamps, watermarks }))
  }
}

/** The output of the graph that carries a side output: its name cannot meet those of the engine, such as 'late'. */
export function sideOutput(name: string): string {
  return `side:${name}`
}

interface Waiting {
  readonly rows: OutputRows
  readonly row: object
}

/** What a process function puts out: to the main output and to typed side outputs. */
export class ProcessOutput {
  /** Event time of what is emitted, ms, and the watermark in force before it. */
  timestamp = 0
  watermark = Number.NEGATIVE_INFINITY
  /** Batches that went out since somebody looked. */
  batches = 0
  /** Whether rows have event time. */
  isTimed = true
  private readonly operator: string
  private readonly main: OutputRows
  private readonly sides: ReadonlyMap<string, OutputRows>
  private waiting: Waiting[] | undefined

  /** `waits`: rows of a call go out only when it has ended well. */
  constructor({ id, output }: OperatorContext, schema: Schema, sides: ReadonlyMap<string, Schema>, waits: boolean) {
    const rowsOf = (of: Schema, put: (batch: Batch) => void): OutputRows =>
      new OutputRows(of, batch => {
        this.batches++
        put(this.isTimed ? batch : batch.with({ timestamps: undefined, watermarks: undefined }))
      })
    this.operator = id
    this.main = rowsOf(schema, batch => output.batch(batch))
    this.sides = new Map(
      Array.from(sides, ([name, side]) => [name, rowsOf(side, batch => output.side(sideOutput(name), batch))]),
    )
    this.waiting = waits ? [] : undefined
  }

  emit(row: object): void {
    this.add(this.main, row)
  }

  side(name: string, row: object): void {
    const rows = this.sides.get(name)
    if (rows === undefined) {
      throw new SabotError(
        'INVALID_OPTION',
        `Operator ${this.operator} has no side output ${describeValue(name)}: declare it in side`,
        { operator: this.operator, side: name },
      )
    }
    this.add(rows, row)
  }

  /** The call has ended well. */
  commit(): void {
    if (this.waiting === undefined || this.waiting.length === 0) return
    const { waiting } = this
    this.waiting = []
    for (const { rows, row } of waiting) rows.append(row, this.timestamp, this.watermark)
  }

  /** The call has failed: what it emitted is void. */
  rollback(): void {
    if (this.waiting !== undefined) this.waiting = []
  }

  flush(): void {
    this.main.flush()
    for (const rows of this.sides.values()) rows.flush()
  }

  private add(rows: OutputRows, row: object): void {
    if (this.waiting === undefined) rows.append(row, this.timestamp, this.watermark)
    else this.waiting.push({ rows, row: { ...row } })
  }
}
