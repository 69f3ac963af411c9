/* Files for the tests of sources: contents, compressed and handed out in pieces of random sizes. */
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Files } from '../../src/core/files.js'

export { filesOf, utf8 } from './memory-contents.js'

export const gzip = (bytes: Uint8Array): Uint8Array => new Uint8Array(gzipSync(bytes))

/** The same files, but a read gives as few bytes as `sizes` says, by turns: at least one. */
export function inPieces(files: Files, sizes: readonly number[]): Files {
  return {
    openAppend: path => files.openAppend(path),
    openRead: async path => {
      const file = await files.openRead(path)
      let reads = 0
      return {
        sizeBytes: file.sizeBytes,
        read: async (offset, length, spare) => {
          // Who gives bytes back must not need them any more.
          spare?.fill(0x7b)
          return (await file.read(offset, Math.min(length, sizes[reads++ % sizes.length] ?? length))).slice()
        },
        close: () => file.close(),
      }
    },
  }
}

export const pieceSizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })

/** zstd frames of raw blocks of up to 1,000 bytes, as RFC 8878 draws them; what compresses them is not at hand in Node 20. */
export function zstdFrames(...frames: readonly Uint8Array[]): Uint8Array {
  const parts = frames.flatMap(frame => {
    const blocks: number[][] = []
    for (let at = 0; at < frame.length || at === 0; at += 1000) {
      const block = frame.subarray(at, at + 1000)
      const header = (block.length << 3) | (at + 1000 >= frame.length ? 1 : 0)
      blocks.push([header & 0xff, (header >> 8) & 0xff, header >> 16, ...block])
    }
    // Magic number; no content size, no checksum; a window of 1 MiB.
    return [[0x28, 0xb5, 0x2f, 0xfd, 0x00, 10 << 3], ...blocks]
  })
  return Uint8Array.from(parts.flat())
}
