/**
 * Where completed snapshots go. One storage holds the checkpoints of one job. The contract is small so that a
 * directory, IndexedDB and memory can keep it alike; one conformance suite tests them all.
 *
 * Laws
 * - Parts of a checkpoint are written first, its manifest last. A checkpoint exists once its manifest does.
 * - A promise that is fulfilled means durable: what it wrote survives a crash of process and machine.
 * - Writing the manifest is atomic: after a crash it is there whole or not at all.
 * - What was written is never changed, only removed.
 * - `list` names checkpoints with a manifest, in ascending order, whatever else lies around.
 * - Shared parts belong to no checkpoint: several manifests may name one. They stay until `removeShared`, whatever
 *   becomes of checkpoints; who removes them knows that no manifest names them (shared-parts.ts). One that is written
 *   again, after a crash, has the bytes that were written last.
 */
export interface CheckpointStorage {
  /** What it is and where, for messages: 'directory /data/checkpoints'. */
  readonly description: string
  writePart(checkpointId: number, name: string, bytes: Uint8Array): Promise<void>
  writeManifest(checkpointId: number, bytes: Uint8Array): Promise<void>
  /** undefined where there is no such part. */
  readPart(checkpointId: number, name: string): Promise<Uint8Array | undefined>
  readManifest(checkpointId: number): Promise<Uint8Array | undefined>
  list(): Promise<number[]>
  /** Removes a checkpoint, its manifest first. Removing what is not there does nothing. */
  remove(checkpointId: number): Promise<void>
  writeShared(name: string, bytes: Uint8Array): Promise<void>
  /** undefined where there is no such part. */
  readShared(name: string): Promise<Uint8Array | undefined>
  /** The names of all shared parts, in the order of their UTF-16 units. */
  listShared(): Promise<string[]>
  /** Removes a shared part. Removing what is not there does nothing. */
  removeShared(name: string): Promise<void>
}
