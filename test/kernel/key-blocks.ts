/* Snapshots of key indexes as bytes, for tests: every key group's block, one behind the other. */
import type { KeyIndex } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'

export interface Blocks {
  readonly bytes: Uint8Array
  /** Bytes of the block of each key group; 0 for none. */
  readonly sizes: readonly number[]
}

/** The blocks of a settled index. */
export function writeBlocks(kernel: Kernel, index: KeyIndex): Blocks {
  const { exports } = kernel
  const groups = index.maxParallelism
  const sizes = Array.from({ length: groups }, (_, group) => exports.keysBlockBytes(index.pointer, group) >>> 0)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const cursors = kernel.allocate(groups * 4)
  const target = kernel.allocate(total)
  kernel.u8.fill(0xaa, target, target + total)
  let at = target
  sizes.forEach((size, group) => {
    kernel.u32[(cursors >>> 2) + group] = at
    at += size
  })
  exports.keysWriteBlocks(index.pointer, cursors)
  at = target
  sizes.forEach((size, group) => {
    at += size
    if (size > 0 && kernel.u32[(cursors >>> 2) + group] !== at)
      throw new Error(`cursor of group ${group} is not behind`)
  })
  const bytes = kernel.u8.slice(target, target + total)
  kernel.release(target)
  kernel.release(cursors)
  return { bytes, sizes }
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
