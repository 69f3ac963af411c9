/** The rules of the coalescer, by a scan over all inputs at each step. */
export class CoalescerModel {
  private readonly inputs: { watermark: number; active: boolean; aligned: boolean }[]
  private output = Number.NEGATIVE_INFINITY

  constructor(count: number) {
    this.inputs = Array.from({ length: count }, () => ({
      watermark: Number.NEGATIVE_INFINITY,
      active: true,
      aligned: true,
    }))
  }

  advance(input: number, watermark: number): void {
    const own = this.inputs[input]
    if (own === undefined || !own.active || watermark <= own.watermark) return
    own.watermark = watermark
    own.aligned ||= watermark >= this.output
    this.settle()
  }

  turnIdle(input: number): void {
    const own = this.inputs[input]
    if (own === undefined || !own.active) return
    own.active = false
    own.aligned = false
    if (this.inputs.some(({ active }) => active)) this.settle()
    else this.output = Math.max(this.output, ...this.inputs.map(({ watermark }) => watermark))
  }

  turnActive(input: number): void {
    const own = this.inputs[input]
    if (own === undefined || own.active) return
    own.active = true
    own.aligned = own.watermark >= this.output
    this.settle()
  }

  state(): { output: number; idle: boolean; holder: number | undefined } {
    const aligned = this.inputs.filter(input => input.aligned)
    const active = this.inputs.filter(input => input.active)
    const candidates = aligned.length > 0 ? aligned : active
    const lowest = Math.min(...candidates.map(({ watermark }) => watermark))
    const holder = candidates.find(({ watermark }) => watermark === lowest)
    return {
      output: this.output,
      idle: active.length === 0,
      holder: holder === undefined ? undefined : this.inputs.indexOf(holder),
    }
  }

  private settle(): void {
    const aligned = this.inputs.filter(input => input.aligned)
    if (aligned.length > 0) this.output = Math.max(this.output, Math.min(...aligned.map(({ watermark }) => watermark)))
  }
}
