/* Drives the window kernel's exports the way a host does, and an oracle that works record by record. */
import {
  KEY_32,
  OUT_FIRST_COLUMN,
  OUTPUT_ROWS,
  RESULT_ROW,
  RESULT_SIZE,
  RESULT_STATUS,
  TYPE_F64,
  TYPE_I64,
} from '../../assembly/abi.js'
import type { Kernel } from '../../src/kernel/module.js'

export interface Row {
  readonly key: number
  readonly timestamp: number
  /** The watermark in force before the row. */
  readonly watermark: number
  /** A whole number, NaN or null, so that sums do not depend on the order of additions. */
  readonly float: number | null
  readonly integer: bigint
}

export interface Shape {
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
}

/** start, end, key, rows, then non-null, sum, min and max of the float and of the integer column. */
export type Result = readonly string[]

const SPECS = Uint32Array.of(TYPE_F64 | 0x100 | 0x200, TYPE_I64 | 0x100)
export const MAX_PARALLELISM = 8
const CAPACITY = 256

export class Driver {
  readonly kernel: Kernel
  readonly keys: number
  readonly window: number
  readonly results: Result[] = []
  readonly late: Row[] = []
  private readonly regions: readonly number[]

  constructor(kernel: Kernel, { sizeMs, slideMs, offsetMs }: Shape) {
    const { exports } = kernel
    this.kernel = kernel
    this.keys = kernel.handle(exports.keysCreate(KEY_32, 1, 2, MAX_PARALLELISM), 'keys')
    const specs = kernel.staging.write(SPECS)
    this.window = kernel.handle(exports.windowCreate(this.keys, sizeMs, slideMs, offsetMs, specs, 2), 'window')
    this.regions = Array.from({ length: 8 }, () => kernel.allocate(CAPACITY * 8))
  }

  private region(number: number): number {
    return this.regions[number] ?? 0
  }

  /** Adds one batch of at most 256 rows; fires where the kernel stops, and settles behind it. */
  batch(rows: readonly Row[]): void {
    const { kernel, window } = this
    const { exports } = kernel
    const [source, ids, timestamps, watermarks, floats, integers, validity, pointers] = [0, 1, 2, 3, 4, 5, 6, 7].map(
      n => this.region(n),
    ) as [number, number, number, number, number, number, number, number]
    kernel.u8.fill(0, validity, validity + CAPACITY / 8)
    rows.forEach((row, i) => {
      kernel.u32[(source >> 2) + i] = row.key
      kernel.f64[(timestamps >> 3) + i] = row.timestamp
      kernel.f64[(watermarks >> 3) + i] = row.watermark
      kernel.f64[(floats >> 3) + i] = row.float ?? 12345
      kernel.i64[(integers >> 3) + i] = row.integer
      if (row.float !== null) kernel.u8[validity + (i >> 3)] = (kernel.u8[validity + (i >> 3)] ?? 0) | (1 << (i & 7))
    })
    kernel.check(exports.keysCode32(this.keys, source, 0, 0, rows.length, ids), 'coding')
    kernel.u32.set([floats, integers, validity, 0], pointers >> 2)
    for (let at = 0; at < rows.length; ) {
      const added = exports.windowAdd(window, ids, timestamps, watermarks, pointers, pointers + 8, at, rows.length)
      if (added < 0) throw Object.assign(kernel.error(added, 'adding'), { row: kernel.resultWord(RESULT_ROW) })
      at += added
      if (at < rows.length) this.fire()
    }
    const count = exports.windowLateCount(window)
    for (const row of new Uint32Array(kernel.buffer, exports.windowLateRows(window) >>> 0, count)) {
      this.late.push(rows[row] as Row)
    }
    exports.keysSettle(this.keys)
  }

  advance(watermark: number): void {
    this.kernel.exports.windowAdvance(this.window, watermark)
    this.fire()
    this.kernel.exports.keysSettle(this.keys)
  }

