/* Drives the session kernel the way an operator does. */
import { KeyIndex } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { type FiredSessions, SessionState } from '../../src/kernel/sessions.js'
import type { SessionResult, SessionRow } from './session-oracle.js'

export const MAX_PARALLELISM = 8

export class SessionDriver {
  readonly index: KeyIndex
  readonly state: SessionState
  readonly results: SessionResult[] = []
  readonly late: { readonly row: SessionRow; readonly firedBefore: number }[] = []
  private readonly kernel: Kernel
  private readonly withGaps: boolean

  constructor(kernel: Kernel, gapMs: number, withGaps = false) {
    this.kernel = kernel
    this.withGaps = withGaps
    this.index = new KeyIndex(kernel, { kind: 'i32', maxParallelism: MAX_PARALLELISM })
    this.state = new SessionState(kernel, this.index, gapMs, [
      { type: 'f64', minMax: true, nullable: true },
      { type: 'i64', minMax: true, nullable: false },
    ])
  }

  batch(rows: readonly SessionRow[]): void {
    const validity = new Uint8Array((rows.length + 7) >> 3)
    rows.forEach(({ float }, i) => {
      if (float !== null) validity[i >> 3] = (validity[i >> 3] ?? 0) | (1 << (i & 7))
    })
    this.state.load({
      timestamps: Float64Array.from(rows, ({ timestamp }) => timestamp),
      watermarks: Float64Array.from(rows, ({ watermark }) => watermark),
      gaps: this.withGaps ? Float64Array.from(rows, ({ gap }) => gap) : undefined,
      columns: [
        { values: Float64Array.from(rows, ({ float }) => float ?? 12345), validity },
        { values: BigInt64Array.from(rows, ({ integer }) => integer) },
      ],
    })
    for (let from = 0; from < rows.length; ) {
      this.index.codeInt32(Int32Array.from(rows.slice(from), ({ key }) => key))
      from = this.state.add(from)
      const base = this.results.length
      for (const { row, firedBefore } of this.state.lateRows()) {
        this.late.push({ row: rows[row] as SessionRow, firedBefore: base + firedBefore })
      }
      this.fire()
      if (from < rows.length) this.state.settle()
    }
  }

  advance(watermark: number): void {
    this.state.advance(watermark)
    this.fire()
  }

  private fire(): void {
    for (let fired = this.state.fire(); fired !== undefined; fired = this.state.fire()) this.take(fired)
  }

  private take({ count, idsPointer, starts, ends, rowCounts, columns, watermarks }: FiredSessions): void {
    const rows = Array.from({ length: count }, (_, row) => {
      const values = columns.flatMap(({ nonNull, sum, min, max }): unknown[] =>
        nonNull[row] === 0 ? [0, 0, '-', '-'] : [nonNull[row], sum[row], min?.[row], max?.[row]],
      )
      return { head: [starts[row], ends[row]], tail: [rowCounts[row], ...values, watermarks[row]] }
    })
    const { values } = this.index.readInt32(idsPointer, count)
    rows.forEach(({ head, tail }, row) => {
      this.results.push([...head, values[row], ...tail].map(String))
    })
  }

  destroy(): void {
    this.state.destroy()
    this.index.destroy()
  }

  get bytesInUse(): number {
    return this.kernel.bytesInUse
  }
}
