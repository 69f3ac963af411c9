import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseVectors, type Vector, VectorFileError } from './vector.js'

export interface VectorFiles {
  readonly vectors: readonly Vector[]
  /** What could not be read, by name. */
  readonly problems: readonly string[]
}

function jsonFiles(directory: string): string[] {
  let names: string[]
  try {
    names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  } catch (cause) {
    throw new VectorFileError(`${directory}: cannot be read as a directory (${(cause as Error).message})`, { cause })
  }
  const files = names.filter(name => name.endsWith('.json')).sort()
  if (files.length === 0) throw new VectorFileError(`${directory}: no .json file in it`)
  return files.map(name => join(directory, name))
}

/** All vectors of the .json files in the directories and below. One bad file does not hide the others. */
export function readVectors(directories: readonly string[]): VectorFiles {
  const vectors: Vector[] = []
  const problems: string[] = []
  const attempt = <T>(read: () => readonly T[]): readonly T[] => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof VectorFileError)) throw error
      problems.push(error.message)
      return []
    }
  }
  for (const directory of directories) {
    for (const file of attempt(() => jsonFiles(directory))) {
      vectors.push(...attempt(() => parseVectors(file, readFileSync(file, 'utf8'))))
    }
  }
  return { vectors, problems }
}
