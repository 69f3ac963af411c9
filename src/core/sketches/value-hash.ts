/*
 * A seeded 64-bit hash of values, as two 32-bit words: two lanes of MurmurHash3's 32-bit body and finaliser, which meet
 * at the end. Equal on every host. Values that are equal as keys hash alike: -0 is 0, and NaN is one value.
 */

const C1 = 0xcc9e2d51
const C2 = 0x1b873593
const GOLDEN = 0x9e3779b9

const scratch = new DataView(new ArrayBuffer(8))

export class ValueHash {
  /** The words of the last hash, unsigned. */
  low = 0
  high = 0
  private readonly seed: number

  constructor(seed: number) {
    this.seed = seed
  }

  /** Takes a value of a primitive column: boolean, number, bigint (64 bits) or string. */
  of(value: unknown): void {
    this.low = this.seed | 0
    this.high = this.seed ^ GOLDEN
    if (typeof value === 'string') this.addText(value)
    else if (typeof value === 'bigint')
      this.addWords(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)))
    else this.addNumber(Number(value))
    const a = finalised(this.low)
    const b = finalised(this.high)
    this.low = (a + b) >>> 0
    this.high = finalised(b + Math.imul(a, 5)) >>> 0
  }

  private addNumber(value: number): void {
    scratch.setFloat64(0, Number.isNaN(value) ? Number.NaN : value + 0)
    this.addWords(scratch.getInt32(4), scratch.getInt32(0))
  }

  private addText(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      this.low = mixed(this.low, unit)
      this.high = mixed(this.high, unit ^ GOLDEN)
    }
    this.low ^= text.length
  }

  private addWords(low: number, high: number): void {
    this.low = mixed(mixed(this.low, low), high)
    this.high = mixed(mixed(this.high, high), low)
  }
}

function mixed(hash: number, word: number): number {
  let k = Math.imul(word, C1)
  k = (k << 15) | (k >>> 17)
  const h = hash ^ Math.imul(k, C2)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

function finalised(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
