/*
 * Regions of linear memory. Blocks come from free lists by size class (four classes a doubling, so at most a fifth
 * of a block is slack) and, when a list is empty, from the end of memory, which grows up to a ceiling. Freed blocks
 * are reused by size class and never merged: the kernels allocate arrays that double, and pages of one size, so what
 * is free after a peak is what the next peak needs.
 *
 *   block:  0                4                8                 64                 64 + bytes
 *           +----------------+----------------+------------------+------------------+-----------+
 *           | size class u32 | bytes u32      | (to alignment)   | region           | padding   |
 *           +----------------+----------------+------------------+------------------+-----------+
 *                                                                ^ what allocate() returns
 */
import {
  DEFAULT_MEMORY_LIMIT, REGION_ALIGN, REGION_PADDING, RESULT_BYTES, RESULT_STATUS, STATUS_MEMORY_LIMIT,
} from './abi'
import { CHECKED } from './build'

const HEADER: usize = REGION_ALIGN
const MIN_BLOCK: usize = 256
const CLASSES: i32 = 96
const PAGE: usize = 65536
/** Memory of 65,536 pages has a size that overflows u32: one page less is the most that can be addressed safely. */
const MAX_PAGES: u32 = 65535
const MAX_BYTES: f64 = 4294901760

const freeLists: usize = memory.data(CLASSES * 4, 64)
const resultArea: usize = memory.data(RESULT_BYTES, 64)

let top: usize = (__heap_base + REGION_ALIGN - 1) & ~(REGION_ALIGN - 1)
let limitBytes: usize = <usize>DEFAULT_MEMORY_LIMIT
let liveBytes: usize = 0
/** Checked build only: one byte for each 64 bytes of memory, 1 where live; it stands outside the free lists. */
let shadow: usize = 0
let shadowBytes: usize = 0
/** Bytes of all shadows, the outgrown ones too. */
let shadowTotal: usize = 0

function blockBytes(sizeClass: i32): usize {
  const base = MIN_BLOCK << <usize>(sizeClass >> 2)
  return base + (base >> 2) * <usize>(sizeClass & 3)
}

function sizeClassOf(bytes: usize): i32 {
  if (bytes <= MIN_BLOCK) return 0
  const doubling = 31 - clz<u32>(<u32>(bytes - 1)) - 8
  const base = MIN_BLOCK << <usize>doubling
  const quarter = <i32>((bytes - 1 - base) / (base >> 2)) + 1
  return (doubling << 2) + quarter
}

/** Makes memory reach to `end`, which is at or below `limit`. */
function growTo(end: u64, limit: u64): bool {
  const pages = <u32>memory.size()
  const have: u64 = <u64>pages << 16
  if (end <= have) return true
  const needed = <u32>((end - have + (PAGE - 1)) >> 16)
  // Grow by a quarter at least: each growth detaches the host's views.
  let wanted = max<u32>(needed, pages >> 2)
  const most = min<u32>(MAX_PAGES, <u32>((limit + (PAGE - 1)) >> 16))
  if (pages + needed > most) return false
  wanted = min<u32>(wanted, most - pages)
  if (memory.grow(<i32>wanted) >= 0) return true
  return memory.grow(<i32>needed) >= 0
}

function refuse(): usize {
  store<i32>(resultArea, STATUS_MEMORY_LIMIT, RESULT_STATUS)
  return 0
}

