import type { Batch } from '../core/batch.js'
import { NO_STATE, type Operator, type OperatorContext, type OperatorState, type Steps } from './operator.js'

/** An operator with one input that keeps nothing between batches: it hands watermarks on. */
export abstract class StatelessOperator implements Operator {
  readonly dropped: Readonly<Record<string, number>> = {}

  protected readonly context: OperatorContext

  constructor(context: OperatorContext) {
    this.context = context
  }

  abstract onBatch(batch: Batch): Steps | undefined

  onWatermark(timestamp: number): undefined {
    this.context.output.watermark(timestamp)
  }

  snapshot(): OperatorState {
    return NO_STATE
  }

  restore(_states: readonly OperatorState[]): void {}

  gauges(): Readonly<Record<string, number>> {
    return {}
  }

  close(): void {}
}
