/*
 * A dictionary bound to a key index: codes become ids by one gather a row. An entry is hashed, and its key inserted,
 * when a row first has its code. When an id is freed, the codes that point at it are forgotten; two entries may hold
 * the same string, so those of one id are chained.
 *
 *   remap[code]     id + 1, 0 = not resolved
 *   nextCode[code]  next code + 1 of the same id, 0 = last
 *   codeOf[id]      first code + 1 that stands for this id, 0 = none
 *   offsets[code], offsets[code + 1]: the entry's bytes in `bytes`
 */
import { RESULT_DETAIL, RESULT_ROW, STATUS_ARGUMENT, STATUS_MEMORY_LIMIT, STATUS_OK, STATUS_UNKNOWN_CODE } from '../abi'
import { copyTo, fill, put } from '../guard'
import { allocate, allocateZeroed, release, resultPtr } from '../memory'
import { bytesKeyId, hashKeyBytes } from './bytes'
import { isRowNull, nullKeyId } from './entries'
import { KeyIndex } from './layout'

const MIN_ENTRIES: u32 = 256

@unmanaged
export class Binding {
  index: usize
  next: usize
  count: u32
  capacity: u32
  remap: usize
  nextCode: usize
  offsets: usize
  bytes: usize
  bytesUsed: u32
  bytesCapacity: u32
  codeOf: usize
  codeOfCapacity: u32
}

export function bindDictionary(index: KeyIndex): usize {
  const region = allocateZeroed(offsetof<Binding>())
  if (region == 0) return 0
  const binding = changetype<Binding>(region)
  binding.index = changetype<usize>(index)
  binding.next = index.bindings
  index.bindings = region
  return region
}

export function releaseBinding(binding: Binding): void {
  const index = changetype<KeyIndex>(binding.index)
  const own = changetype<usize>(binding)
  if (index.bindings == own) index.bindings = binding.next
  else {
    let before = changetype<Binding>(index.bindings)
    while (before.next != own) before = changetype<Binding>(before.next)
    before.next = binding.next
  }
  release(binding.remap)
  release(binding.nextCode)
  release(binding.offsets)
  release(binding.bytes)
  release(binding.codeOf)
  release(own)
}

function reserveEntries(binding: Binding, needed: u32): bool {
  if (needed <= binding.capacity) return true
  const capacity = max<u32>(MIN_ENTRIES, <u32>1 << (32 - clz<u32>(needed - 1)))
  const remap = allocateZeroed(<usize>capacity << 2)
  const nextCode = allocateZeroed(<usize>capacity << 2)
  const offsets = allocateZeroed((<usize>capacity + 1) << 2)
  if (remap == 0 || nextCode == 0 || offsets == 0) {
    release(offsets)
    release(nextCode)
    release(remap)
    return false
  }
  const count = <usize>binding.count
  if (count > 0) {
    copyTo(remap, binding.remap, count << 2)
    copyTo(nextCode, binding.nextCode, count << 2)
    copyTo(offsets, binding.offsets, (count + 1) << 2)
  }
  release(binding.remap)
  release(binding.nextCode)
  release(binding.offsets)
  binding.remap = remap
  binding.nextCode = nextCode
  binding.offsets = offsets
  binding.capacity = capacity
  return true
}

function reserveBytes(binding: Binding, needed: u32): bool {
  if (needed <= binding.bytesCapacity) return true
  const capacity = max<u32>(1024, needed + (needed >> 1))
  const bytes = allocate(capacity)
  if (bytes == 0) return false
  copyTo(bytes, binding.bytes, binding.bytesUsed)
  release(binding.bytes)
  binding.bytes = bytes
  binding.bytesCapacity = capacity
  return true
}