  fire(): void {
    const { kernel, window } = this
    const { exports } = kernel
    for (;;) {
      const rows = kernel.check(exports.windowFire(window), 'firing')
      if (rows === 0) return
      if (rows > OUTPUT_ROWS) throw new Error('more rows than fit')
      const at = (number: number) => exports.windowOutput(window, number) >>> 0
      const keyAt = kernel.staging.reserve(rows * 4)
      exports.keysRead32(this.keys, at(0), rows, keyAt, 0)
      for (let row = 0; row < rows; row++) {
        const f64 = (number: number) => kernel.f64[(at(number) >> 3) + row] ?? 0
        const i64 = (number: number) => kernel.i64[(at(number) >> 3) + row] ?? 0n
        const key = kernel.u32[(keyAt >> 2) + row] ?? 0
        const first = OUT_FIRST_COLUMN
        const values = f64(first) === 0 ? [0, 0, '-', '-'] : [0, 1, 2, 3].map(part => f64(first + part))
        const result = [
          f64(1),
          f64(2),
          key,
          f64(3),
          ...values,
          f64(first + 4),
          i64(first + 5),
          i64(first + 6),
          i64(first + 7),
        ]
        this.results.push(result.map(String))
      }
    }
  }

  snapshot(): Uint8Array<ArrayBuffer> {
    const { kernel, window } = this
    kernel.exports.keysSettle(this.keys)
    const pointer = kernel.handle(kernel.exports.windowSnapshot(window), 'snapshot')
    const bytes = kernel.u8.slice(pointer, pointer + kernel.resultWord(RESULT_SIZE))
    kernel.exports.windowSnapshotRelease(window)
    return bytes
  }

  /** The status. */
  restore(part: Uint8Array, first = 0, last = MAX_PARALLELISM - 1): number {
    const pointer = this.kernel.allocate(Math.max(part.length, 1))
    this.kernel.u8.set(part, pointer)
    const status = this.kernel.exports.windowRestore(this.window, pointer, part.length, first, last)
    this.kernel.release(pointer)
    this.kernel.exports.keysSettle(this.keys)
    return status
  }

  status(): number {
    return this.kernel.i32[(this.kernel.exports.resultPtr() + RESULT_STATUS) >> 2] ?? 0
  }

  destroy(): void {
    this.kernel.exports.windowRelease(this.window)
    this.kernel.exports.keysDestroy(this.keys)
    for (const region of this.regions) this.kernel.release(region)
  }
}

/** Windows as a map, record by record. */
export class Oracle {
  readonly results: Result[] = []
  readonly late: Row[] = []
  private readonly shape: Shape
  private readonly open = new Map<number, Map<number, Row[]>>()
  private watermark = Number.NEGATIVE_INFINITY

  constructor(shape: Shape) {
    this.shape = shape
  }

  add(row: Row): void {
    this.advance(row.watermark)
    const { sizeMs, slideMs, offsetMs } = this.shape
    let starts = 0
    let inTime = false
    const last = offsetMs + Math.floor((row.timestamp - offsetMs) / slideMs) * slideMs
    for (let start = last; start + sizeMs > row.timestamp; start -= slideMs) {
      starts++
      if (start + sizeMs - 1 <= this.watermark) continue
      inTime = true
      const keys = this.open.get(start) ?? new Map<number, Row[]>()
      this.open.set(start, keys)
      keys.set(row.key, [...(keys.get(row.key) ?? []), row])
    }
    if (starts > 0 && !inTime) this.late.push(row)
  }

  advance(watermark: number): void {
    if (watermark <= this.watermark) return
    this.watermark = watermark
    const ready = [...this.open.keys()]
      .filter(start => start + this.shape.sizeMs - 1 <= watermark)
      .sort((a, b) => a - b)
    for (const start of ready) {
      for (const [key, rows] of this.open.get(start) ?? []) this.results.push(this.result(start, key, rows))
      this.open.delete(start)
    }
  }

  private result(start: number, key: number, rows: readonly Row[]): Result {
    const floats = rows.flatMap(({ float }) => (float === null ? [] : [float]))
    const numbers = floats.filter(value => !Number.isNaN(value))
    const values =
      floats.length === 0
        ? [0, 0, '-', '-']
        : [
            floats.length,
            floats.reduce((sum, value) => sum + value, 0),
            numbers.length === 0 ? Number.NaN : Math.min(...numbers),
            numbers.length === 0 ? Number.NaN : Math.max(...numbers),
          ]
    const integers = rows.map(({ integer }) => integer)
    const low = integers.reduce((a, b) => (a < b ? a : b))
    const high = integers.reduce((a, b) => (a > b ? a : b))
    const sum = integers.reduce((a, b) => a + b)
    return [start, start + this.shape.sizeMs, key, rows.length, ...values, rows.length, sum, low, high].map(String)
  }
}
