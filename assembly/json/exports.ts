/*
 * The exported functions of a JSON decoder. The host writes a chunk at jsonInput(decoder, bytes), says so with
 * jsonPush, and calls jsonDecode until it asks for more input; when it says that the batch is full, or whenever the
 * host wants what is there, jsonBatch shows the rows, and jsonNextBatch makes room for others.
 */
import {
  JSON_ARRAY, JSON_COLUMN_BYTES, JSON_COLUMN_CODED, JSON_COLUMN_ENTRIES, JSON_COLUMN_GENERATION, JSON_COLUMN_LENGTH,
  JSON_COLUMN_OFFSETS, JSON_COLUMN_RECORD_BYTES, JSON_COLUMN_VALIDITY, JSON_COLUMN_VALUES, JSON_LINES, JSON_LIST,
  JSON_OBJECT, JSON_PLAN_RECORD_BYTES, JSON_REPORT_BYTES, JSON_REPORT_FIXUP_BYTES, JSON_REPORT_FIXUP_RECORDS,
  JSON_REPORT_FIXUPS, JSON_REPORT_LINES, JSON_REPORT_LONE_SURROGATES, JSON_REPORT_POSITION, JSON_REPORT_REJECT_BYTES,
  JSON_REPORT_REJECTED, JSON_REPORT_REJECTS, JSON_REPORT_ROWS, JSON_REPORT_TEMPLATE_RECORDS, JSON_TEXT, JSON_UTF8,
  LIMIT_BATCH_ROWS, LIMIT_JSON_DEPTH, LIMIT_JSON_NODES, RESULT_DETAIL, RESULT_STATUS, STATUS_ARGUMENT,
  STATUS_MEMORY_LIMIT, STATUS_OK,
} from '../abi'
import { copyTo, put } from '../guard'
import { allocate, allocateZeroed, release, resultPtr } from '../memory'
import { beginColumns, releaseColumn } from './columns'
import { decodeRows } from './decode'
import { indexFields } from './fields'
import { inputPosition, reserveInput, takeInput } from './input'
import { Decoder, isElement, isObject, Node, nodeAt, Slot } from './layout'
import { PENDING_BYTES } from './pending'
import { powersOfFive } from './powers'
import { TRACE_BYTES, TRACE_VALUES } from './record'
import { LITERAL_BYTES } from './template'

const FIRST_INPUT: u32 = 65536

/**
 * A decoder by a plan (abi.ts) of `nodes` records and `planBytes` bytes, which is copied; 0 on failure, with the status
 * in RESULT_STATUS. A batch has at most `batchRows` rows, a record at most `maxRecordBytes` bytes.
 */
export function jsonCreate(
  plan: usize, planBytes: u32, nodes: u32, format: i32, batchRows: u32, maxRecordBytes: u32,
): usize {
  const argument = wrongArgument(plan, planBytes, nodes, format, batchRows, maxRecordBytes)
  if (argument != 0) {
    put<u32>(resultPtr(), argument, RESULT_DETAIL)
    put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
    return 0
  }
  const pointer = allocateZeroed(offsetof<Decoder>())
  if (pointer == 0) return 0
  const decoder = changetype<Decoder>(pointer)
  decoder.format = format
  decoder.batchRows = batchRows
  decoder.maxRecordBytes = maxRecordBytes
  if (!prepare(decoder, plan, planBytes, nodes) || !beginColumns(decoder)) {
    jsonDestroy(pointer)
    put<i32>(resultPtr(), STATUS_MEMORY_LIMIT, RESULT_STATUS)
    return 0
  }
  return pointer
}

