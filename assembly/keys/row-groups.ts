/*
 * Key groups of rows whose keys need no ids: what decides to which subtask a row goes. The hashes are those of
 * composite-bytes.ts, taken from the columns: h = 31 * h + component, from 0; null is 0.
 */
import {
  COMPONENT_AT_BYTES, COMPONENT_AT_ENTRIES, COMPONENT_AT_OFFSETS, COMPONENT_AT_TYPE, COMPONENT_AT_VALIDITY,
  COMPONENT_AT_VALUES, COMPONENT_BOOL, COMPONENT_DICTIONARY, COMPONENT_F64, COMPONENT_I32, COMPONENT_I64,
  COMPONENT_UTF8, LIMIT_MAX_PARALLELISM, RESULT_ROW, STATUS_ARGUMENT, STATUS_UNKNOWN_CODE,
} from '../abi'
import { SIMD } from '../build'
import { put, putV128 } from '../guard'
import { resultPtr } from '../memory'
import { areWithin } from './bytes'
import { isRowNull } from './entries'
import { flinkMurmurs, javaHashBoolean, javaHashLong, javaHashUtf8, keyGroupOfHash } from './java-hash'
import { canonicalF64, isColumnType } from './values'

function refused(status: i32, row: u32): i32 {
  put<u32>(resultPtr(), row, RESULT_ROW)
  return status
}

/**
 * Takes a column into the hashes i32[rows]. Of a dictionary column (COMPONENT_DICTIONARY) `offsets` is the hash of each
 * entry, i32[entries]. The rows, or a negative status with RESULT_ROW.
 */
export function keysHashRows(component: usize, rows: u32, hashes: usize): i32 {
  const type = <i32>load<u32>(component, COMPONENT_AT_TYPE)
  if (!isColumnType(type)) return refused(STATUS_ARGUMENT, 0)
  const validity = <usize>load<u32>(component, COMPONENT_AT_VALIDITY)
  const values = <usize>load<u32>(component, COMPONENT_AT_VALUES)
  const offsets = <usize>load<u32>(component, COMPONENT_AT_OFFSETS)
  const bytes = <usize>load<u32>(component, COMPONENT_AT_BYTES)
  const entries = load<u32>(component, COMPONENT_AT_ENTRIES)
  let lowest: u32 = 0
  let highest: u32 = 0
  if (type == COMPONENT_UTF8) {
    lowest = load<u32>(offsets)
    highest = load<u32>(offsets + (<usize>rows << 2))
  }
  for (let row: u32 = 0; row < rows; row++) {
    const at = hashes + (<usize>row << 2)
    let hash = 0
    if (validity == 0 || !isRowNull(validity, row)) {
      if (type == COMPONENT_I32) {
        hash = load<i32>(values + (<usize>row << 2))
      } else if (type == COMPONENT_BOOL) {
        hash = javaHashBoolean(load<u32>(values + (<usize>row << 2)))
      } else if (type == COMPONENT_I64) {
        hash = javaHashLong(load<u64>(values + (<usize>row << 3)))
      } else if (type == COMPONENT_F64) {
        hash = javaHashLong(canonicalF64(load<u64>(values + (<usize>row << 3))))
      } else if (type == COMPONENT_DICTIONARY) {
        const code = load<u32>(values + (<usize>row << 2))
        if (code >= entries) return refused(STATUS_UNKNOWN_CODE, row)
        hash = load<i32>(offsets + (<usize>code << 2))
      } else {
        const start = load<u32>(offsets + (<usize>row << 2))
        const end = load<u32>(offsets + (<usize>row << 2), 4)
        if (!areWithin(start, end, lowest, highest)) return refused(STATUS_ARGUMENT, row)
        hash = javaHashUtf8(bytes + start, end - start)
      }
    }
    put<i32>(at, load<i32>(at) * 31 + hash)
  }
  return <i32>rows
}

/** Makes key groups of hashes i32[rows], in their place. */
export function keysGroupRows(hashes: usize, rows: u32, maxParallelism: u32): i32 {
  if (maxParallelism < 1 || maxParallelism > <u32>LIMIT_MAX_PARALLELISM) return refused(STATUS_ARGUMENT, 0)
  let row: u32 = 0
  if (SIMD) {
    const mask = maxParallelism - 1
    if ((maxParallelism & mask) == 0) {
      for (; row + 4 <= rows; row += 4) {
        const at = hashes + (<usize>row << 2)
        putV128(at, v128.and(flinkMurmurs(v128.load(at)), i32x4.splat(mask)))
      }
    }
  }
  for (; row < rows; row++) {
    const at = hashes + (<usize>row << 2)
    put<u32>(at, keyGroupOfHash(load<i32>(at), maxParallelism))
  }
  return <i32>rows
}
