/* The names of the files of a fileSink(), and what a crash leaves of them. */
import type { Directories } from '../core/files.js'

export interface FilePart {
  /** The directory below that of the sink; empty where files are not partitioned. */
  readonly partition: string
  readonly number: number
}

export function partName(number: number, format: string): string {
  return `part-${number}.${format}`
}

/** Hidden from those who read the directory. */
export function inProgressName(number: number, format: string): string {
  return `.${partName(number, format)}.inprogress`
}

/**
 * Removes parts from `firstNumber` on, and those in progress that nobody knows; files of other names stay.
 * `known`: numbers of parts that are open or were just committed.
 */
export async function leftOvers(
  directories: Directories,
  directory: string,
  format: string,
  firstNumber: number,
  known: ReadonlySet<number>,
): Promise<void> {
  for (const { name, kind } of (await directories.list(directory)) ?? []) {
    const path = `${directory}/${name}`
    if (kind === 'directory') {
      if (name.includes('=')) await leftOvers(directories, path, format, firstNumber, known)
      continue
    }
    const number = numberOf(name, format)
    if (number === undefined || known.has(number)) continue
    if (number >= firstNumber || name.startsWith('.')) await directories.remove(path)
  }
}

function numberOf(name: string, format: string): number | undefined {
  const number = Number(/^\.?part-(\d{1,15})\./.exec(name)?.[1] ?? Number.NaN)
  if (name !== partName(number, format) && name !== inProgressName(number, format)) return undefined
  return number
}
