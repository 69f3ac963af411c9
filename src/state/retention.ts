import { SabotError } from '../core/errors.js'
import { inspectCheckpoint } from './checkpoint.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import type { Hash } from './manifest.js'

export interface Retention {
  readonly storage: CheckpointStorage
  /** Complete checkpoints that are kept, at least 1; savepoints are kept beside them. */
  readonly retained: number
}

/** Removes all but the newest checkpoints; savepoints stay. */
export async function pruneCheckpoints({ storage, retained }: Retention, hash: Hash): Promise<void> {
  const ids = await storage.list()
  let surplus = ids.length - retained
  if (surplus <= 0) return
  const kept = new Set<number>()
  for (const id of ids) if (await isSavepoint(storage, id, hash)) kept.add(id)
  surplus -= kept.size
  for (const id of ids) {
    if (surplus <= 0) return
    if (kept.has(id)) continue
    await storage.remove(id)
    surplus -= 1
  }
}

export async function isSavepoint(storage: CheckpointStorage, id: number, hash: Hash): Promise<boolean> {
  try {
    return (await inspectCheckpoint(storage, id, hash)).isSavepoint === true
  } catch (cause) {
    // What is damaged is nobody's savepoint any more.
    if (cause instanceof SabotError && cause.code === 'CHECKPOINT_CORRUPT') return false
    throw cause
  }
}
