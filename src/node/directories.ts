/* Directories over node:fs: what is in them, new names, removing. */
import type { Dirent } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Directories, DirectoryEntry } from '../core/files.js'
import { createDirectory, syncDirectory, systemCode } from './durable.js'
import { unreadable, unwritable } from './file-errors.js'

export function nodeDirectories(absolute: (path: string) => string): Directories {
  return {
    list: path => list(absolute(path === '' ? '.' : path)),
    rename: (from, to) => renameFile(absolute(from), absolute(to)),
    remove: path => remove(absolute(path)),
  }
}

async function list(path: string): Promise<DirectoryEntry[] | undefined> {
  let found: Dirent[]
  try {
    found = await readdir(path, { withFileTypes: true })
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw unreadable(path, cause)
  }
  const entries = await Promise.all(found.map(entry => entryOf(path, entry)))
  return entries.filter(entry => entry !== undefined)
}

/** undefined for what went away meanwhile, and for links that lead nowhere. */
async function entryOf(directory: string, { name }: Dirent): Promise<DirectoryEntry | undefined> {
  try {
    const stats = await stat(join(directory, name))
    if (stats.isDirectory()) return { name, kind: 'directory', modifiedMs: 0 }
    return { name, kind: 'file', modifiedMs: stats.mtimeMs }
  } catch {
    return undefined
  }
}

async function renameFile(from: string, to: string): Promise<void> {
  try {
    await createDirectory(dirname(to))
    await rename(from, to)
    await syncDirectory(dirname(to))
    if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from))
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') throw unreadable(from, cause)
    throw unwritable(to, cause)
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (cause) {
    throw unwritable(path, cause)
  }
}
