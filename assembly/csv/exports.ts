/*
 * The exported functions of a CSV decoder. They are used as those of a JSON decoder (json/exports.ts), but that
 * csvColumns must say which fields there are before a record is decoded: at once, or when csvDecode shows the header.
 */
import {
  CSV_DIALECT_BYTES, CSV_DIALECT_COMMENT, CSV_DIALECT_DELIMITER, CSV_DIALECT_ESCAPE, CSV_DIALECT_NULLS,
  CSV_DIALECT_QUOTE, CSV_DIALECT_TRIM, CSV_PLAN_RECORD_BYTES, JSON_BOOL, JSON_COLUMN_RECORD_BYTES, JSON_DECIMAL,
  JSON_REPORT_BYTES, JSON_UTF8, LIMIT_BATCH_ROWS, LIMIT_CSV_COLUMNS, RESULT_DETAIL, RESULT_STATUS, STATUS_ARGUMENT,
  STATUS_MEMORY_LIMIT, STATUS_OK,
} from '../abi'
import { copyTo, put } from '../guard'
import { beginColumns } from '../json/columns'
import { jsonBatch, jsonDestroy, jsonNextBatch } from '../json/exports'
import { reserveInput } from '../json/input'
import { nodeAt, Node } from '../json/layout'
import { powersOfFive } from '../json/powers'
import { allocate, allocateZeroed, release, resultPtr } from '../memory'
import { decodeRows, leave } from './decode'
import { CsvDecoder, SENTINEL_BYTES } from './layout'

const FIRST_INPUT: u32 = 65536

/**
 * A decoder of `columns` columns by a plan and a dialect (abi.ts) of `dialectBytes` bytes, which are copied; 0 on
 * failure, with the status in RESULT_STATUS. A batch has at most `batchRows` rows, a record at most `maxRecordBytes`.
 */
export function csvCreate(
  plan: usize, columns: u32, dialect: usize, dialectBytes: u32, batchRows: u32, maxRecordBytes: u32,
): usize {
  const argument = wrongArgument(plan, columns, dialect, dialectBytes, batchRows, maxRecordBytes)
  if (argument != 0) {
    put<u32>(resultPtr(), argument, RESULT_DETAIL)
    put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
    return 0
  }
  const pointer = allocateZeroed(offsetof<CsvDecoder>())
  if (pointer == 0) return 0
  const decoder = changetype<CsvDecoder>(pointer)
  decoder.batchRows = batchRows
  decoder.maxRecordBytes = maxRecordBytes
  if (!prepare(decoder, plan, columns, dialect, dialectBytes) || !beginColumns(decoder)) {
    csvDestroy(pointer)
    put<i32>(resultPtr(), STATUS_MEMORY_LIMIT, RESULT_STATUS)
    return 0
  }
  return pointer
}

function wrongArgument(
  plan: usize, columns: u32, dialect: usize, dialectBytes: u32, batchRows: u32, maxRecordBytes: u32,
): u32 {
  if (columns > <u32>LIMIT_CSV_COLUMNS) return 1
  for (let index: u32 = 0; index < columns; index++) {
    const record = plan + <usize>index * CSV_PLAN_RECORD_BYTES
    const type = load<i32>(record)
    if (type < JSON_BOOL || type > JSON_DECIMAL || load<i32>(record, 8) > 18) return 1
  }
  if (dialectBytes < <u32>CSV_DIALECT_BYTES) return 3
  const nulls = load<u32>(dialect, CSV_DIALECT_NULLS)
  let bytes = <u64>CSV_DIALECT_BYTES + (<u64>nulls << 2)
  if (bytes > <u64>dialectBytes) return 3
  for (let index: u32 = 0; index < nulls; index++) {
    bytes += <u64>load<u32>(dialect + CSV_DIALECT_BYTES + (<usize>index << 2))
  }
  if (bytes > <u64>dialectBytes || load<u32>(dialect, CSV_DIALECT_DELIMITER) > 127) return 3
  if (batchRows == 0 || batchRows > <u32>LIMIT_BATCH_ROWS) return 4
  return maxRecordBytes == 0 || maxRecordBytes > 0x10000000 ? 5 : 0
}

function prepare(decoder: CsvDecoder, plan: usize, columns: u32, dialect: usize, dialectBytes: u32): bool {
  decoder.nodes = allocateZeroed(<usize>(columns + 1) * offsetof<Node>())
  decoder.plan = allocate(dialectBytes)
  decoder.capacity = FIRST_INPUT
  decoder.buffer = allocate(FIRST_INPUT)
  decoder.report = allocateZeroed(<usize>JSON_REPORT_BYTES + <usize>(columns + 1) * JSON_COLUMN_RECORD_BYTES)
  if (
    decoder.nodes == 0 || decoder.plan == 0 || decoder.buffer == 0 || decoder.report == 0 || powersOfFive() == 0
  ) {
    return false
  }
  decoder.nodeCount = columns + 1
  for (let index: u32 = 1; index <= columns; index++) {
    const record = plan + <usize>(index - 1) * CSV_PLAN_RECORD_BYTES
    const node = nodeAt(decoder, index)
    node.index = index
    node.type = load<i32>(record)
    node.nullable = load<u32>(record, 4)
    node.scale = load<i32>(record, 8)
    node.parent = changetype<usize>(nodeAt(decoder, 0))
    node.coded = u32(node.type == JSON_UTF8)
  }
  copyTo(decoder.plan, dialect, dialectBytes)
  readDialect(decoder, decoder.plan)
  return true
}

