/*
 * Checkpoints in a directory.
 *
 *   <directory>/chk-00000012/<name>.part   written first, each synced
 *                           /manifest      written as manifest.tmp, synced, renamed: whole or not at all
 *              shared/<name>.part          parts that several checkpoints may use
 *
 * A folder without a manifest is what a crash left behind: it counts for nothing, and is removed when its number is
 * used again or a later checkpoint is complete. Files are for their owner alone (0600): state may hold private data.
 */
import { open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SabotError } from '../core/errors.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import { assertCheckpointId, assertPartName, checkpointExists, isPartName } from '../state/part-name.js'
import { createDirectory, syncDirectory, systemCode, systemReason } from './durable.js'

const MANIFEST = 'manifest'
const SHARED = 'shared'
const PART = '.part'
const FOLDER = /^chk-(\d{8,16})$/

/** The number of the checkpoint that a folder of this name is; undefined: it is none. */
export function checkpointOfFolder(name: string): number | undefined {
  const digits = FOLDER.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Checkpoint storage in a directory, which is created at the first checkpoint.
 * Fails with STORAGE_UNREADABLE or STORAGE_UNWRITABLE (the system's error is the cause), CHECKPOINT_EXISTS where a
 * complete checkpoint would be written again, PART_NAME_INVALID.
 */
export class DirectoryCheckpointStorage implements CheckpointStorage {
  readonly description: string
  private readonly directory: string
  /** Checkpoints that this instance has begun, with the preparation of their folders. */
  private readonly begun = new Map<number, Promise<void>>()

  constructor(directory: string) {
    this.directory = resolve(directory)
    this.description = `directory ${this.directory}`
  }

  async writePart(checkpointId: number, name: string, bytes: Uint8Array): Promise<void> {
    const path = this.partPath(checkpointId, name)
    await this.begin(checkpointId)
    await writing(path, async () => {
      await writeFileDurably(path, bytes)
      await syncDirectory(this.folder(checkpointId))
    })
  }

  async writeManifest(checkpointId: number, bytes: Uint8Array): Promise<void> {
    const folder = this.folder(checkpointId)
    const path = join(folder, MANIFEST)
    await this.begin(checkpointId)
    await writing(path, async () => {
      await writeFileDurably(`${path}.tmp`, bytes)
      await rename(`${path}.tmp`, path)
      await syncDirectory(folder)
    })
    this.begun.delete(checkpointId)
    await this.removeLeftoversBefore(checkpointId)
  }

  async readPart(checkpointId: number, name: string): Promise<Uint8Array | undefined> {
    return readIfThere(this.partPath(checkpointId, name))
  }

  async readManifest(checkpointId: number): Promise<Uint8Array | undefined> {
    return readIfThere(join(this.folder(checkpointId), MANIFEST))
  }

  async list(): Promise<number[]> {
    const complete: number[] = []
    for (const id of await this.numbers()) {
      if (await this.isComplete(id)) complete.push(id)
    }
    return complete
  }

  /** Whether the directory is there at all. */
  async exists(): Promise<boolean> {
    return (await ifThere(this.directory, () => readdir(this.directory))) !== undefined
  }

  async remove(checkpointId: number): Promise<void> {
    const folder = this.folder(checkpointId)
    await writing(folder, async () => {
      try {
        await unlink(join(folder, MANIFEST))
        await syncDirectory(folder)
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
      }
      await rm(folder, { recursive: true, force: true })
    })
    this.begun.delete(checkpointId)
  }

  async writeShared(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.sharedPath(name)
    const folder = join(this.directory, SHARED)
    await writing(path, async () => {
      await createDirectory(folder, 0o700)
      await writeFileDurably(path, bytes)
      await syncDirectory(folder)
    })
  }

  async readShared(name: string): Promise<Uint8Array | undefined> {
    return readIfThere(this.sharedPath(name))
  }

  async listShared(): Promise<string[]> {
    const folder = join(this.directory, SHARED)
    const files = (await ifThere(folder, () => readdir(folder))) ?? []
    const names = files.filter(file => file.endsWith(PART)).map(file => file.slice(0, -PART.length))
    return names.filter(isPartName).sort()
  }

  async removeShared(name: string): Promise<void> {
    const path = this.sharedPath(name)
    await writing(path, () => rm(path, { force: true }))
  }

  /** A fresh folder for a checkpoint; what a crash left under its number goes first. */
  private begin(checkpointId: number): Promise<void> {
    const before = this.begun.get(checkpointId)
    if (before !== undefined) return before
    const folder = this.folder(checkpointId)
    const ready = writing(folder, async () => {
      if (await this.isComplete(checkpointId)) throw checkpointExists(checkpointId, this.description)
      await rm(folder, { recursive: true, force: true })
      await createDirectory(folder, 0o700)
    })
    this.begun.set(checkpointId, ready)
    // A disk that was full may have room again at the next try.
    ready.catch(() => this.begun.delete(checkpointId))
    return ready
  }

  private async removeLeftoversBefore(checkpointId: number): Promise<void> {
    for (const id of await this.numbers()) {
      if (id >= checkpointId || this.begun.has(id) || (await this.isComplete(id))) continue
      // The checkpoint is complete whether or not old rubbish can be removed; the next one tries again.
      await rm(this.folder(id), { recursive: true, force: true }).catch(() => undefined)
    }
  }

  /** The numbers of all folders, whole or not, ascending. */
  private async numbers(): Promise<number[]> {
    const names = (await ifThere(this.directory, () => readdir(this.directory))) ?? []
    const numbers = names.map(name => Number(FOLDER.exec(name)?.[1] ?? Number.NaN))
    return numbers.filter(Number.isSafeInteger).sort((a, b) => a - b)
  }

  private async isComplete(checkpointId: number): Promise<boolean> {
    const path = join(this.folder(checkpointId), MANIFEST)
    return (await ifThere(path, () => stat(path))) !== undefined
  }

  private folder(checkpointId: number): string {
    assertCheckpointId(checkpointId)
    return join(this.directory, `chk-${String(checkpointId).padStart(8, '0')}`)
  }

  private partPath(checkpointId: number, name: string): string {
    assertPartName(name)
    return join(this.folder(checkpointId), `${name}${PART}`)
  }

  private sharedPath(name: string): string {
    assertPartName(name)
    return join(this.directory, SHARED, `${name}${PART}`)
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  const buffer = await ifThere(path, () => readFile(path))
  return buffer && new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

/** What `read` gives; undefined where there is nothing at `path`. */
async function ifThere<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw new SabotError('STORAGE_UNREADABLE', `${path} cannot be read: ${systemReason(cause)}`, { path }, { cause })
  }
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (cause) {
    if (cause instanceof SabotError) throw cause
    throw new SabotError('STORAGE_UNWRITABLE', `${path} cannot be written: ${systemReason(cause)}`, { path }, { cause })
  }
}

async function writeFileDurably(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
