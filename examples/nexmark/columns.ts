/* Columns that are filled row by row, faster than through row objects. */
import { Int64Column, TimestampColumn, Utf8Column } from 'sabot'
import type { EventRandom } from './random.js'

const encoder = new TextEncoder()

/** Whole numbers from 0 to 2^53. */
export class Numbers {
  private readonly words: Int32Array
  private length = 0

  constructor(rows: number) {
    this.words = new Int32Array(rows * 2)
  }

  push(value: number): void {
    this.words[this.length++] = value
    this.words[this.length++] = Math.floor(value / 2 ** 32)
  }

  i64(): Int64Column {
    return new Int64Column(new BigInt64Array(this.words.buffer, 0, this.length / 2))
  }

  timestamps(): TimestampColumn {
    return new TimestampColumn(new BigInt64Array(this.words.buffer, 0, this.length / 2))
  }
}

/** Strings of ASCII, each written piece by piece. */
export class Texts {
  private readonly offsets: Int32Array
  private bytes: Uint8Array
  private rows = 0
  private end = 0

  constructor(rows: number, bytesPerRow: number) {
    this.offsets = new Int32Array(rows + 1)
    this.bytes = new Uint8Array(rows * bytesPerRow)
  }

  /** Ends a row; gives its length. */
  endRow(): number {
    const start = this.offsets[this.rows] ?? 0
    this.rows += 1
    this.offsets[this.rows] = this.end
    return this.end - start
  }

  text(text: string): void {
    this.reserve(text.length)
    encoder.encodeInto(text, this.bytes.subarray(this.end))
    this.end += text.length
  }

  /** Letters a to z, six a draw. */
  letters(random: EventRandom, count: number): void {
    this.reserve(count)
    const { bytes } = this
    let bits = 0
    for (let index = 0; index < count; index++) {
      if (index % 6 === 0) bits = random.bits()
      bytes[this.end + index] = 97 + (bits % 26)
      bits = Math.floor(bits / 26)
    }
    this.end += count
  }

  /** Words: 3 to `most` - 1 characters, each a gap with a chance of 1 in 13, without gaps at either end. */
  words(random: EventRandom, most: number): void {
    const count = 3 + random.below(most - 3)
    this.reserve(count)
    const { bytes } = this
    const start = this.end
    for (let index = 0; index < count; index++) {
      const bits = random.bits()
      const isGap = bits % 13 === 0
      if (isGap && this.end === start) continue
      bytes[this.end++] = isGap ? SPACE : 97 + (Math.floor(bits / 13) % 26)
    }
    while (this.end > start && bytes[this.end - 1] === SPACE) this.end--
  }

  digits(random: EventRandom, count: number): void {
    this.reserve(count)
    let bits = random.bits()
    for (let index = 0; index < count; index++) {
      this.bytes[this.end++] = 48 + (bits % 10)
      bits = Math.floor(bits / 10)
    }
  }

  finish(): Utf8Column {
    return new Utf8Column(this.offsets.slice(0, this.rows + 1), this.bytes.slice(0, this.end))
  }

  private reserve(count: number): void {
    if (this.end + count <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.end + count))
    larger.set(this.bytes)
    this.bytes = larger
  }
}

const SPACE = 32
