import { SabotError } from '../core/errors.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import {
  type CheckpointManifest,
  decodeManifest,
  type Hash,
  type OperatorSnapshotEntry,
  type PartEntry,
} from './manifest.js'

/** What one operator hands over at a barrier, with its bytes. */
export interface OperatorSnapshot extends Omit<OperatorSnapshotEntry, 'parts'> {
  readonly parts: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}

/** What the names of a subtask's parts begin with; neither ids nor names of parts hold a dot. */
export function partPrefix({ id, subtask = 0 }: Pick<OperatorSnapshotEntry, 'id' | 'subtask'>): string {
  return subtask === 0 ? `${id}.` : `${id}.${subtask}.`
}

/** The manifest of a checkpoint. Fails with CHECKPOINT_MISSING, CHECKPOINT_CORRUPT or CHECKPOINT_VERSION. */
export async function inspectCheckpoint(
  storage: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
): Promise<CheckpointManifest> {
  const where = `checkpoint ${checkpointId} in ${storage.description}`
  const bytes = await storage.readManifest(checkpointId)
  if (bytes === undefined) {
    throw new SabotError('CHECKPOINT_MISSING', `There is no ${where}`, { checkpointId, storage: storage.description })
  }
  const manifest = decodeManifest(bytes, hash, where)
  if (manifest.checkpointId !== checkpointId) {
    throw new SabotError(
      'CHECKPOINT_CORRUPT',
      `${where}: its manifest is that of checkpoint ${manifest.checkpointId}`,
      {
        where,
      },
    )
  }
  return manifest
}

/** The bytes of an entry, verified. Fails with CHECKPOINT_CORRUPT. */
export async function readPart(
  storage: CheckpointStorage,
  checkpointId: number,
  part: PartEntry,
  hash: Hash,
): Promise<Uint8Array> {
  const isShared = part.shared !== undefined
  const bytes = isShared ? await storage.readShared(part.name) : await storage.readPart(checkpointId, part.name)
  const problem =
    bytes === undefined
      ? 'is missing'
      : bytes.length !== part.sizeBytes
        ? `has ${bytes.length} bytes instead of ${part.sizeBytes}`
        : hash(bytes) !== part.xxh64
          ? 'does not fit its checksum'
          : undefined
  if (bytes === undefined || problem !== undefined) {
    const where = `checkpoint ${checkpointId} in ${storage.description}`
    throw new SabotError(
      'CHECKPOINT_CORRUPT',
      `${where}: ${isShared ? 'shared part' : 'part'} ${part.name} ${problem}`,
      { where, part: part.name },
    )
  }
  return bytes
}

export interface Verification {
  readonly ok: boolean
  /** One sentence for each thing that is wrong. */
  readonly problems: readonly string[]
  readonly manifest: CheckpointManifest | undefined
}

/** Reads and checks every byte of a checkpoint. */
export async function verifyCheckpoint(
  storage: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
): Promise<Verification> {
  let manifest: CheckpointManifest
  try {
    manifest = await inspectCheckpoint(storage, checkpointId, hash)
  } catch (cause) {
    return { ok: false, problems: [problemOf(cause)], manifest: undefined }
  }
  const problems: string[] = []
  for (const part of manifest.operators.flatMap(operator => operator.parts)) {
    try {
      await readPart(storage, checkpointId, part, hash)
    } catch (cause) {
      problems.push(problemOf(cause))
    }
  }
  return { ok: problems.length === 0, problems, manifest }
}

function problemOf(cause: unknown): string {
  if (cause instanceof SabotError) return cause.message
  throw cause
}
