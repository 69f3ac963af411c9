import { readPart } from './checkpoint.js'
import { readManifestFile } from './checkpoint-parts.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import { decodeManifest, encodeManifest, type Hash, type PartEntry } from './manifest.js'
import { chainsOf, readChain } from './shared-parts.js'

/**
 * Reads a checkpoint as one that stands by itself: `take` gets each part whole and verified, one at a time; the manifest
 * that fits them is returned. Where no part is shared it is the manifest of the checkpoint, byte for byte.
 * @throws SabotError CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
 */
export async function readWhole(
  storage: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
  take: (name: string, bytes: Uint8Array) => Promise<void> | void,
): Promise<Uint8Array> {
  const { bytes: manifest, parts } = await readManifestFile(storage, checkpointId, hash)
  if (!parts.some(({ shared }) => shared !== undefined)) {
    for (const entry of parts) await take(entry.name, await readPart(storage, checkpointId, entry, hash))
    return manifest
  }
  const { operators, ...head } = decodeManifest(manifest, hash, `checkpoint ${checkpointId} in ${storage.description}`)
  const whole = []
  for (const operator of operators) {
    const entries: PartEntry[] = []
    for (const [name, chain] of chainsOf(operator.parts)) {
      const bytes = await readChain(storage, checkpointId, chain, hash)
      entries.push({ name, sizeBytes: bytes.length, xxh64: hash(bytes) })
      await take(name, bytes)
    }
    whole.push({ ...operator, parts: entries })
  }
  return encodeManifest({ ...head, operators: whole }, hash)
}
