/** Of the rolling hash. */
const MULTIPLIER = 0x01000193
const MOST_BLOCKS = 1 << 22
const LEAST_BLOCK = 32

/**
 * Where the blocks of some bytes stand, by a rolling hash: each block of `blockBytes` at a multiple of that. Equal
 * blocks are known by the first of them. The memory it takes is 16 to 32 MB at most, however long the bytes are.
 */
export class BlockIndex {
  readonly blockBytes: number
  private readonly bytes: Uint8Array
  /** By the hash's upper bits: the number of a block + 1. */
  private readonly table: Int32Array
  private readonly shift: number
  /** MULTIPLIER to the power of blockBytes: what a byte weighs that leaves the block. */
  private readonly outWeight: number
  private added = 0

  constructor(bytes: Uint8Array) {
    let blockBytes = LEAST_BLOCK
    while (bytes.length / blockBytes > MOST_BLOCKS) blockBytes *= 2
    const bits = Math.max(4, 33 - Math.clz32(Math.floor(bytes.length / blockBytes)))
    this.bytes = bytes
    this.blockBytes = blockBytes
    this.table = new Int32Array(2 ** bits)
    this.shift = 32 - bits
    let weight = 1
    for (let power = 0; power < blockBytes; power++) weight = Math.imul(weight, MULTIPLIER)
    this.outWeight = weight
  }

  /** Takes in the next `blocks` blocks; false when all are in. */
  add(blocks: number): boolean {
    const { bytes, blockBytes, table } = this
    const end = Math.min(this.added + blocks, Math.floor(bytes.length / blockBytes))
    for (; this.added < end; this.added++) {
      const place = this.place(this.hash(bytes, this.added * blockBytes))
      if (table[place] === 0) table[place] = this.added + 1
    }
    return (this.added + 1) * blockBytes <= bytes.length
  }

  hash(bytes: Uint8Array, at: number): number {
    let hash = 0
    const end = at + this.blockBytes
    for (let index = at; index < end; index++) {
      hash = (Math.imul(hash, MULTIPLIER) + (bytes[index] as number)) | 0
    }
    return hash
  }

  /** The hash of the block one byte further on. */
  roll(hash: number, out: number, into: number): number {
    return (Math.imul(hash, MULTIPLIER) + into - Math.imul(out, this.outWeight)) | 0
  }

  /** Where a block with this hash may stand; -1 where there is none. */
  find(hash: number): number {
    return ((this.table[this.place(hash)] as number) - 1) * this.blockBytes
  }

  private place(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> this.shift
  }
}
