import type { Batch } from '../core/batch.js'
import { InputWatermarks } from './input-watermarks.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from './operator.js'

/**
 * Several streams of one row type as one. With event time, its watermark is the minimum over the inputs that are not
 * idle. Without, the rows of each input stay a split of their own, so that event time that is assigned behind it has a
 * watermark for each.
 */
export function unionOperator(inputs: number, isTimed: boolean): OperatorFactory {
  return context => new UnionOperator(context, inputs, isTimed)
}

class UnionOperator implements Operator {
  readonly dropped: Readonly<Record<string, number>> = {}
  private readonly context: OperatorContext
  private readonly inputs: number
  private readonly isTimed: boolean
  private readonly watermarks: InputWatermarks

  constructor(context: OperatorContext, inputs: number, isTimed: boolean) {
    this.context = context
    this.inputs = inputs
    this.isTimed = isTimed
    this.watermarks = new InputWatermarks(context.kernel, inputs)
  }

  /** The watermarks of the rows become those of the union. */
  onBatch(input: Batch, number: number): undefined {
    if (!this.isTimed) {
      this.context.output.batch(input.with({ split: this.splitOf(number, input.split) }))
      return
    }
    const batch = input.compact()
    const coalesced = batch.watermarks && this.watermarks.ofRows(batch.watermarks, number)
    this.context.output.batch(
      coalesced === undefined ? batch : batch.with({ watermarks: coalesced, movers: undefined }),
    )
    this.watermarks.emit(this.context.output)
  }

  onWatermark(timestamp: number, input: number): undefined {
    this.watermarks.advance(input, timestamp)
    this.watermarks.emit(this.context.output)
  }

  onIdle(input: number, split: number | undefined): undefined {
    if (!this.isTimed) {
      this.context.output.idle(this.splitOf(input, split))
      return
    }
    this.watermarks.idle(input)
    this.watermarks.emit(this.context.output)
  }

  onActive(input: number, split: number | undefined): undefined {
    if (!this.isTimed) {
      this.context.output.active(this.splitOf(input, split))
      return
    }
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

  /** Another number for each split of each input; an input without splits counts as one. */
  private splitOf(input: number, split: number | undefined): number {
    return (split === undefined ? 0 : split + 1) * this.inputs + input
  }
}
