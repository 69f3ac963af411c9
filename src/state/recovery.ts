import { SabotError } from '../core/errors.js'
import { inspectCheckpoint, type OperatorSnapshot, partPrefix } from './checkpoint.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import type { CheckpointManifest, Hash } from './manifest.js'
import { chainsOf, ofOtherJob, readChain } from './shared-parts.js'

/** What a job resumes from. */
export interface Recovery {
  readonly storage: CheckpointStorage
  readonly checkpointId: number
  readonly manifest: CheckpointManifest
  /** By operator, one state for each of its subtasks. */
  readonly states: ReadonlyMap<string, readonly RecoveredState[]>
  /** Newer checkpoints that could not be used, with the reason. */
  readonly passedOver: readonly SabotError[]
}

export type RecoveredState = OperatorSnapshot

/**
 * Loads the newest checkpoint of which every byte is right; undefined where there is none at all.
 *
 * 1. A damaged checkpoint is passed over for the one before.
 * 2. With only damaged ones the job must not begin anew in silence: NO_VALID_CHECKPOINT.
 * 3. A checkpoint of another job is refused by name: CHECKPOINT_OF_OTHER_JOB.
 *
 * Checkpoints up to `after` are not looked at: they are of an earlier run.
 */
export async function recover(
  storage: CheckpointStorage,
  job: string,
  hash: Hash,
  after = -1,
): Promise<Recovery | undefined> {
  const passedOver: SabotError[] = []
  for (const checkpointId of (await storage.list()).reverse()) {
    if (checkpointId <= after) break
    try {
      return { ...(await recoverFrom(storage, checkpointId, job, hash)), passedOver }
    } catch (cause) {
      if (!(cause instanceof SabotError) || cause.code !== 'CHECKPOINT_CORRUPT') throw cause
      passedOver.push(cause)
    }
  }
  if (passedOver.length === 0) return undefined
  throw new SabotError(
    'NO_VALID_CHECKPOINT',
    `None of the ${passedOver.length} checkpoints in ${storage.description} is whole: ${passedOver[0]?.message}. ` +
      'Begin anew without resuming, or restore the directory from a backup',
    { storage: storage.description },
    { cause: passedOver[0] },
  )
}

/**
 * Loads one checkpoint and no other.
 * @throws SabotError CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION, CHECKPOINT_OF_OTHER_JOB
 */
export async function recoverFrom(
  storage: CheckpointStorage,
  checkpointId: number,
  job: string,
  hash: Hash,
): Promise<Recovery> {
  const manifest = await inspectCheckpoint(storage, checkpointId, hash)
  if (manifest.job !== job) throw ofOtherJob(storage, manifest.job, job)
  return { storage, checkpointId, manifest, states: await readStates(storage, manifest, hash), passedOver: [] }
}

async function readStates(
  storage: CheckpointStorage,
  manifest: CheckpointManifest,
  hash: Hash,
): Promise<Map<string, RecoveredState[]>> {
  const states = new Map<string, RecoveredState[]>()
  for (const { parts, ...head } of manifest.operators) {
    const loaded = []
    for (const [part, chain] of chainsOf(parts)) {
      const bytes = await readChain(storage, manifest.checkpointId, chain, hash)
      loaded.push({ name: part.slice(partPrefix(head).length), bytes })
    }
    states.set(head.id, [...(states.get(head.id) ?? []), { ...head, parts: loaded }])
  }
  return states
}