/** A region of at least `bytes` bytes, contents undefined; 0 when the ceiling is reached (the status is set). */
export function allocate(bytes: usize): usize {
  const wanted: u64 = <u64>bytes + HEADER + REGION_PADDING
  if (wanted > <u64>limitBytes) return refuse()
  const sizeClass = sizeClassOf(<usize>wanted)
  // The class above the last would be a block of 4 GiB.
  if (sizeClass >= CLASSES) return refuse()
  const size = blockBytes(sizeClass)
  const list = freeLists + (<usize>sizeClass << 2)
  let block = <usize>load<u32>(list)
  if (block != 0) {
    store<u32>(list, load<u32>(block + HEADER))
  } else {
    if (CHECKED && !coverByShadow(size)) return refuse()
    const end = <u64>top + <u64>size
    const limit = <u64>limitBytes + <u64>shadowTotal
    if (end > limit || !growTo(end, limit)) return refuse()
    block = top
    top += size
  }
  store<u32>(block, sizeClass)
  store<u32>(block, <u32>bytes, 4)
  liveBytes += size
  const region = block + HEADER
  if (CHECKED) mark(region, bytes, 1)
  return region
}

/** As allocate(), filled with zeros. */
export function allocateZeroed(bytes: usize): usize {
  const region = allocate(bytes)
  if (region != 0) memory.fill(region, 0, bytes)
  return region
}

/** A larger copy of a region, which is released; 0 when the ceiling is reached (the old region stays). */
export function reallocate(region: usize, bytes: usize): usize {
  const old = <usize>load<u32>(region - HEADER, 4)
  const next = allocate(bytes)
  if (next == 0) return 0
  memory.copy(next, region, min(old, bytes))
  release(region)
  return next
}

/** Gives a region back. Releasing 0 does nothing. */
export function release(region: usize): void {
  if (region == 0) return
  const block = region - HEADER
  const sizeClass = <i32>load<u32>(block)
  assert(sizeClass < CLASSES && region % REGION_ALIGN == 0)
  if (CHECKED) {
    assertLive(region, 1)
    mark(region, <usize>load<u32>(block, 4), 0)
  }
  const list = freeLists + (<usize>sizeClass << 2)
  store<u32>(region, load<u32>(list))
  store<u32>(list, <u32>block)
  liveBytes -= blockBytes(sizeClass)
}

export function resultPtr(): usize {
  return resultArea
}

/** The ceiling in bytes. Memory that is already there stays, and blocks that are free are still handed out. */
export function setMemoryLimit(bytes: f64): void {
  limitBytes = bytes >= 0 ? <usize>min<f64>(bytes, MAX_BYTES) : 0
}

/** Bytes of blocks that are handed out. */
export function memoryInUse(): f64 {
  return <f64>liveBytes
}

// ---- checked build: which memory may be written ---------------------------------------------------------------------

/**
 * Makes the shadow reach over a new block of `bytes` at the top. A larger shadow is taken at the top, which moves; the
 * old one is left where it is. Shadows do not count against the ceiling: the checked build refuses as the others do.
 */
function coverByShadow(bytes: usize): bool {
  const needed = <usize>((<u64>top + <u64>bytes) >> 6) + 1
  if (needed <= shadowBytes) return true
  // Twice as long as needed, so that it covers itself too.
  const size = (max<usize>(needed * 2, PAGE) + 63) & ~63
  if (!growTo(<u64>top + <u64>size, <u64>MAX_PAGES << 16)) return false
  memory.fill(top, 0, size)
  memory.copy(top, shadow, shadowBytes)
  shadow = top
  shadowBytes = size
  shadowTotal += size
  top += size
  return true
}

function mark(region: usize, bytes: usize, live: u8): void {
  // A region of no bytes has its first granule, so that its release can be checked too.
  memory.fill(shadow + (region >> 6), live, (max<usize>(bytes, 1) + 63) >> 6)
}

/** Traps unless [pointer, pointer + bytes) lies in live regions or their padding, or in the result area. */
export function assertLive(pointer: usize, bytes: usize): void {
  if (bytes == 0) return
  if (pointer >= resultArea && pointer + bytes <= resultArea + RESULT_BYTES) return
  const last = (pointer + bytes - 1) >> 6
  for (let granule = pointer >> 6; granule <= last; granule++) {
    assert(granule < shadowBytes && load<u8>(shadow + granule) == 1)
  }
}
