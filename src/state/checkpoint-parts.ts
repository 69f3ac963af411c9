/*
 * From a manifest to the bytes that it vouches for. A manifest may come from a foreign file: its checksum says that
 * nothing was damaged, not that its author meant well.
 */
import { describeValue, SabotError } from '../core/errors.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import { decodeManifest, type Hash, type PartEntry } from './manifest.js'
import { isPartName } from './part-name.js'

const XXH64_HEX = /^[0-9a-f]{16}$/

/**
 * Reads what was written with encodeManifest and checks each entry that sizes and addresses are taken from.
 * @throws SabotError CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
 */
export function openManifest(
  bytes: Uint8Array,
  hash: Hash,
  where: string,
): { checkpointId: number; parts: PartEntry[] } {
  let manifest: unknown
  try {
    manifest = decodeManifest(bytes, hash, where)
  } catch (cause) {
    if (cause instanceof SabotError) throw cause
    throw corrupt(where, 'its manifest is not JSON', cause)
  }
  if (
    typeof manifest !== 'object' ||
    manifest === null ||
    !('operators' in manifest) ||
    !('checkpointId' in manifest)
  ) {
    throw corrupt(where, 'its manifest lacks an id or operators')
  }
  const { checkpointId, operators } = manifest
  if (typeof checkpointId !== 'number' || !Number.isSafeInteger(checkpointId) || checkpointId < 0) {
    throw corrupt(where, `${describeValue(checkpointId)} is no checkpoint id`)
  }
  return { checkpointId, parts: partsOf(operators, where) }
}

/**
 * The bytes of a manifest in a storage, and the parts that it names.
 * @throws SabotError CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
 */
export async function readManifestFile(
  storage: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
): Promise<{ bytes: Uint8Array; parts: PartEntry[] }> {
  const bytes = await storage.readManifest(checkpointId)
  if (bytes === undefined) {
    const known = await storage.list()
    const list = known.length === 0 ? 'It has none' : `It has ${known.join(', ')}`
    throw new SabotError(
      'CHECKPOINT_MISSING',
      `There is no checkpoint ${checkpointId} in ${storage.description}. ${list}`,
      {
        checkpointId,
        storage: storage.description,
        known,
      },
    )
  }
  const where = `checkpoint ${checkpointId} in ${storage.description}`
  const manifest = openManifest(bytes, hash, where)
  if (manifest.checkpointId !== checkpointId) {
    throw corrupt(where, `its manifest is that of checkpoint ${manifest.checkpointId}`)
  }
  return { bytes, parts: manifest.parts }
}

/** @throws SabotError CHECKPOINT_CORRUPT when `bytes` are not what the manifest says. */
export function verifyPart(bytes: Uint8Array, entry: PartEntry, hash: Hash, where: string): void {
  if (bytes.length !== entry.sizeBytes) {
    throw corrupt(where, `part ${entry.name} has ${bytes.length} bytes instead of ${entry.sizeBytes}`)
  }
  if (hash(bytes) !== entry.xxh64) throw corrupt(where, `the checksum of part ${entry.name} does not fit`)
}

export function corrupt(where: string, reason: string, cause?: unknown): SabotError {
  return new SabotError('CHECKPOINT_CORRUPT', `${where} is damaged: ${reason}`, { where, reason }, { cause })
}

function partsOf(operators: unknown, where: string): PartEntry[] {
  if (!Array.isArray(operators)) throw corrupt(where, 'the operators of its manifest are no list')
  const parts: PartEntry[] = []
  const names = new Set<string>()
  for (const operator of operators as unknown[]) {
    const entries =
      typeof operator === 'object' && operator !== null && 'parts' in operator ? operator.parts : undefined
    if (!Array.isArray(entries)) throw corrupt(where, 'an operator in its manifest has no list of parts')
    for (const entry of entries as unknown[]) {
      if (!isPartEntry(entry)) throw corrupt(where, 'an entry for a part in its manifest is not well formed')
      if (names.has(entry.name)) throw corrupt(where, `its manifest names part ${entry.name} twice`)
      names.add(entry.name)
      parts.push(entry)
    }
  }
  return parts
}

function isPartEntry(entry: unknown): entry is PartEntry {
  if (typeof entry !== 'object' || entry === null) return false
  if (!('name' in entry) || !('sizeBytes' in entry) || !('xxh64' in entry)) return false
  const { name, sizeBytes, xxh64 } = entry
  if (typeof name !== 'string' || !isPartName(name)) return false
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return false
  if ('shared' in entry && entry.shared !== 'base' && entry.shared !== 'delta') return false
  return typeof xxh64 === 'string' && XXH64_HEX.test(xxh64)
}
