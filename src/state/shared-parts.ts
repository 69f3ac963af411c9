/*
 * Shared parts: what makes checkpoints incremental. A part of an operator is written whole once, its base; after that a
 * checkpoint writes what has changed since the one before, a delta (part-patch.ts), and its manifest names the base and
 * all deltas behind it.
 *
 * A shared part is called <part>@<checkpoint>, for the checkpoint that wrote it. No two checkpoints write the same name,
 * save where one was lost in a crash, and then no manifest has it.
 *
 * No count of references is kept anywhere that could be wrong after a crash: what the manifests that are there do not
 * name is garbage. It is removed behind the removal of the manifests, so a crash between any two steps leaves garbage
 * only, which the next time finds.
 */
import { SabotError } from '../core/errors.js'
import { inspectCheckpoint, readPart } from './checkpoint.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import type { Hash, PartEntry } from './manifest.js'
import { applyPatch } from './part-patch.js'

const SHARED_NAME = /^(.+)@(\d+)$/

export function sharedName(part: string, checkpointId: number): string {
  return `${part}@${checkpointId}`
}

/** The part that an entry belongs to. */
export function partOf({ name, shared }: PartEntry): string {
  return shared === undefined ? name : (SHARED_NAME.exec(name)?.[1] ?? name)
}

/** The checkpoint that wrote a shared part; undefined for a name that is of no checkpoint. */
export function writtenBy(name: string): number | undefined {
  const digits = SHARED_NAME.exec(name)?.[2]
  return digits === undefined ? undefined : Number(digits)
}

/** The parts of an operator: its entries by the part that they belong to. */
export function chainsOf(entries: readonly PartEntry[]): Map<string, PartEntry[]> {
  const chains = new Map<string, PartEntry[]>()
  for (const entry of entries) {
    const part = partOf(entry)
    chains.set(part, [...(chains.get(part) ?? []), entry])
  }
  return chains
}

/**
 * The bytes of a part: those of its base with all deltas applied, each verified.
 * @throws SabotError CHECKPOINT_CORRUPT
 */
export async function readChain(
  storage: CheckpointStorage,
  checkpointId: number,
  chain: readonly PartEntry[],
  hash: Hash,
): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined
  for (const entry of chain) {
    const read = await readPart(storage, checkpointId, entry, hash)
    if (bytes === undefined || entry.shared !== 'delta') bytes = read
    else bytes = applied(storage, checkpointId, entry, bytes, read)
  }
  return bytes ?? new Uint8Array()
}

function applied(
  storage: CheckpointStorage,
  checkpointId: number,
  { name }: PartEntry,
  bytes: Uint8Array,
  delta: Uint8Array,
): Uint8Array {
  try {
    return applyPatch(bytes, delta)
  } catch (cause) {
    if (!(cause instanceof SabotError) || cause.code === 'SNAPSHOT_VERSION') throw cause
    const where = `checkpoint ${checkpointId} in ${storage.description}`
    const message = `${where}: shared part ${name} does not fit what is before it: ${cause.message}`
    throw new SabotError('CHECKPOINT_CORRUPT', message, { where, part: name }, { cause })
  }
}

/**
 * Removes the shared parts that nothing uses: those that no manifest names. While a run writes there, it says which it
 * has `inUse`; then parts that are newer than the newest checkpoint stay as well, since they may be on their way. Where
 * a manifest cannot be read, nothing is removed: nobody knows what it
 * names, and it may come back from a backup. Returns how many are gone.
 * @throws SabotError CHECKPOINT_OF_OTHER_JOB where another job has checkpoints here, too, and what the storage throws
 */
export async function removeUnusedParts(
  storage: CheckpointStorage,
  job: string,
  hash: Hash,
  inUse?: readonly string[],
): Promise<number> {
  const names = await storage.listShared()
  if (names.length === 0) return 0
  const ids = await storage.list()
  const used = new Set(inUse)
  for (const id of ids) {
    const manifest = await manifestOrNone(storage, id, hash)
    if (manifest === undefined) return 0
    if (manifest.job !== job) throw ofOtherJob(storage, manifest.job, job)
    for (const { name } of manifest.operators.flatMap(({ parts }) => parts)) used.add(name)
  }
  const newest = inUse === undefined ? Number.POSITIVE_INFINITY : (ids.at(-1) ?? -1)
  let removed = 0
  for (const name of names) {
    const origin = writtenBy(name)
    if (used.has(name) || origin === undefined || origin > newest) continue
    await storage.removeShared(name)
    removed += 1
  }
  return removed
}

export function ofOtherJob(storage: CheckpointStorage, found: string, job: string): SabotError {
  return new SabotError(
    'CHECKPOINT_OF_OTHER_JOB',
    `${storage.description} holds checkpoints of job ${found}, not of ${job}; give each job its own`,
    { storage: storage.description, found, job },
  )
}

async function manifestOrNone(storage: CheckpointStorage, id: number, hash: Hash) {
  try {
    return await inspectCheckpoint(storage, id, hash)
  } catch (cause) {
    const code = cause instanceof SabotError ? cause.code : undefined
    if (code === 'CHECKPOINT_CORRUPT' || code === 'CHECKPOINT_VERSION' || code === 'CHECKPOINT_MISSING')
      return undefined
    throw cause
  }
}
