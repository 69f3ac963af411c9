/** Bytes that come in passes: between two of them it waits, as a connection does on which nothing comes for a while. */
export class FedBytes implements AsyncIterable<Uint8Array> {
  private chunks: Iterator<Uint8Array> = [][Symbol.iterator]()
  private wake: () => void = () => {}

  /** The chunks of the next pass. */
  feed(chunks: Iterable<Uint8Array>): void {
    this.chunks = chunks[Symbol.iterator]()
    this.wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { done, value } = this.chunks.next()
      if (done !== true) yield value
      else {
        await new Promise<void>(resolve => {
          this.wake = resolve
        })
      }
    }
  }
}
