/* What comes only once, from its beginning to its end, as a file: pipes, bodies, streams. */
import { SabotError } from './errors.js'
import type { ReadableFile } from './files.js'

/**
 * Bytes in pieces of any size as a file that is read at ascending offsets, a piece or less at a time; what stands
 * between two reads is passed over. Reading fails with FILE_UNREADABLE when the pieces do. Closing leaves them and ends a read that waits; `stop` is
 * called then, for pieces that would go on waiting by themselves.
 */
export function sequentialFile(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
  stop: () => void = () => {},
): ReadableFile {
  return new SequentialFile(pieces[Symbol.asyncIterator](), name, stop)
}

class SequentialFile implements ReadableFile {
  readonly sizeBytes = Number.POSITIVE_INFINITY
  readonly isSequential = true
  private readonly pieces: AsyncIterator<Uint8Array>
  private readonly name: string
  private readonly stop: () => void
  private endWaiting: () => void = () => {}
  private readonly closed = new Promise<void>(resolve => {
    this.endWaiting = resolve
  })
  /** What of the piece at hand is not read yet, and where it stands. */
  private piece: Uint8Array = new Uint8Array()
  private offset = 0
  private hasEnded = false

  constructor(pieces: AsyncIterator<Uint8Array>, name: string, stop: () => void) {
    this.pieces = pieces
    this.name = name
    this.stop = stop
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (!(offset >= this.offset && length >= 0)) {
      throw new RangeError(`${this.name} is read once: byte ${offset} has gone by at byte ${this.offset}`)
    }
    while (this.offset < offset) {
      if (this.piece.length === 0 && !(await this.next())) return this.piece
      this.take(offset - this.offset)
    }
    if (this.piece.length === 0 && length > 0) await this.next()
    return this.take(length)
  }

  async close(): Promise<void> {
    this.hasEnded = true
    this.endWaiting()
    this.stop()
    // Not awaited: a generator that waits for its next piece takes note of it behind that piece.
    this.pieces.return?.().catch(() => {})
  }

  private take(length: number): Uint8Array {
    const part = this.piece.subarray(0, length)
    this.piece = this.piece.subarray(part.length)
    this.offset += part.length
    return part
  }

  private async next(): Promise<boolean> {
    try {
      while (!this.hasEnded && this.piece.length === 0) {
        const next = await Promise.race([this.pieces.next(), this.closed])
        if (next === undefined || next.done === true) this.hasEnded = true
        else this.piece = next.value
      }
    } catch (cause) {
      if (cause instanceof SabotError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new SabotError(
        'FILE_UNREADABLE',
        `${this.name} broke off behind byte ${this.offset}: ${reason}`,
        { path: this.name, offset: this.offset },
        { cause },
      )
    }
    return !this.hasEnded
  }
}
