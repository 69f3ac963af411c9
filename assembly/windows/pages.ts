/*
 * Pages of records. They come in chunks and go back to a list, so that keys that come and go leave memory as it is.
 */
import { SIMD } from '../build'
import { copyTo, put, putV128 } from '../guard'
import { allocate, release } from '../memory'
import { Aggregation } from './aggregation'

const CHUNK_HEAD: usize = 64
const MAX_CHUNK_PAGES: u32 = 256

/** A page in which no record is touched; 0 when the memory ceiling is reached. */
export function takePage(state: Aggregation): usize {
  const page = takeRawPage(state)
  if (page != 0) copyTo(page, state.emptyPage, state.pageBytes)
  return page
}

/** A page with any contents; 0 when the memory ceiling is reached. */
export function takeRawPage(state: Aggregation): usize {
  let page = state.freePage
  const bytes = <usize>state.pageBytes
  if (page != 0) {
    state.freePage = <usize>load<u32>(page)
  } else {
    if (state.chunkNext == state.chunkEnd && !addChunk(state)) return 0
    page = state.chunkNext
    state.chunkNext += bytes
  }
  state.stateBytes += <f64>bytes
  return page
}

export function givePage(state: Aggregation, page: usize): void {
  put<u32>(page, <u32>state.freePage)
  state.freePage = page
  state.stateBytes -= <f64>state.pageBytes
}

/** Chunks double up to 256 pages; near the ceiling they get smaller again, down to one page. */
function addChunk(state: Aggregation): bool {
  const bytes = <usize>state.pageBytes
  let pages = state.chunkPages
  let chunk: usize = 0
  while (pages > 0) {
    chunk = allocate(CHUNK_HEAD + bytes * <usize>pages)
    if (chunk != 0) break
    pages >>= 1
  }
  if (chunk == 0) return false
  put<u32>(chunk, <u32>state.chunks)
  state.chunks = chunk
  state.chunkNext = chunk + CHUNK_HEAD
  state.chunkEnd = state.chunkNext + bytes * <usize>pages
  state.chunkPages = min<u32>(state.chunkPages << 1, MAX_CHUNK_PAGES)
  return true
}

export function releaseChunks(state: Aggregation): void {
  let chunk = state.chunks
  while (chunk != 0) {
    const next = <usize>load<u32>(chunk)
    release(chunk)
    chunk = next
  }
  state.chunks = 0
}

/** Copies a record, whose bytes are a multiple of 16. */
// @ts-ignore: decorator
@inline
export function copyRecord(to: usize, from: usize, bytes: usize): void {
  if (SIMD) {
    for (let at: usize = 0; at < bytes; at += 16) putV128(to + at, v128.load(from + at))
  } else {
    for (let at: usize = 0; at < bytes; at += 8) put<u64>(to + at, load<u64>(from + at))
  }
}