function readDialect(decoder: CsvDecoder, dialect: usize): void {
  decoder.delimiter = load<u32>(dialect, CSV_DIALECT_DELIMITER)
  decoder.quote = load<u32>(dialect, CSV_DIALECT_QUOTE)
  decoder.escape = load<u32>(dialect, CSV_DIALECT_ESCAPE)
  decoder.comment = load<u32>(dialect, CSV_DIALECT_COMMENT)
  decoder.trim = load<u32>(dialect, CSV_DIALECT_TRIM)
  decoder.nullCount = load<u32>(dialect, CSV_DIALECT_NULLS)
  decoder.nulls = dialect + CSV_DIALECT_BYTES
  decoder.plainNumbers = 1
  let text = decoder.nulls + (<usize>decoder.nullCount << 2)
  for (let index: u32 = 0; index < decoder.nullCount; index++) {
    const length = load<u32>(decoder.nulls + (<usize>index << 2))
    decoder.longestNull = max<u32>(decoder.longestNull, length)
    const first = <u32>load<u8>(text)
    if (length > 0 && (first - 0x30 < 10 || first == 0x2d)) decoder.plainNumbers = 0
    text += length
  }
}

export function csvDestroy(pointer: usize): void {
  if (pointer == 0) return
  release(changetype<CsvDecoder>(pointer).columns)
  jsonDestroy(pointer)
}

/**
 * Field i of a record goes to node map[i], or to none where that is 0; a node has one field at most. After csvDecode
 * showed the header, `header` (0 or 1) says whether that record is one, and is to be stepped over.
 */
export function csvColumns(pointer: usize, map: usize, width: u32, header: u32): i32 {
  const decoder = changetype<CsvDecoder>(pointer)
  if (decoder.columns != 0) return STATUS_ARGUMENT
  if (width == 0 || width > 0x1000000) return STATUS_ARGUMENT
  for (let index: usize = 0; index < <usize>width; index++) {
    if (load<u32>(map + (index << 2)) >= decoder.nodeCount) return STATUS_ARGUMENT
  }
  const columns = allocate(<usize>width << 2)
  if (columns == 0) return STATUS_MEMORY_LIMIT
  for (let index: usize = 0; index < <usize>width; index++) {
    const node = load<u32>(map + (index << 2))
    put<u32>(columns + (index << 2), node == 0 ? 0 : <u32>changetype<usize>(nodeAt(decoder, node)))
  }
  decoder.columns = columns
  decoder.width = width
  if (header) leave(decoder)
  return STATUS_OK
}

/** Where the next chunk, of at most `bytes` bytes, is to be written; 0 when there is no memory. */
export function csvInput(pointer: usize, bytes: u32): usize {
  const wanted: u32 = min<u32>(bytes, 0x7fffffff) + SENTINEL_BYTES
  const room = reserveInput(changetype<CsvDecoder>(pointer), wanted)
  if (room == 0) put<i32>(resultPtr(), STATUS_MEMORY_LIMIT, RESULT_STATUS)
  return room
}

/** `bytes` bytes stand at what csvInput returned; `final` (0 or 1) says that they are the last. */
export function csvPush(pointer: usize, bytes: u32, final: u32): i32 {
  const decoder = changetype<CsvDecoder>(pointer)
  if (decoder.final || decoder.filled + bytes + SENTINEL_BYTES > decoder.capacity) return STATUS_ARGUMENT
  decoder.filled += bytes
  decoder.total += <u64>bytes
  if (final) decoder.final = 1
  const end = decoder.buffer + decoder.filled
  put<u8>(end, 0x0a)
  put<u8>(end, <u8>decoder.quote, 1)
  put<u8>(end, 0x0a, 2)
  const holdsBack = decoder.filled > decoder.start && load<u8>(end - 1) == 0x0d
  decoder.limit = final ? end + 1 : holdsBack ? end - 1 : end
  if (!decoder.begun) begin(decoder)
  return STATUS_OK
}

/** Steps over a byte order mark, once there are enough bytes to tell. */
function begin(decoder: CsvDecoder): void {
  const first = decoder.buffer + decoder.start
  const have = decoder.filled - decoder.start
  if (!decoder.final && (have == 0 || (have < 3 && load<u8>(first) == 0xef))) return
  if (have >= 3 && load<u8>(first) == 0xef && load<u16>(first, 1) == 0xbfbb) decoder.start += 3
  decoder.begun = 1
}

/** JSON_MORE_INPUT, JSON_BATCH_FULL, CSV_HEADER, or a negative status with all records before as they should be. */
export function csvDecode(pointer: usize): i32 {
  return decodeRows(changetype<CsvDecoder>(pointer))
}

/** The report (abi.ts) of what is decoded since the last csvNextBatch; valid until the next call. */
export function csvBatch(pointer: usize): usize {
  return jsonBatch(pointer)
}

/** Forgets the rows and rejects that csvBatch showed. */
export function csvNextBatch(pointer: usize): i32 {
  return jsonNextBatch(pointer)
}
