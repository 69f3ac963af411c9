import type { AppendableFile, Files } from '../../core/files.js'

/** Files whose appended bytes are shown to `observe` on their way, by path as the job names it. */
export function observedFiles(files: Files, observe: (path: string, bytes: Uint8Array) => void): Files {
  return {
    openRead: path => files.openRead(path),
    ...(files.directories === undefined ? {} : { directories: files.directories }),
    openAppend: async path => {
      const file = await files.openAppend(path)
      const observed: AppendableFile = {
        get sizeBytes() {
          return file.sizeBytes
        },
        append: bytes => {
          observe(path, bytes)
          return file.append(bytes)
        },
        flush: () => file.flush(),
        truncate: sizeBytes => file.truncate(sizeBytes),
        close: () => file.close(),
      }
      return observed
    },
  }
}
