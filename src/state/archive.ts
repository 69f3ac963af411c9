/*
 * A checkpoint as one file, to carry it between storages that cannot see each other: a browser's and a server's.
 * Little-endian, no padding; the manifest is the directory of the parts, and all lengths follow from it.
 *
 *   header
 *   0                8        12       16                24               32               40               48
 *   +----------------+--------+--------+-----------------+----------------+----------------+----------------+
 *   | "SABOTARC"     | version| 0      | bytes of the    | bytes of the   | XXH64 of the   | XXH64 of       |
 *   |                | u32    |        | manifest u64    | file u64       | manifest       | bytes [0, 40)  |
 *   +----------------+--------+--------+-----------------+----------------+----------------+----------------+
 *   48                      48 + manifest bytes
 *   +-----------------------+-----------------------+-----------------------+----
 *   | manifest (manifest.ts)| part 0                | part 1                | ...   in the manifest's order
 *   +-----------------------+-----------------------+-----------------------+----
 *
 * The header guards itself and the manifest, the manifest guards each part: a torn or flipped byte anywhere is found.
 */
import { SabotError } from '../core/errors.js'
import { corrupt, openManifest, verifyPart } from './checkpoint-parts.js'
import type { CheckpointStorage } from './checkpoint-storage.js'
import type { Hash } from './manifest.js'
import { readWhole } from './whole-checkpoint.js'

export const ARCHIVE_VERSION = 1
const MAGIC = [0x53, 0x41, 0x42, 0x4f, 0x54, 0x41, 0x52, 0x43]
const AT_VERSION = 8
const AT_MANIFEST_BYTES = 16
const AT_TOTAL_BYTES = 24
const AT_MANIFEST_HASH = 32
const AT_HEADER_HASH = 40
const HEADER_BYTES = 48
const WHERE = 'the checkpoint archive'

/**
 * The checkpoint as one file; the same checkpoint always gives the same bytes.
 * @throws SabotError CHECKPOINT_MISSING, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
 */
export async function packCheckpoint(
  storage: CheckpointStorage,
  checkpointId: number,
  hash: Hash,
): Promise<Uint8Array> {
  const contents: Uint8Array[] = []
  const manifest = await readWhole(storage, checkpointId, hash, (_, bytes) => void contents.push(bytes))
  const totalBytes = contents.reduce((sum, { length }) => sum + length, HEADER_BYTES + manifest.length)
  const archive = new Uint8Array(totalBytes)
  const view = new DataView(archive.buffer)
  archive.set(MAGIC)
  view.setUint32(AT_VERSION, ARCHIVE_VERSION, true)
  view.setBigUint64(AT_MANIFEST_BYTES, BigInt(manifest.length), true)
  view.setBigUint64(AT_TOTAL_BYTES, BigInt(totalBytes), true)
  view.setBigUint64(AT_MANIFEST_HASH, hashNumber(hash, manifest), true)
  view.setBigUint64(AT_HEADER_HASH, hashNumber(hash, archive.subarray(0, AT_HEADER_HASH)), true)
  let at = HEADER_BYTES
  for (const bytes of [manifest, ...contents]) {
    archive.set(bytes, at)
    at += bytes.length
  }
  return archive
}

/**
 * Puts the checkpoint of an archive into a storage and returns its id. All of it is verified before anything is
 * written.
 * @throws SabotError CHECKPOINT_CORRUPT, CHECKPOINT_VERSION, CHECKPOINT_EXISTS
 */
export async function unpackCheckpoint(bytes: Uint8Array, storage: CheckpointStorage, hash: Hash): Promise<number> {
  const manifestEnd = HEADER_BYTES + readHeader(bytes, hash)
  const manifest = bytes.subarray(HEADER_BYTES, manifestEnd)
  const { checkpointId, parts } = openManifest(manifest, hash, WHERE)
  const contents: Uint8Array[] = []
  let at = manifestEnd
  for (const entry of parts) {
    if (entry.shared !== undefined) throw corrupt(WHERE, 'its manifest names shared parts, which no archive has')
    const content = bytes.subarray(at, at + entry.sizeBytes)
    verifyPart(content, entry, hash, WHERE)
    contents.push(content)
    at += entry.sizeBytes
  }
  if (at !== bytes.length) throw corrupt(WHERE, `${bytes.length - at} bytes stand behind its last part`)

  for (const [index, { name }] of parts.entries()) {
    await storage.writePart(checkpointId, name, contents[index] ?? new Uint8Array())
  }
  await storage.writeManifest(checkpointId, manifest)
  return checkpointId
}

/** The length of the manifest, from a header that is sound. */
function readHeader(bytes: Uint8Array, hash: Hash): number {
  if (bytes.length < HEADER_BYTES) {
    throw corrupt(WHERE, `${bytes.length} bytes are less than its header of ${HEADER_BYTES}`)
  }
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw corrupt(WHERE, 'it does not begin like one')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (hashNumber(hash, bytes.subarray(0, AT_HEADER_HASH)) !== view.getBigUint64(AT_HEADER_HASH, true)) {
    throw corrupt(WHERE, 'the checksum of its header does not fit')
  }
  const version = view.getUint32(AT_VERSION, true)
  if (version !== ARCHIVE_VERSION) {
    throw new SabotError('CHECKPOINT_VERSION', `${WHERE} has format ${version}, which this version does not know`, {
      version,
      known: ARCHIVE_VERSION,
    })
  }
  const totalBytes = view.getBigUint64(AT_TOTAL_BYTES, true)
  if (totalBytes !== BigInt(bytes.length)) {
    throw corrupt(WHERE, `it has ${bytes.length} bytes instead of ${totalBytes}`)
  }
  const manifestBytes = view.getBigUint64(AT_MANIFEST_BYTES, true)
  if (manifestBytes > BigInt(bytes.length - HEADER_BYTES)) {
    throw corrupt(WHERE, `a manifest of ${manifestBytes} bytes is more than it holds`)
  }
  const manifest = bytes.subarray(HEADER_BYTES, HEADER_BYTES + Number(manifestBytes))
  if (hashNumber(hash, manifest) !== view.getBigUint64(AT_MANIFEST_HASH, true)) {
    throw corrupt(WHERE, 'the checksum of its manifest does not fit')
  }
  return Number(manifestBytes)
}

function hashNumber(hash: Hash, bytes: Uint8Array): bigint {
  return BigInt(`0x${hash(bytes)}`)
}