/** Appends entries; the number of entries then, or a negative status with nothing changed. */
export function extendDictionary(binding: Binding, offsets: usize, bytes: usize, count: u32): i32 {
  if (count == 0) return <i32>binding.count
  const first = load<u32>(offsets)
  let last = first
  for (let entry: u32 = 1; entry <= count; entry++) {
    const offset = load<u32>(offsets + (<usize>entry << 2))
    if (offset < last) {
      put<u32>(resultPtr(), entry - 1, RESULT_ROW)
      put<u32>(resultPtr(), 1, RESULT_DETAIL)
      return STATUS_ARGUMENT
    }
    last = offset
  }
  const entries = <u64>binding.count + <u64>count
  const used = <u64>binding.bytesUsed + <u64>(last - first)
  if (entries > 0x0fffffff || used > 0x5fffffff) return STATUS_MEMORY_LIMIT
  if (!reserveEntries(binding, <u32>entries) || !reserveBytes(binding, <u32>used)) return STATUS_MEMORY_LIMIT
  copyTo(binding.bytes + binding.bytesUsed, bytes + first, last - first)
  const shift = binding.bytesUsed - first
  const own = binding.offsets + (<usize>binding.count << 2)
  for (let entry: u32 = 1; entry <= count; entry++) {
    put<u32>(own + (<usize>entry << 2), load<u32>(offsets + (<usize>entry << 2)) + shift)
  }
  binding.bytesUsed = <u32>used
  binding.count = <u32>entries
  return <i32>entries
}

function reserveCodeOf(binding: Binding, needed: u32): i32 {
  if (needed <= binding.codeOfCapacity) return STATUS_OK
  const capacity = max<u32>(MIN_ENTRIES, <u32>1 << (32 - clz<u32>(needed - 1)))
  const codeOf = allocate(<usize>capacity << 2)
  if (codeOf == 0) return STATUS_MEMORY_LIMIT
  const old = <usize>binding.codeOfCapacity << 2
  copyTo(codeOf, binding.codeOf, old)
  fill(codeOf + old, 0, (<usize>capacity << 2) - old)
  release(binding.codeOf)
  binding.codeOf = codeOf
  binding.codeOfCapacity = capacity
  return STATUS_OK
}

/** The id of an entry met for the first time since its key was last freed; or a negative status. */
function resolve(index: KeyIndex, binding: Binding, code: u32): i32 {
  // Any id is below the capacity, or the next after it: room first, so that a failure inserts nothing.
  const room = reserveCodeOf(binding, max<u32>(index.capacity, index.highWater + 1))
  if (room < 0) return room
  const start = load<u32>(binding.offsets + (<usize>code << 2))
  const end = load<u32>(binding.offsets + (<usize>code << 2), 4)
  const pointer = binding.bytes + start
  const id = bytesKeyId(index, pointer, end - start, hashKeyBytes(index, pointer, end - start))
  if (id < 0) return id
  const head = binding.codeOf + (<usize>id << 2)
  put<u32>(binding.nextCode + (<usize>code << 2), load<u32>(head))
  put<u32>(head, code + 1)
  put<u32>(binding.remap + (<usize>code << 2), <u32>id + 1)
  return id
}

/** Forgets the codes that point at `id`, in every binding. */
export function forgetId(index: KeyIndex, id: u32): void {
  let next = index.bindings
  while (next != 0) {
    const binding = changetype<Binding>(next)
    if (id < binding.codeOfCapacity) {
      const head = binding.codeOf + (<usize>id << 2)
      let code = load<u32>(head)
      if (code != 0) put<u32>(head, 0)
      while (code != 0) {
        const at = <usize>(code - 1) << 2
        put<u32>(binding.remap + at, 0)
        code = load<u32>(binding.nextCode + at)
      }
    }
    next = binding.next
  }
}

export function codeDictionary(
  index: KeyIndex, binding: Binding, codes: usize, validity: usize, from: u32, to: u32, ids: usize,
): i32 {
  const count = binding.count
  const remap = binding.remap
  for (let row = from; row < to; row++) {
    let id: i32
    if (validity != 0 && isRowNull(validity, row)) {
      id = nullKeyId(index)
    } else {
      const code = load<u32>(codes + (<usize>row << 2))
      if (code >= count) id = STATUS_UNKNOWN_CODE
      else {
        id = <i32>load<u32>(remap + (<usize>code << 2)) - 1
        if (id < 0) id = resolve(index, binding, code)
      }
    }
    if (id < 0) {
      put<u32>(resultPtr(), row, RESULT_ROW)
      return id
    }
    put<u32>(ids + (<usize>row << 2), <u32>id)
  }
  return <i32>(to - from)
}
