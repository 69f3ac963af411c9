import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'

/** A Blob or File as a readable file. */
export function openBlob(path: string, blob: Blob): ReadableFile {
  return {
    sizeBytes: blob.size,
    read: async (offset, length) => {
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
      } catch (cause) {
        // A File is a reference: it cannot be read any more once the file behind it has changed or gone.
        throw new SabotError(
          'FILE_UNREADABLE',
          `${path}: the file changed or went away; choose it again`,
          { path },
          { cause },
        )
      }
    },
    close: async () => {},
  }
}
