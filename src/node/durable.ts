/* What makes a name in a directory survive a crash of the machine, and what errors of the system are called. */
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Creates a directory and those above it where they are missing, durably. */
export async function createDirectory(path: string, mode = 0o777): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode })
  if (first === undefined) return
  // Each new directory is a name in the one above it.
  for (let made = path; ; made = dirname(made)) {
    await syncDirectory(dirname(made))
    if (made === first || made === dirname(made)) return
  }
}

/** Makes the names in a directory durable. Windows has no such call: its file systems journal names themselves. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The code of an error of the operating system: 'ENOSPC'. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is a file, not a directory',
  ENOENT: 'no such file or directory',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  EEXIST: 'a file is in the way of a directory',
  EFBIG: 'the file would be too large',
}

/** Why the system refused, in words, with its code. */
export function systemReason(error: unknown): string {
  const code = systemCode(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  return `${REASONS[code] ?? 'the system refused'} (${code})`
}
