/*
 * Random numbers by counter: the draws of event e depend on the seed and e alone, so that any event can be made by
 * itself. A draw is a 32-bit finaliser (lowbias32) over a Weyl sequence that begins at a hash of both.
 */

export class EventRandom {
  private readonly seed: number
  private state = 0

  constructor(seed: number) {
    this.seed = finalised(seed | 0)
  }

  /** Begins the draws of an event. */
  begin(event: number): void {
    this.state = finalised(finalised(this.seed ^ event) + Math.floor(event / 2 ** 32))
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    this.state = (this.state + 0x9e3779b9) | 0
    return finalised(this.state) >>> 0
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor((this.bits() / 2 ** 32) * n)
  }
}

function finalised(word: number): number {
  let x = word
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return x ^ (x >>> 15)
}
