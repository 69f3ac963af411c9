/* Checkpoints for tests of what carries them about. */
import type { CheckpointStorage } from '../../src/state/checkpoint-storage.js'
import { encodeManifest, type Hash } from '../../src/state/manifest.js'

/**
 * 64 bits over all bytes in 16 hex digits: what is tested here asks of a hash only that a changed byte changes it (two
 * runs of 32-bit FNV-1a with other primes: each step is a bijection of the state, so one changed byte always shows).
 */
export const testHash: Hash = bytes => {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b ^ byte, 0x5bd1e995)
  }
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
  return hex(a) + hex(b)
}

export interface PartContent {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Writes a checkpoint with one operator for each list of parts, and returns the bytes of its manifest. */
export async function putCheckpoint(
  storage: CheckpointStorage,
  checkpointId: number,
  operators: readonly (readonly PartContent[])[],
): Promise<Uint8Array> {
  for (const part of operators.flat()) await storage.writePart(checkpointId, part.name, part.bytes)
  const manifest = manifestOf(checkpointId, operators)
  await storage.writeManifest(checkpointId, manifest)
  return manifest
}

export function manifestOf(checkpointId: number, operators: readonly (readonly PartContent[])[]): Uint8Array {
  return encodeManifest(
    {
      job: 'flights',
      checkpointId,
      createdAtMs: 1_700_000_000_000,
      environment: 'test',
      abiVersion: 1,
      parameters: { bound: '2h' },
      operators: operators.map((parts, index) => ({
        id: `operator-${index}`,
        kind: 'window',
        settings: null,
        state: { position: index },
        rowsIn: index * 10,
        rowsOut: index,
        parts: parts.map(({ name, bytes }) => ({ name, sizeBytes: bytes.length, xxh64: testHash(bytes) })),
      })),
    },
    testHash,
  )
}
