/*
 * Keys blocks, as snapshots of version 1 held them (assembly/keys/blocks.ts). The kernel only reads them, so they are
 * written here, from the keys section of a snapshot of today.
 */

import { SNAPSHOT_AT_PARAMS_BYTES, SNAPSHOT_HEADER_BYTES } from '../../assembly/abi.js'
import { tumbling } from '../../src/core/window-geometry.js'
import { concatBytes } from '../../src/formats/file-encoder.js'
import type { KeyIndex } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { WindowState } from '../../src/kernel/windows.js'

export interface Blocks {
  readonly bytes: Uint8Array
  /** Bytes of the block of each key group; 0 for none. */
  readonly sizes: readonly number[]
}

interface StoredKey {
  readonly id: number
  readonly group: number
  readonly isNull: boolean
  readonly bytes: Uint8Array
}

/** The keys section (assembly/keys/section.ts draws it) of a settled index. */
function sectionOf(kernel: Kernel, index: KeyIndex): DataView {
  const state = new WindowState(kernel, index, tumbling(1), [])
  const part = state.snapshot()
  state.destroy()
  const view = new DataView(part.buffer)
  const directory = SNAPSHOT_HEADER_BYTES + view.getUint32(SNAPSHOT_AT_PARAMS_BYTES, true)
  const [offset, bytes] = [view.getUint32(directory + 8, true), view.getUint32(directory + 16, true)]
  return new DataView(part.buffer, offset, bytes)
}

const pad8 = (bytes: number): number => (bytes + 7) & ~7
const isText = ({ kind }: KeyIndex): boolean => kind === 'utf8' || kind === 'composite'
const keyWidth = ({ kind }: KeyIndex): number => (kind === 'i64' || kind === 'f64' ? 8 : 4)

/** The keys of a section, ids ascending. */
function keysOf(index: KeyIndex, section: DataView): StoredKey[] {
  const [count, high, nullWord] = [0, 4, 8].map(at => section.getUint32(at, true)) as [number, number, number]
  const groups = 16 + Math.ceil(high / 64) * 8
  const groupBytes = index.maxParallelism > 256 ? 2 : 1
  const keys = groups + pad8(count * groupBytes)
  const isUsed = (id: number): boolean => ((section.getUint8(16 + (id >> 3)) >> (id & 7)) & 1) === 1
  const endOf = (number: number): number => (number < 0 ? 0 : section.getUint32(keys + number * 4, true))
  const bytesOf = (number: number): Uint8Array => {
    const [from, to] = isText(index)
      ? [keys + count * 4 + endOf(number - 1), keys + count * 4 + endOf(number)]
      : [keys + number * keyWidth(index), keys + (number + 1) * keyWidth(index)]
    return new Uint8Array(section.buffer.slice(section.byteOffset + from, section.byteOffset + to))
  }
  const ids = Array.from({ length: high }, (_, id) => id).filter(isUsed)
  return ids.map((id, number) => ({
    id,
    group: groupBytes === 2 ? section.getUint16(groups + number * 2, true) : section.getUint8(groups + number),
    isNull: id + 1 === nullWord,
    bytes: bytesOf(number),
  }))
}

/** Words and bytes, the ids and the keys each padded to 8. */
function blockOf(index: KeyIndex, keys: readonly StoredKey[]): Uint8Array {
  const lengths = keys.map(({ bytes }) => bytes.length)
  const ends = lengths.map((_, number) => lengths.slice(0, number + 1).reduce((sum, length) => sum + length, 0))
  const offsets = isText(index) ? Uint32Array.of(0, ...ends) : new Uint32Array(0)
  const parts = [new Uint8Array(offsets.buffer), ...keys.map(({ bytes }) => bytes)]
  const keyBytes = parts.reduce((sum, { length }) => sum + length, 0)
  const ids = Uint32Array.from(keys, ({ id }) => id)
  const head = Uint32Array.of(keys.length, keys.filter(({ isNull }) => isNull).length, keyBytes, 0)
  const block = new Uint8Array(16 + pad8(ids.byteLength) + pad8(keyBytes))
  block.set(new Uint8Array(head.buffer))
  block.set(new Uint8Array(ids.buffer), 16)
  let at = 16 + pad8(ids.byteLength)
  for (const part of parts) {
    block.set(part, at)
    at += part.length
  }
  return block
}

/** The blocks of a settled index, the null key first in its own. */
export function writeBlocks(kernel: Kernel, index: KeyIndex): Blocks {
  const byGroup = new Map<number, StoredKey[]>()
  for (const key of keysOf(index, sectionOf(kernel, index))) {
    const group = byGroup.get(key.group) ?? []
    byGroup.set(key.group, group)
    if (key.isNull) group.unshift(key)
    else group.push(key)
  }
  const blocks = Array.from({ length: index.maxParallelism }, (_, group) => {
    const keys = byGroup.get(group)
    return keys === undefined ? new Uint8Array(0) : blockOf(index, keys)
  })
  return { bytes: concatBytes(blocks), sizes: blocks.map(({ length }) => length) }
}

/** Reads one block; the status, and old id → id as far as it came. */
export function readBlock(
  kernel: Kernel,
  index: KeyIndex,
  bytes: Uint8Array,
  idMapLength: number,
): { status: number; idMap: Uint32Array; group: number } {
  const source = kernel.allocate(bytes.length)
  const idMap = kernel.allocate(idMapLength * 4)
  kernel.u8.set(bytes, source)
  kernel.u32.fill(0xffffffff, idMap >>> 2, (idMap >>> 2) + idMapLength)
  const status = kernel.exports.keysReadBlock(index.pointer, source, source + bytes.length, idMap, idMapLength)
  const result = {
    status,
    idMap: kernel.u32.slice(idMap >>> 2, (idMap >>> 2) + idMapLength),
    group: kernel.resultWord(4),
  }
  kernel.release(idMap)
  kernel.release(source)
  return result
}

/** Reads all blocks into an index, which must succeed; old id → id. */
export function readBlocks(kernel: Kernel, index: KeyIndex, { bytes, sizes }: Blocks, idMapLength: number): number[] {
  const ids: number[] = []
  let at = 0
  sizes.forEach((size, group) => {
    if (size === 0) return
    const read = readBlock(kernel, index, bytes.subarray(at, at + size), idMapLength)
    if (read.status !== size) throw new Error(`block of group ${group}: ${read.status} instead of ${size}`)
    if (read.group !== group) throw new Error(`block of group ${group} says it is of ${read.group}`)
    read.idMap.forEach((id, old) => {
      if (id !== 0xffffffff) ids[old] = id
    })
    at += size
  })
  return ids
}