function wrongArgument(
  plan: usize, planBytes: u32, nodes: u32, format: i32, batchRows: u32, maxRecordBytes: u32,
): u32 {
  if (nodes == 0 || nodes > <u32>LIMIT_JSON_NODES || <u64>nodes * JSON_PLAN_RECORD_BYTES > <u64>planBytes) return 2
  for (let index: u32 = 0; index < nodes; index++) {
    const record = plan + <usize>index * JSON_PLAN_RECORD_BYTES
    const type = load<i32>(record, 4)
    const keyEnd = <u64>load<u32>(record, 16) + <u64>load<u32>(record, 20)
    if (<u32>type > <u32>JSON_TEXT || keyEnd > <u64>planBytes || load<i32>(record, 12) > 18) return 1
    if (index == 0) {
      if (type != JSON_OBJECT) return 1
      continue
    }
    if (load<u32>(record) >= index) return 1
    const parent = load<i32>(plan + <usize>load<u32>(record) * JSON_PLAN_RECORD_BYTES, 4)
    if (!isObject(parent) && (parent != JSON_LIST || isObject(type) || type == JSON_LIST)) return 1
  }
  if (format != JSON_LINES && format != JSON_ARRAY) return 3
  if (batchRows == 0 || batchRows > <u32>LIMIT_BATCH_ROWS) return 4
  return maxRecordBytes == 0 || maxRecordBytes > 0x10000000 ? 5 : 0
}

function prepare(decoder: Decoder, plan: usize, planBytes: u32, nodes: u32): bool {
  decoder.nodes = allocateZeroed(<usize>nodes * offsetof<Node>())
  decoder.plan = allocate(planBytes)
  decoder.capacity = FIRST_INPUT
  decoder.buffer = allocate(FIRST_INPUT)
  decoder.brackets = allocate(LIMIT_JSON_DEPTH >> 3)
  decoder.trace = allocate(<usize>TRACE_VALUES * TRACE_BYTES)
  decoder.slots = allocate(<usize>TRACE_VALUES * offsetof<Slot>())
  decoder.literals = allocate(LITERAL_BYTES)
  decoder.absent = allocate(<usize>nodes << 2)
  decoder.templateAbsent = allocate(<usize>nodes << 2)
  decoder.pendingStrings = allocate(PENDING_BYTES)
  decoder.report = allocateZeroed(<usize>JSON_REPORT_BYTES + <usize>nodes * JSON_COLUMN_RECORD_BYTES)
  if (
    decoder.nodes == 0 || decoder.plan == 0 || decoder.buffer == 0 || decoder.brackets == 0 || decoder.trace == 0 ||
    decoder.slots == 0 || decoder.literals == 0 || decoder.absent == 0 || decoder.templateAbsent == 0 ||
    decoder.pendingStrings == 0 || decoder.report == 0 || powersOfFive() == 0
  ) {
    return false
  }
  copyTo(decoder.plan, plan, planBytes)
  decoder.nodeCount = nodes
  for (let index: u32 = 0; index < nodes; index++) {
    const record = decoder.plan + <usize>index * JSON_PLAN_RECORD_BYTES
    const node = nodeAt(decoder, index)
    node.index = index
    node.type = load<i32>(record, 4)
    node.nullable = load<u32>(record, 8)
    node.scale = load<i32>(record, 12)
    node.key = decoder.plan + <usize>load<u32>(record, 16)
    node.keyLength = load<u32>(record, 20)
    if (index == 0) continue
    const parent = nodeAt(decoder, load<u32>(record))
    node.parent = changetype<usize>(parent)
    if (parent.type == JSON_LIST) parent.element = changetype<usize>(node)
    // Elements are not coded: one record may have any number of them.
    node.coded = u32(node.type == JSON_UTF8 && !isElement(node))
  }
  for (let index: u32 = 0; index < nodes; index++) {
    const node = nodeAt(decoder, index)
    if (isObject(node.type) && !indexFields(decoder, node)) return false
  }
  return true
}

export function jsonDestroy(pointer: usize): void {
  if (pointer == 0) return
  const decoder = changetype<Decoder>(pointer)
  for (let index: u32 = 0; index < decoder.nodeCount; index++) releaseColumn(nodeAt(decoder, index))
  release(decoder.nodes)
  release(decoder.plan)
  release(decoder.buffer)
  release(decoder.brackets)
  release(decoder.trace)
  release(decoder.slots)
  release(decoder.literals)
  release(decoder.absent)
  release(decoder.templateAbsent)
  release(decoder.pendingStrings)
  release(decoder.report)
  release(decoder.unescaped)
  release(decoder.rejects)
  release(decoder.rejectBytes)
  release(decoder.fixups)
  release(decoder.fixupBytes)
  release(pointer)
}

