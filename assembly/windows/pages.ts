/*
 * Pages of records. They come in chunks and go back to a list, so that keys that come and go leave memory as it is.
 */
import { SIMD } from '../build'
import { copyTo, put, putV128 } from '../guard'
import { allocate, release } from '../memory'
import { Window } from './layout'

const CHUNK_HEAD: usize = 64
const MAX_CHUNK_PAGES: u32 = 256

/** A page in which no record is touched; 0 when the memory ceiling is reached. */
export function takePage(window: Window): usize {
  let page = window.freePage
  const bytes = <usize>window.pageBytes
  if (page != 0) {
    window.freePage = <usize>load<u32>(page)
  } else {
    if (window.chunkNext == window.chunkEnd && !addChunk(window)) return 0
    page = window.chunkNext
    window.chunkNext += bytes
  }
  copyTo(page, window.emptyPage, bytes)
  window.stateBytes += <f64>bytes
  return page
}

export function givePage(window: Window, page: usize): void {
  put<u32>(page, <u32>window.freePage)
  window.freePage = page
  window.stateBytes -= <f64>window.pageBytes
}

/** Chunks double up to 256 pages; near the ceiling they get smaller again, down to one page. */
function addChunk(window: Window): bool {
  const bytes = <usize>window.pageBytes
  let pages = window.chunkPages
  let chunk: usize = 0
  while (pages > 0) {
    chunk = allocate(CHUNK_HEAD + bytes * <usize>pages)
    if (chunk != 0) break
    pages >>= 1
  }
  if (chunk == 0) return false
  put<u32>(chunk, <u32>window.chunks)
  window.chunks = chunk
  window.chunkNext = chunk + CHUNK_HEAD
  window.chunkEnd = window.chunkNext + bytes * <usize>pages
  window.chunkPages = min<u32>(window.chunkPages << 1, MAX_CHUNK_PAGES)
  return true
}

export function releaseChunks(window: Window): void {
  let chunk = window.chunks
  while (chunk != 0) {
    const next = <usize>load<u32>(chunk)
    release(chunk)
    chunk = next
  }
  window.chunks = 0
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
