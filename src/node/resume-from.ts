/* Where a job of this machine resumes: a number, a folder, or a file that holds a checkpoint. */
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { SabotError } from '../core/errors.js'
import type { ResumeOptions } from '../runtime/start-point.js'
import { unpackCheckpoint } from '../state/archive.js'
import type { Hash } from '../state/manifest.js'
import { MemoryCheckpointStorage } from '../state/memory-storage.js'
import { checkpointOfFolder, DirectoryCheckpointStorage } from './directory-storage.js'
import { systemReason } from './durable.js'

export interface ResumeFrom {
  /**
   * A checkpoint or savepoint: its number among the job's own, the folder of one (`.sabot/flights/chk-00000012`), a
   * directory of which the newest is taken, or a file of `sabot checkpoint export`. Default: the newest of the job's own.
   */
  readonly checkpoint?: number | string
  /** Drops the state of operators that the job no longer has: see ResumeOptions. Default false: it is refused by name. */
  readonly allowNonRestored?: boolean
}

/** @throws SabotError CHECKPOINT_MISSING where nothing is at the path; those of unpackCheckpoint */
export async function resumeOptions(
  resume: boolean | ResumeFrom | undefined,
  hash: Hash,
): Promise<boolean | ResumeOptions> {
  if (typeof resume !== 'object') return resume ?? false
  const { checkpoint, allowNonRestored } = resume
  if (checkpoint === undefined) return { allowNonRestored }
  if (typeof checkpoint === 'number') return { checkpointId: checkpoint, allowNonRestored }
  if (/^\d+$/.test(checkpoint)) return { checkpointId: Number(checkpoint), allowNonRestored }
  return { ...(await checkpointAt(checkpoint, hash)), allowNonRestored }
}

async function checkpointAt(path: string, hash: Hash): Promise<ResumeOptions> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new SabotError('CHECKPOINT_MISSING', `There is no checkpoint at ${path}: ${systemReason(cause)}`, { path })
  })
  if (!stats.isDirectory()) {
    const storage = new MemoryCheckpointStorage()
    return { storage, checkpointId: await unpackCheckpoint(await readFile(path), storage, hash) }
  }
  const checkpointId = checkpointOfFolder(basename(path))
  if (checkpointId === undefined) return { storage: new DirectoryCheckpointStorage(path) }
  return { storage: new DirectoryCheckpointStorage(dirname(path)), checkpointId }
}
