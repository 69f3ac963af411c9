import type { Batch } from '../core/batch.js'
import { NO_WATERMARK } from '../core/element.js'
import { COALESCED_ACTIVE, COALESCED_IDLE, WatermarkCoalescer } from '../kernel/time.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from './operator.js'

/** Several streams of one row type as one. Its watermark is the minimum over the inputs that are not idle. */
export function unionOperator(inputs: number): OperatorFactory {
  return context => new UnionOperator(context, inputs)
}

class UnionOperator implements Operator {
  readonly dropped: Readonly<Record<string, number>> = {}
  private readonly context: OperatorContext
  private readonly coalescer: WatermarkCoalescer
  private lastWatermark = NO_WATERMARK

  constructor(context: OperatorContext, inputs: number) {
    this.context = context
    this.coalescer = new WatermarkCoalescer(context.kernel, inputs)
  }

  /**
   * The watermarks of the rows become those of the union: each row moves its input on to the watermark that was in
   * force before it. So what follows sees the same, however the rows were cut into batches.
   */
  onBatch(input: Batch, number: number): undefined {
    const batch = input.watermarks === undefined ? input : input.compact()
    const { watermarks } = batch
    const coalesced = watermarks && this.coalesce(watermarks, number)
    this.context.output.batch(coalesced === undefined ? batch : batch.with({ watermarks: coalesced }))
    this.emit(0)
  }

  onWatermark(timestamp: number, input: number): undefined {
    this.emit(this.coalescer.advance(input, timestamp))
  }

  onIdle(input: number): void {
    this.emit(this.coalescer.idle(input))
  }

  onActive(input: number): void {
    this.emit(this.coalescer.active(input))
  }

  snapshot(): OperatorState {
    return { state: null, parts: [{ name: 'watermarks', bytes: this.coalescer.snapshot() }] }
  }

  restore({ parts }: OperatorState): void {
    for (const { bytes } of parts) this.coalescer.restore(bytes)
    this.lastWatermark = this.coalescer.watermark
  }

  gauges(): Readonly<Record<string, number>> {
    return {}
  }

  close(): void {
    this.coalescer.destroy()
  }

  private coalesce(watermarks: Float64Array, input: number): Float64Array {
    const coalesced = new Float64Array(watermarks.length)
    let last = NO_WATERMARK
    let current = this.coalescer.watermark
    for (let row = 0; row < watermarks.length; row++) {
      const watermark = watermarks[row] ?? last
      if (watermark > last) {
        last = watermark
        this.coalescer.advance(input, watermark)
        current = this.coalescer.watermark
      }
      coalesced[row] = current
    }
    return coalesced
  }

  /** What changed, in the order of the coalescer's contract: active, then the watermark, then idle. */
  private emit(changed: number): void {
    const { output } = this.context
    if ((changed & COALESCED_ACTIVE) !== 0) output.active()
    // Rows may have moved the watermark on since it was emitted last.
    const { watermark } = this.coalescer
    if (watermark > this.lastWatermark) {
      this.lastWatermark = watermark
      output.watermark(watermark)
    }
    if ((changed & COALESCED_IDLE) !== 0) output.idle()
  }
}
