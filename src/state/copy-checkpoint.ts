import type { CheckpointStorage } from './checkpoint-storage.js'
import type { Hash } from './manifest.js'
import { readWhole } from './whole-checkpoint.js'

/**
 * Copies one checkpoint to another storage under the same id: parts first, the manifest last, each part checked
 * against the manifest on the way, so that a damaged checkpoint never exists in the target. The copy shares nothing with
 * other checkpoints. One part is in memory at a time.
 * @throws SabotError CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION, CHECKPOINT_EXISTS
 */
export async function copyCheckpoint(
  from: CheckpointStorage,
  to: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
): Promise<void> {
  const manifest = await readWhole(from, checkpointId, hash, (name, bytes) => to.writePart(checkpointId, name, bytes))
  await to.writeManifest(checkpointId, manifest)
}
