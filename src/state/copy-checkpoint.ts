import { readPart } from './checkpoint.js'
import { readManifestFile } from './checkpoint-parts.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import type { Hash } from './manifest.js'

/**
 * Copies one checkpoint to another storage under the same id: parts first, the manifest last, each part checked
 * against the manifest on the way, so that a damaged checkpoint never exists in the target. One part is in memory at a
 * time.
 * @throws SabotError CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION, CHECKPOINT_EXISTS
 */
export async function copyCheckpoint(
  from: CheckpointStorage,
  to: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
): Promise<void> {
  const { bytes, parts } = await readManifestFile(from, checkpointId, hash)
  for (const entry of parts) {
    await to.writePart(checkpointId, entry.name, await readPart(from, checkpointId, entry, hash))
  }
  await to.writeManifest(checkpointId, bytes)
}
