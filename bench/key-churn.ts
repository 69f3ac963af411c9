import { sliding } from '../src/core/window-geometry.js'
import { KeyIndex } from '../src/kernel/keys.js'
import type { Kernel } from '../src/kernel/module.js'
import { WindowState } from '../src/kernel/windows.js'

const BATCH_ROWS = 8192
const ROWS_PER_SECOND = 65_536
/** Keys in use at one time; an eighth of them is replaced every second. */
const LIVE_KEYS = 20_000
const KEYS_REPLACED = LIVE_KEYS / 8

/**
 * An endless job of keys that come and go: rows of random keys out of a range that moves on, in sliding windows of four
 * seconds that start every second. Text keys and integer keys by turns of a batch, each in an operator of its own.
 */
export class KeyChurn {
  static readonly rowsPerSecond = ROWS_PER_SECOND

  /** Linear memory of the kernel, bytes. It does not shrink, so it is also the most that there ever was. */
  get memoryBytes(): number {
    return this.kernel.buffer.byteLength
  }

  /** Bytes in regions that are handed out now. */
  get bytesInUse(): number {
    return this.kernel.bytesInUse
  }

  /** Keys that an operator has now, of the one that has more. */
  get liveKeys(): number {
    return Math.max(this.numbers.index.count, this.texts.index.count)
  }

  /** Keys that the rows were drawn from so far. */
  get keysSeen(): number {
    return LIVE_KEYS + Math.floor(this.rows / ROWS_PER_SECOND) * KEYS_REPLACED
  }

  private readonly kernel: Kernel
  private readonly numbers: Operator
  private readonly texts: Operator
  private readonly keys = new Int32Array(BATCH_ROWS)
  private readonly timestamps = new Float64Array(BATCH_ROWS)
  private readonly values = new Float64Array(BATCH_ROWS)
  private readonly offsets = new Int32Array(BATCH_ROWS + 1)
  private readonly bytes = new Uint8Array(BATCH_ROWS * 32)
  private rows = 0
  private random = 2463534242

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.numbers = operator(kernel, 'i32')
    this.texts = operator(kernel, 'utf8')
  }

  /** Goes on for `rows` rows, rounded up to batches. */
  run(rows: number): void {
    for (const end = this.rows + rows; this.rows < end; this.rows += BATCH_ROWS) {
      const start = (this.rows / ROWS_PER_SECOND) * 1000
      for (const each of [this.numbers, this.texts]) fire(each, start - 1)
      this.makeBatch(start)
      const { state } = (this.rows / BATCH_ROWS) % 2 === 0 ? this.codeNumbers() : this.codeTexts()
      state.add(this.timestamps, [{ values: this.values }])
    }
  }

  private makeBatch(start: number): void {
    const firstKey = Math.floor(start / 1000) * KEYS_REPLACED
    for (let row = 0; row < BATCH_ROWS; row++) {
      this.random ^= this.random << 13
      this.random ^= this.random >>> 17
      this.random ^= this.random << 5
      this.keys[row] = Math.imul(firstKey + ((this.random >>> 0) % LIVE_KEYS), 0x9e3779b1)
      this.timestamps[row] = start + Math.floor((row * 1000) / ROWS_PER_SECOND)
      this.values[row] = row
    }
  }

  private codeNumbers(): Operator {
    this.numbers.index.codeInt32(this.keys)
    return this.numbers
  }

  /** The keys in decimal, padded to lengths from 1 to 30. */
  private codeTexts(): Operator {
    const { bytes, offsets, keys } = this
    let at = 0
    for (let row = 0; row < BATCH_ROWS; row++) {
      let key = (keys[row] ?? 0) >>> 0
      for (let padding = key % 20; padding > 0; padding--) bytes[at++] = 45
      do {
        bytes[at++] = 48 + (key % 10)
        key = Math.floor(key / 10)
      } while (key > 0)
      offsets[row + 1] = at
    }
    this.texts.index.codeUtf8({ offsets, bytes })
    return this.texts
  }
}

interface Operator {
  readonly index: KeyIndex
  readonly state: WindowState
}

function operator(kernel: Kernel, kind: 'i32' | 'utf8'): Operator {
  const index = new KeyIndex(kernel, { kind })
  const spec = { type: 'f64', minMax: true, nullable: false } as const
  return { index, state: new WindowState(kernel, index, sliding(4000, 1000), [spec]) }
}

function fire({ index, state }: Operator, watermark: number): void {
  if (watermark < state.nextFire) return
  state.advance(watermark)
  while (state.fire() !== undefined);
  index.settle()
}
