import { SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'

/*
 * The manifest of a checkpoint: written last, it makes the checkpoint exist.
 *
 *   sabot-checkpoint <format version> <XXH64, 16 hex digits> <bytes of the body>\n
 *   <body: CheckpointManifest as JSON in UTF-8>
 *
 * The XXH64 is that of the version's digits, a line feed and the body. The first line guards the body, the body guards the parts: a torn or flipped byte anywhere is found.
 */

/**
 * 3: shared parts. 2: several subtasks of an operator, savepoints. Manifests of version 1 are those of one subtask each.
 */
export const MANIFEST_VERSION = 3
const KNOWN_VERSIONS: ReadonlySet<string> = new Set(['1', '2', '3'])
const MAGIC = 'sabot-checkpoint'

export interface CheckpointManifest {
  readonly job: string
  readonly checkpointId: number
  /** Processing time when its barrier was injected, ms since the epoch. */
  readonly createdAtMs: number
  /** Where it was taken: 'node', 'browser'. It resumes anywhere. */
  readonly environment: string
  readonly abiVersion: number
  readonly parameters: Readonly<Record<string, string>>
  /** Key groups of its state; 128 where it is not said. */
  readonly maxParallelism?: number
  /** Somebody asked for it, and it is kept until somebody removes it. */
  readonly isSavepoint?: boolean
  /** One entry for each subtask of each operator. */
  readonly operators: readonly OperatorSnapshotEntry[]
}

export interface OperatorSnapshotEntry {
  readonly id: string
  /** 0 where it is not said. Those of one operator stand in order. */
  readonly subtask?: number
  /** The watermark (json-numbers.ts) of each input that comes from other subtasks, by the input's number. */
  readonly inputWatermarks?: { readonly [input: string]: Json }
  readonly kind: string
  /** The settings that its state depends on: a job whose operator of this id has others is refused by name. */
  readonly settings: Json
  /** Small state: source position, watermark, inferred schema, sink position. */
  readonly state: Json
  /** Rows that had come in and gone out before the barrier. */
  readonly rowsIn: number
  readonly rowsOut: number
  /**
   * Binary state: an entry for each part, or, where other checkpoints use it as well, one for its base and behind it one
   * for each delta, in the order in which they are applied (shared-parts.ts).
   */
  readonly parts: readonly PartEntry[]
}

export interface PartEntry {
  readonly name: string
  readonly sizeBytes: number
  /** XXH64 with seed 0, 16 hex digits. */
  readonly xxh64: string
  /** Where it is a shared part of the storage: all of a part, or what has changed since the entry before it. */
  readonly shared?: 'base' | 'delta'
}

/** XXH64 with seed 0 as 16 hex digits. */
export type Hash = (bytes: Uint8Array) => string

export function encodeManifest(manifest: CheckpointManifest, hash: Hash): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(manifest))
  const checksum = hash(guarded(String(MANIFEST_VERSION), body))
  return joined(new TextEncoder().encode(`${MAGIC} ${MANIFEST_VERSION} ${checksum} ${body.length}\n`), body)
}

/** Fails with CHECKPOINT_CORRUPT when a byte is off, with CHECKPOINT_VERSION when a newer Sabot wrote it. */
export function decodeManifest(bytes: Uint8Array, hash: Hash, where: string): CheckpointManifest {
  const lineEnd = bytes.indexOf(10)
  const head = lineEnd < 0 || lineEnd > 100 ? [] : new TextDecoder().decode(bytes.subarray(0, lineEnd)).split(' ')
  const [magic, version = '', checksum, size] = head
  if (head.length !== 4 || magic !== MAGIC) throw corrupt(where, 'it does not begin like a manifest')
  const body = bytes.subarray(lineEnd + 1)
  if (String(body.length) !== size) throw corrupt(where, `it has ${body.length} bytes instead of ${size}`)
  if (hash(guarded(version, body)) !== checksum) throw corrupt(where, 'its checksum does not fit')
  if (!KNOWN_VERSIONS.has(version)) {
    throw new SabotError('CHECKPOINT_VERSION', `${where}: manifest format ${version} is not known to this version`, {
      version,
      known: MANIFEST_VERSION,
    })
  }
  return JSON.parse(new TextDecoder().decode(body)) as CheckpointManifest
}

/** What the checksum is taken of. */
function guarded(version: string, body: Uint8Array): Uint8Array {
  return joined(new TextEncoder().encode(`${version}\n`), body)
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

function corrupt(where: string, reason: string): SabotError {
  return new SabotError('CHECKPOINT_CORRUPT', `${where}: the manifest is damaged: ${reason}`, { where, reason })
}
