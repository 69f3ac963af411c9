/*
 * Stores. Raw `store<T>` is unguarded in WebAssembly: a wrong pointer inside linear memory overwrites a neighbour in
 * silence. Kernels store through `put`, which the checked build turns into a bounds check against live regions.
 * Bulk writes (memory.copy, memory.fill) go through `copyTo` and `fill` for the same reason.
 */
import { CHECKED } from './build'
import { assertLive } from './memory'

// @ts-ignore: decorator
@inline
export function put<T>(pointer: usize, value: T, offset: usize = 0): void {
  if (CHECKED) assertLive(pointer + offset, sizeof<T>())
  store<T>(pointer + offset, value)
}

// @ts-ignore: decorator
@inline
export function putV128(pointer: usize, value: v128): void {
  if (CHECKED) assertLive(pointer, 16)
  v128.store(pointer, value)
}

// @ts-ignore: decorator
@inline
export function copyTo(target: usize, source: usize, bytes: usize): void {
  if (CHECKED) assertLive(target, bytes)
  memory.copy(target, source, bytes)
}

// @ts-ignore: decorator
@inline
export function fill(target: usize, value: u8, bytes: usize): void {
  if (CHECKED) assertLive(target, bytes)
  memory.fill(target, value, bytes)
}
