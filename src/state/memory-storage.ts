import type { CheckpointStorage } from './checkpoint-storage.js'
import { assertCheckpointId, assertPartName, checkpointExists } from './part-name.js'

interface StoredCheckpoint {
  readonly parts: Map<string, Uint8Array>
  manifest: Uint8Array | undefined
}

/**
 * Checkpoints in the memory of this process, for tests and for runs that need not survive it. "Durable" means here: as
 * long as the object lives. Bytes are copied on the way in and out (not by slice(), which a Buffer answers with a view).
 */
export class MemoryCheckpointStorage implements CheckpointStorage {
  readonly description = 'memory'
  private readonly checkpoints = new Map<number, StoredCheckpoint>()
  private readonly shared = new Map<string, Uint8Array>()

  async writePart(checkpointId: number, name: string, bytes: Uint8Array): Promise<void> {
    assertPartName(name)
    this.writable(checkpointId).parts.set(name, new Uint8Array(bytes))
  }

  async writeManifest(checkpointId: number, bytes: Uint8Array): Promise<void> {
    this.writable(checkpointId).manifest = new Uint8Array(bytes)
  }

  async readPart(checkpointId: number, name: string): Promise<Uint8Array | undefined> {
    assertCheckpointId(checkpointId)
    assertPartName(name)
    return this.checkpoints.get(checkpointId)?.parts.get(name)?.slice()
  }

  async readManifest(checkpointId: number): Promise<Uint8Array | undefined> {
    assertCheckpointId(checkpointId)
    return this.checkpoints.get(checkpointId)?.manifest?.slice()
  }

  async list(): Promise<number[]> {
    const ids: number[] = []
    for (const [checkpointId, { manifest }] of this.checkpoints) {
      if (manifest !== undefined) ids.push(checkpointId)
    }
    return ids.sort((a, b) => a - b)
  }

  async remove(checkpointId: number): Promise<void> {
    assertCheckpointId(checkpointId)
    this.checkpoints.delete(checkpointId)
  }

  async writeShared(name: string, bytes: Uint8Array): Promise<void> {
    assertPartName(name)
    this.shared.set(name, new Uint8Array(bytes))
  }

  async readShared(name: string): Promise<Uint8Array | undefined> {
    assertPartName(name)
    return this.shared.get(name)?.slice()
  }

  async listShared(): Promise<string[]> {
    return [...this.shared.keys()].sort()
  }

  async removeShared(name: string): Promise<void> {
    assertPartName(name)
    this.shared.delete(name)
  }

  /** The checkpoint while it has no manifest: parts that an attempt left behind may be written again. */
  private writable(checkpointId: number): StoredCheckpoint {
    assertCheckpointId(checkpointId)
    const known = this.checkpoints.get(checkpointId)
    if (known === undefined) {
      const fresh: StoredCheckpoint = { parts: new Map(), manifest: undefined }
      this.checkpoints.set(checkpointId, fresh)
      return fresh
    }
    if (known.manifest !== undefined) throw checkpointExists(checkpointId, this.description)
    return known
  }
}
