import { type OperatorSnapshot, partPrefix } from './checkpoint.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import {
  type CheckpointManifest,
  encodeManifest,
  type Hash,
  type OperatorSnapshotEntry,
  type PartEntry,
} from './manifest.js'
import { diffParts } from './part-diff.js'
import type { Recovery } from './recovery.js'
import { chainsOf, sharedName } from './shared-parts.js'

export interface CheckpointWriterOptions {
  readonly storage: CheckpointStorage
  readonly hash: Hash
  /** Whether checkpoints share what has not changed. What was written last is then kept in memory. */
  readonly incremental: boolean
  /** Parts of fewer bytes are always written whole. Default: 16 KiB. */
  readonly leastBytes?: number
  /** Called between pieces of work, so that others have their turn. */
  readonly pause: () => Promise<void>
}

/** What a checkpoint holds, and how much of it was written for it: the rest was there. */
export interface CheckpointBytes {
  readonly sizeBytes: number
  readonly writtenBytes: number
}

const LEAST_BYTES = 16 * 1024
/** A part is written whole again when its deltas would be longer than this share of its base, or more than this many. */
const MOST_DELTA_SHARE = 0.5
const MOST_DELTAS = 64
/** After a delta that was not worth it, so many checkpoints at most write the part whole without looking for one. */
const MOST_SKIPPED = 16

/** A part as the newest checkpoint has it. */
interface Chain {
  /** Its base, then the deltas. */
  readonly entries: readonly PartEntry[]
  readonly bytes: Uint8Array
  /** How many checkpoints in a row found no delta worth writing. */
  readonly misses: number
  /** How many more do not look for one. */
  readonly skips: number
}

/**
 * Writes the checkpoints of a run: the parts first, the manifest last. A part that has a base already is compared with
 * what it was at the last complete checkpoint, and what has changed is written.
 *
 * 1. Deltas are counted from the last checkpoint that is complete. One that failed changes nothing.
 * 2. Compaction: a part is written whole when deltas no longer pay (MOST_DELTA_SHARE) or are too many (MOST_DELTAS). So
 *    reading a part costs less than twice its bytes, and small changes about 1 / MOST_DELTAS of them more each time.
 * 3. Savepoints are whole and have all to themselves.
 */
export class CheckpointWriter {
  private readonly options: CheckpointWriterOptions
  private readonly leastBytes: number
  private chains = new Map<string, Chain>()

  constructor(options: CheckpointWriterOptions) {
    this.options = options
    this.leastBytes = options.leastBytes ?? LEAST_BYTES
  }

  /** Goes on from what a run resumes from, where that is in its storage: its first checkpoint need not be whole. */
  resumeFrom({ storage, manifest, states }: Recovery): void {
    if (!this.options.incremental || storage !== this.options.storage) return
    for (const { parts, ...operator } of manifest.operators) {
      const prefix = partPrefix(operator)
      const state = states.get(operator.id)?.find(({ subtask = 0 }) => subtask === (operator.subtask ?? 0))
      for (const [part, entries] of chainsOf(parts)) {
        const bytes = state?.parts.find(({ name }) => `${prefix}${name}` === part)?.bytes
        if (bytes === undefined || entries.some(({ shared }) => shared === undefined)) continue
        this.chains.set(part, { entries, bytes, misses: 0, skips: 0 })
      }
    }
  }

  /** The shared parts that its next checkpoint may use. */
  get inUse(): string[] {
    return [...this.chains.values()].flatMap(({ entries }) => entries.map(({ name }) => name))
  }

  /**
   * Where `isWanted` says no when the parts are written, it ends there: without a manifest they are no checkpoint.
   * @throws what the storage throws
   */
  async write(
    head: Omit<CheckpointManifest, 'operators'>,
    snapshots: readonly OperatorSnapshot[],
    isWanted: () => boolean = () => true,
  ): Promise<CheckpointBytes> {
    const { storage, hash } = this.options
    const isShared = this.options.incremental && head.isSavepoint !== true
    const present = new Set(isShared && this.chains.size > 0 ? await storage.listShared() : [])
    const chains = new Map<string, Chain>()
    const operators: OperatorSnapshotEntry[] = []
    let writtenBytes = 0
    for (const { parts, ...operator } of snapshots) {
      const entries: PartEntry[] = []
      for (const { name, bytes } of parts) {
        const part = `${partPrefix(operator)}${name}`
        if (!isShared || bytes.length < this.leastBytes) {
          await storage.writePart(head.checkpointId, part, bytes)
          entries.push({ name: part, sizeBytes: bytes.length, xxh64: hash(bytes) })
          writtenBytes += bytes.length
        } else {
          const chain = await this.share(part, head.checkpointId, bytes, present)
          chains.set(part, chain)
          entries.push(...chain.entries)
          const last = chain.entries.at(-1)
          if (last?.name === sharedName(part, head.checkpointId)) writtenBytes += last.sizeBytes
        }
      }
      operators.push({ ...operator, parts: entries })
    }
    const manifest = encodeManifest({ ...head, operators }, hash)
    const all = operators.flatMap(({ parts }) => parts)
    const sizeBytes = all.reduce((sum, entry) => sum + entry.sizeBytes, manifest.length)
    if (isWanted()) {
      await storage.writeManifest(head.checkpointId, manifest)
      writtenBytes += manifest.length
      if (isShared) this.chains = chains
    }
    return { sizeBytes, writtenBytes }
  }

  /** Writes what is new of a part: nothing, a delta or all of it. */
  private async share(
    part: string,
    checkpointId: number,
    bytes: Uint8Array,
    present: ReadonlySet<string>,
  ): Promise<Chain> {
    const { storage, hash } = this.options
    const name = sharedName(part, checkpointId)
    const known = this.chains.get(part)
    // Somebody may have removed files: what is gone is written again.
    const before = known?.entries.every(entry => present.has(entry.name)) === true ? known : undefined
    const delta = before === undefined ? undefined : await this.delta(before, bytes)
    if (before !== undefined && delta !== undefined) {
      const chain = { bytes, misses: 0, skips: 0 }
      if (delta.length === 0) return { ...chain, entries: before.entries }
      await storage.writeShared(name, delta)
      const entry: PartEntry = { name, sizeBytes: delta.length, xxh64: hash(delta), shared: 'delta' }
      return { ...chain, entries: [...before.entries, entry] }
    }
    await storage.writeShared(name, bytes)
    const entries: PartEntry[] = [{ name, sizeBytes: bytes.length, xxh64: hash(bytes), shared: 'base' }]
    if (before === undefined || before.entries.length > MOST_DELTAS) return { entries, bytes, misses: 0, skips: 0 }
    if (before.skips > 0) return { entries, bytes, misses: before.misses, skips: before.skips - 1 }
    const misses = before.entries.length > 1 ? 0 : before.misses + 1
    return { entries, bytes, misses, skips: Math.min(MOST_SKIPPED, 2 ** misses - 1) }
  }

  /** undefined where the part is to be written whole; empty where nothing has changed. */
  private async delta({ entries, bytes, skips }: Chain, next: Uint8Array): Promise<Uint8Array | undefined> {
    if (skips > 0 || entries.length > MOST_DELTAS) return undefined
    const [base, ...deltas] = entries
    const written = deltas.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const mostBytes = Math.floor((base?.sizeBytes ?? 0) * MOST_DELTA_SHARE) - written
    const steps = diffParts(bytes, next, mostBytes)
    for (;;) {
      const { done, value } = steps.next()
      if (done) return value
      await this.options.pause()
    }
  }
}
