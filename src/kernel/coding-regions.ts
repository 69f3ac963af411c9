/* The regions through which one key index takes columns in and gives ids out. They only grow. */
import { Region } from './memory.js'
import type { Kernel } from './module.js'

export class CodingRegions {
  /** Values, codes or offsets. */
  readonly source: Region
  readonly validity: Region
  readonly bytes: Region
  /** Ids of the rows coded last. */
  readonly ids: Region
  private readonly kernel: Kernel

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.source = new Region(kernel)
    this.validity = new Region(kernel)
    this.bytes = new Region(kernel)
    this.ids = new Region(kernel)
  }

  reserveIds(rows: number): number {
    return this.ids.reserve(rows * 4)
  }

  /** The ids of a call that coded `outcome` rows, or its error. */
  coded(outcome: number): Uint32Array<ArrayBuffer> {
    const rows = this.kernel.check(outcome, 'coding keys')
    return new Uint32Array(this.kernel.buffer, this.ids.pointer, rows)
  }

  release(): void {
    for (const region of [this.source, this.validity, this.bytes, this.ids]) region.release()
  }
}
