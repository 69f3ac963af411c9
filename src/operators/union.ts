import type { Batch } from '../core/batch.js'
import { InputWatermarks } from './input-watermarks.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from './operator.js'

/** Several streams of one row type as one. Its watermark is the minimum over the inputs that are not idle. */
export function unionOperator(inputs: number): OperatorFactory {
  return context => new UnionOperator(context, inputs)
}

class UnionOperator implements Operator {
  readonly dropped: Readonly<Record<string, number>> = {}
  private readonly context: OperatorContext
  private readonly watermarks: InputWatermarks

  constructor(context: OperatorContext, inputs: number) {
    this.context = context
    this.watermarks = new InputWatermarks(context.kernel, inputs)
  }

  /** The watermarks of the rows become those of the union. */
  onBatch(input: Batch, number: number): undefined {
    const batch = input.watermarks === undefined ? input : input.compact()
    const coalesced = batch.watermarks && this.watermarks.ofRows(batch.watermarks, number)
    this.context.output.batch(coalesced === undefined ? batch : batch.with({ watermarks: coalesced }))
    this.watermarks.emit(this.context.output)
  }

  onWatermark(timestamp: number, input: number): undefined {
    this.watermarks.advance(input, timestamp)
    this.watermarks.emit(this.context.output)
  }

  onIdle(input: number): undefined {
    this.watermarks.idle(input)
    this.watermarks.emit(this.context.output)
  }

  onActive(input: number): undefined {
    this.watermarks.active(input)
    this.watermarks.emit(this.context.output)
  }

  snapshot(): OperatorState {
    return { state: null, parts: [this.watermarks.snapshot()] }
  }

  restore(states: readonly OperatorState[]): void {
    this.watermarks.restore(...states)
  }

  gauges(): Readonly<Record<string, number>> {
    return {}
  }

  close(): void {
    this.watermarks.close()
  }
}