/** Where the next chunk, of at most `bytes` bytes, is to be written; 0 when there is no memory. */
export function jsonInput(pointer: usize, bytes: u32): usize {
  const room = reserveInput(changetype<Decoder>(pointer), bytes)
  if (room == 0) put<i32>(resultPtr(), STATUS_MEMORY_LIMIT, RESULT_STATUS)
  return room
}

/** `bytes` bytes stand at what jsonInput returned; `final` (0 or 1) says that they are the last. */
export function jsonPush(pointer: usize, bytes: u32, final: u32): i32 {
  return takeInput(changetype<Decoder>(pointer), bytes, final != 0)
}

/** JSON_MORE_INPUT, JSON_BATCH_FULL, or a negative status with all records before as they should be. */
export function jsonDecode(pointer: usize): i32 {
  return decodeRows(changetype<Decoder>(pointer))
}

/** The report (abi.ts) of what is decoded since the last jsonNextBatch; valid until the next call. */
export function jsonBatch(pointer: usize): usize {
  const decoder = changetype<Decoder>(pointer)
  const report = decoder.report
  put<u32>(report, decoder.row, JSON_REPORT_ROWS)
  put<u32>(report, decoder.rejectCount, JSON_REPORT_REJECTED)
  put<u32>(report, <u32>decoder.rejects, JSON_REPORT_REJECTS)
  put<u32>(report, <u32>decoder.rejectBytes, JSON_REPORT_REJECT_BYTES)
  put<u32>(report, decoder.fixupCount, JSON_REPORT_FIXUPS)
  put<u32>(report, <u32>decoder.fixups, JSON_REPORT_FIXUP_RECORDS)
  put<u32>(report, <u32>decoder.fixupBytes, JSON_REPORT_FIXUP_BYTES)
  put<f64>(report, <f64>inputPosition(decoder), JSON_REPORT_POSITION)
  put<f64>(report, <f64>decoder.lines, JSON_REPORT_LINES)
  put<f64>(report, <f64>decoder.loneSurrogates, JSON_REPORT_LONE_SURROGATES)
  put<f64>(report, <f64>decoder.templateRecords, JSON_REPORT_TEMPLATE_RECORDS)
  for (let index: u32 = 1; index < decoder.nodeCount; index++) {
    const node = nodeAt(decoder, index)
    if (node.type != JSON_OBJECT) reportColumn(decoder, node)
  }
  return report
}

function reportColumn(decoder: Decoder, node: Node): void {
  const list = changetype<Node>(node.parent)
  const rows = isElement(node) ? load<u32>(list.offsets + (<usize>decoder.row << 2)) : decoder.row
  const record = decoder.report + <usize>JSON_REPORT_BYTES + <usize>node.index * JSON_COLUMN_RECORD_BYTES
  const coded = node.coded != 0
  put<u32>(record, hasNull(node.validity, rows) ? <u32>node.validity : 0, JSON_COLUMN_VALIDITY)
  put<u32>(record, <u32>node.values, JSON_COLUMN_VALUES)
  put<u32>(record, <u32>(coded ? node.entryOffsets : node.offsets), JSON_COLUMN_OFFSETS)
  put<u32>(record, <u32>(coded ? node.arena : node.bytes), JSON_COLUMN_BYTES)
  put<u32>(record, u32(coded), JSON_COLUMN_CODED)
  put<u32>(record, node.entries, JSON_COLUMN_ENTRIES)
  put<u32>(record, node.generation, JSON_COLUMN_GENERATION)
  put<u32>(record, rows, JSON_COLUMN_LENGTH)
}

function hasNull(validity: usize, rows: u32): bool {
  const whole = rows >> 3
  for (let at: usize = 0; at < <usize>whole; at++) if (load<u8>(validity + at) != 0xff) return true
  const rest = (1 << (rows & 7)) - 1
  return (<u32>load<u8>(validity + <usize>whole) & rest) != rest
}

/** Forgets the rows and rejects that jsonBatch showed. */
export function jsonNextBatch(pointer: usize): i32 {
  const decoder = changetype<Decoder>(pointer)
  if (!beginColumns(decoder)) return STATUS_MEMORY_LIMIT
  decoder.row = 0
  decoder.full = 0
  decoder.rejectCount = 0
  decoder.rejectBytesTop = 0
  decoder.fixupCount = 0
  return STATUS_OK
}
