import { NO_WATERMARK, type StreamElement } from '../core/element.js'
import type { InputWatermark } from './watermark-report.js'

/** How far the inputs of an operator, and the operator itself, have come in event time, and since when. */
export class InputProgress {
  private readonly inputs: { -readonly [Name in keyof InputWatermark]: InputWatermark[Name] }[]
  /** Processing time at which the operator's own watermark moved last, ms. */
  sinceMs: number | undefined
  private readonly now: () => number

  constructor(names: readonly string[], now: () => number) {
    this.now = now
    this.inputs = names.map(name => ({ name, watermark: NO_WATERMARK, sinceMs: undefined, status: 'active' }))
  }

  /** An element came in. */
  see(element: StreamElement, input: number): void {
    const seen = this.inputs[input]
    if (seen === undefined || element.kind === 'batch' || element.kind === 'barrier') return
    if (element.kind === 'watermark') {
      if (element.timestamp > seen.watermark) seen.sinceMs = this.now()
      seen.watermark = element.timestamp
    } else if (element.kind === 'end') {
      seen.status = 'ended'
    } else if (element.split === undefined) {
      seen.status = element.kind
    }
  }

  /** The operator put a watermark out. */
  emitted(): void {
    this.sinceMs = this.now()
  }

  get all(): readonly InputWatermark[] {
    return this.inputs.map(input => ({ ...input }))
  }
}
