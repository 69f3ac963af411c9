/*
 * Host state by key group: one section of bytes for each group that has any, behind a directory, so that a subtask
 * reads only what it owns. Little-endian:
 *
 *   "SKGS" u32 | version u32 | key groups of the job u32 | sections u32
 *   for each section, groups ascending:   group u32 | bytes u32
 *   the sections, one behind the other
 */
import { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import { SabotError } from '../../core/errors.js'
import { DEFAULT_MAX_PARALLELISM, type KeyGroupRange } from '../../core/key-groups.js'

const MAGIC = 0x53474b53
const VERSION = 1

export interface GroupSection {
  readonly group: number
  readonly bytes: Uint8Array
}

/** Sections, groups ascending, as one part of a snapshot of a job that has `of` key groups. */
export function writeSections(sections: readonly GroupSection[], of: number = DEFAULT_MAX_PARALLELISM): Uint8Array {
  const writer = new ByteWriter()
  for (const word of [MAGIC, VERSION, of, sections.length]) writer.u32(word)
  for (const { group, bytes } of sections) {
    writer.u32(group)
    writer.u32(bytes.length)
  }
  for (const { bytes } of sections) writer.raw(bytes)
  return writer.finish()
}

/**
 * The sections of the groups in `range`, groups ascending.
 * @throws SabotError SNAPSHOT_FOREIGN, SNAPSHOT_VERSION, SNAPSHOT_TRUNCATED; SNAPSHOT_MISMATCH when the job had another
 *   number of key groups
 */
export function readSections(part: Uint8Array, range: KeyGroupRange): GroupSection[] {
  const reader = new ByteReader(part)
  if (reader.left < 16 || reader.u32() !== MAGIC) {
    throw new SabotError('SNAPSHOT_FOREIGN', 'These bytes are not keyed state by key group')
  }
  const version = reader.u32()
  if (version > VERSION) {
    throw new SabotError('SNAPSHOT_VERSION', `Keyed state of version ${version}: this Sabot reads up to ${VERSION}`, {
      version,
    })
  }
  const actual = reader.u32()
  const { of: expected = DEFAULT_MAX_PARALLELISM } = range
  if (actual !== expected) {
    throw new SabotError(
      'SNAPSHOT_MISMATCH',
      `The state is spread over ${actual} key groups, the job has ${expected}: the number of key groups cannot change`,
      { expected, actual },
    )
  }
  const entries = Array.from({ length: reader.u32() }, () => ({ group: reader.u32(), size: reader.u32() }))
  const sections: GroupSection[] = []
  for (const { group, size } of entries) {
    const bytes = reader.raw(size)
    if (group >= range.start && group <= range.end) sections.push({ group, bytes })
  }
  return sections
}
