/*
 * What a host asks to be aggregated: column specifications to a record's layout, and the regions that go with it.
 */
import {
  COLUMN_MIN_MAX, COLUMN_NULLABLE, COLUMN_TYPE_MASK, OUT_COLUMN_STRIDE, OUT_FIRST_COLUMN, OUT_KEY_ID, OUT_MIN,
  OUT_WATERMARK, OUTPUT_ROWS, RESULT_DETAIL, RESULT_STATUS, STATUS_ARGUMENT, TYPE_F32, TYPE_F64, TYPE_I32, TYPE_I64,
} from '../abi'
import { fill, put } from '../guard'
import { allocate, allocateZeroed, release, resultPtr } from '../memory'
import {
  Aggregation, AT_MAX, AT_MIN, BLOCK_ROWS, COLUMN_BYTES, columnAt, hasMinMax, isFloat, output,
} from './aggregation'
import { releaseChunks } from './pages'

const LIMIT_COLUMNS: u32 = 4096
const FIRST_CHUNK_PAGES: u32 = 4

/** Refuses an argument of a call that returns a pointer. */
export function refuse(argument: u32): usize {
  put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
  put<u32>(resultPtr(), argument, RESULT_DETAIL)
  return 0
}

/** Whether the column specifications are known ones. */
export function areColumns(specs: usize, count: u32): bool {
  if (count > LIMIT_COLUMNS) return false
  for (let c: u32 = 0; c < count; c++) {
    const spec = load<u32>(specs + (<usize>c << 2))
    const type = spec & COLUMN_TYPE_MASK
    if (type != TYPE_F64 && type != TYPE_F32 && type != TYPE_I64 && type != TYPE_I32) return false
    if ((spec & ~(COLUMN_TYPE_MASK | COLUMN_MIN_MAX | COLUMN_NULLABLE)) != 0) return false
  }
  return true
}

/** Places the columns in a record. */
function layColumns(state: Aggregation, specs: usize): void {
  let at: u32 = 0
  if (state.columnCount == 0 || (load<u32>(specs) & COLUMN_NULLABLE) != 0) at = 16
  for (let c: u32 = 0; c < state.columnCount; c++) {
    const column = changetype<usize>(columnAt(state, c))
    const spec = load<u32>(specs + (<usize>c << 2))
    put<u32>(column, spec, 0)
    put<u32>(column, at, 4)
    at += (spec & COLUMN_MIN_MAX) != 0 ? 32 : 16
  }
  state.recordBytes = at
}

/** A record in which nothing is counted. */
export function clearRecord(state: Aggregation, record: usize): void {
  fill(record, 0, state.recordBytes)
  for (let c: u32 = 0; c < state.columnCount; c++) {
    const column = columnAt(state, c)
    if (!hasMinMax(column)) continue
    const at = record + <usize>column.at
    if (isFloat(column)) {
      put<f64>(at, Infinity, AT_MIN)
      put<f64>(at, Infinity, AT_MAX)
    } else {
      put<i64>(at, i64.MAX_VALUE, AT_MIN)
      put<i64>(at, i64.MAX_VALUE, AT_MAX)
    }
  }
}

/** Numbers of output columns, those that are absent too. */
// @ts-ignore: decorator
@inline
export function outputNumbers(state: Aggregation): u32 {
  return <u32>OUT_FIRST_COLUMN + state.columnCount * <u32>OUT_COLUMN_STRIDE
}

function allocateOutputs(state: Aggregation, withWatermark: bool): bool {
  const numbers = outputNumbers(state)
  state.outputs = allocateZeroed(<usize>numbers << 2)
  if (state.outputs == 0) return false
  for (let number: u32 = 0; number < numbers; number++) {
    if (number == <u32>OUT_WATERMARK && !withWatermark) continue
    if (number >= <u32>OUT_FIRST_COLUMN) {
      const part = number - <u32>OUT_FIRST_COLUMN
      const column = columnAt(state, part / <u32>OUT_COLUMN_STRIDE)
      if (part % <u32>OUT_COLUMN_STRIDE >= <u32>OUT_MIN && !hasMinMax(column)) continue
    }
    const region = allocate(<usize>OUTPUT_ROWS << (number == <u32>OUT_KEY_ID ? 2 : 3))
    if (region == 0) return false
    put<u32>(state.outputs + (<usize>number << 2), <u32>region)
  }
  return true
}

/**
 * Makes the regions that all aggregations have, over columns that areColumns() has seen. A page is `pageHead` bytes and
 * `pageRecords` records; false when the memory ceiling is reached: release it all then.
 */
export function openAggregation(
  state: Aggregation, keys: usize, specs: usize, columnCount: u32, pageHead: u32, pageRecords: u32, withWatermark: bool,
): bool {
  state.keys = keys
  state.watermark = -Infinity
  state.before = -Infinity
  state.columnCount = columnCount
  state.chunkPages = FIRST_CHUNK_PAGES
  state.columns = allocateZeroed(<usize>columnCount * COLUMN_BYTES)
  state.targets = allocate(BLOCK_ROWS << 2)
  if (state.columns == 0 || state.targets == 0) return false
  layColumns(state, specs)
  const recordBytes = state.recordBytes
  state.pageBytes = pageHead + pageRecords * recordBytes
  state.emptyPage = allocateZeroed(state.pageBytes)
  state.lateSink = allocate(recordBytes)
  state.gapSink = allocate(recordBytes)
  if (state.emptyPage == 0 || state.lateSink == 0 || state.gapSink == 0) return false
  for (let r: u32 = 0; r < pageRecords; r++) clearRecord(state, state.emptyPage + <usize>(pageHead + r * recordBytes))
  clearRecord(state, state.lateSink)
  clearRecord(state, state.gapSink)
  return allocateOutputs(state, withWatermark)
}

/** Frees what openAggregation() made, all pages, and the state itself. */
export function releaseAggregation(state: Aggregation): void {
  releaseChunks(state)
  if (state.outputs != 0) {
    for (let number: u32 = 0; number < outputNumbers(state); number++) release(output(state, number))
  }
  release(state.outputs)
  release(state.columns)
  release(state.emptyPage)
  release(state.targets)
  release(state.lateSink)
  release(state.gapSink)
  release(state.late)
  release(state.snapshot)
  release(changetype<usize>(state))
}

/** Room for the numbers of `rows` late rows more, of `shift` bytes (as a power of two) each. */
export function reserveLate(state: Aggregation, rows: u32, shift: usize): bool {
  const needed = state.lateCount + rows
  if (needed <= state.lateCapacity) return true
  const next = allocate(<usize>needed << shift)
  if (next == 0) return false
  memory.copy(next, state.late, <usize>state.lateCount << shift)
  release(state.late)
  state.late = next
  state.lateCapacity = needed
  return true
}

/** Whether validity bitmaps (u32[], or 0) come for nullable columns alone. */
export function areNullsExpected(state: Aggregation, validityPointers: usize): bool {
  for (let c: u32 = 0; validityPointers != 0 && c < state.columnCount; c++) {
    if (load<u32>(validityPointers + (<usize>c << 2)) != 0 && (columnAt(state, c).spec & COLUMN_NULLABLE) == 0) {
      return false
    }
  }
  return true
}
