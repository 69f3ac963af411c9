import type { Column } from '../../core/column.js'
import { Utf8Column } from '../../core/columns-text.js'
import { BaseColumnPacker, moved, type Place, type RowList } from './column-packer.js'

/** Below this many bytes a loop beats a call. */
const SHORT_BYTES = 32

/** Strings as offsets, and bytes that grow in a buffer of their own. */
export class TextPacker extends BaseColumnPacker<Utf8Column> {
  /** An offset; the place has room for one more than there are rows. */
  readonly rowBytes = 4
  private offsets = new Int32Array(1)
  private bytes = new Uint8Array(0)
  /** Bytes of the last batch: the next one begins with as much room. */
  private usual = 0

  fits(column: Column): column is Utf8Column {
    return column instanceof Utf8Column
  }

  protected place({ buffer, at, capacity }: Place, length: number): void {
    this.offsets = moved(this.offsets, new Int32Array(buffer, at, capacity + 1), length + 1)
  }

  protected gather({ offsets: source, bytes }: Utf8Column, { rows, from, to }: RowList, length: number): void {
    const { offsets } = this
    let end = offsets[length] as number
    let at = length + 1
    for (let index = from; index < to; index++) {
      const row = rows[index] as number
      end += (source[row + 1] as number) - (source[row] as number)
      offsets[at++] = end
    }
    this.reserve(end, offsets[length] as number)
    const target = this.bytes
    at = offsets[length] as number
    for (let index = from; index < to; index++) {
      const row = rows[index] as number
      const last = source[row + 1] as number
      let byte = source[row] as number
      if (last - byte >= SHORT_BYTES) {
        target.set(bytes.subarray(byte, last), at)
        at += last - byte
      } else {
        while (byte < last) target[at++] = bytes[byte++] as number
      }
    }
  }

  protected column(length: number, validity: Uint8Array | undefined): Column {
    const { offsets, bytes } = this
    this.usual = offsets[length] ?? 0
    this.offsets = new Int32Array(1)
    this.bytes = new Uint8Array(0)
    return new Utf8Column(offsets.subarray(0, length + 1), bytes.subarray(0, this.usual), validity)
  }

  private reserve(wanted: number, used: number): void {
    if (wanted <= this.bytes.length) return
    const room = Math.max(wanted, this.bytes.length * 2, this.usual + (this.usual >>> 2))
    this.bytes = moved(this.bytes, new Uint8Array(room), used)
  }
}
