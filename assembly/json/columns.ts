/* The regions of columns: room for rows, nulls, bytes of strings; and the side list of undecided numbers. */
import {
  JSON_BOOL, JSON_F32, JSON_FIXUP_LENGTH, JSON_FIXUP_NODE, JSON_FIXUP_OFFSET, JSON_FIXUP_RECORD_BYTES, JSON_FIXUP_ROW,
  JSON_I32, JSON_LIST, JSON_OBJECT, JSON_STRUCT, JSON_TEXT, JSON_UTF8,
} from '../abi'
import { copyTo, fill, put } from '../guard'
import { allocate, reallocate, release } from '../memory'
import { beginDictionary, releaseDictionary } from './intern'
import { Decoder, isElement, Node, nodeAt } from './layout'

const MIN_BYTES: u32 = 4096
/** A batch ends when a column has more bytes or elements than this, so that a batch is bounded. */
const FULL_BYTES: u32 = 16777216
const FULL_ELEMENTS: u32 = 1048576
/** A dictionary is kept while it has coded at least so many rows an entry. */
const ROWS_PER_ENTRY: f64 = 2
/** Rows before that is judged, unless the dictionary is full. */
const JUDGED_ROWS: f64 = 65536

/** Whether rows are offsets into something. */
// @ts-ignore: decorator
@inline
export function hasOffsets(node: Node): bool {
  return node.type == JSON_LIST || node.type == JSON_TEXT || (node.type == JSON_UTF8 && !node.coded)
}

function valueBytes(node: Node, rows: usize): usize {
  switch (node.type) {
    case JSON_BOOL:
      return (rows + 7) >> 3
    case JSON_I32: case JSON_F32: case JSON_UTF8:
      return rows << 2
    case JSON_LIST: case JSON_TEXT: case JSON_STRUCT: case JSON_OBJECT:
      return 0
    default:
      return rows << 3
  }
}

/** Makes room for `rows` rows, keeping what is there; false when there is no memory. */
export function reserveRows(node: Node, rows: u32): bool {
  if (rows <= node.capacity) return true
  const capacity = max<u32>(rows, node.capacity << 1)
  const valid = (<usize>capacity + 7) >> 3
  if (!resize(offsetof<Node>('validity'), node, valid)) return false
  const old = (<usize>node.capacity + 7) >> 3
  fill(node.validity + old, 0xff, valid - old)
  const bytes = valueBytes(node, capacity)
  if (bytes != 0 && !resize(offsetof<Node>('values'), node, bytes)) return false
  if (hasOffsets(node)) {
    if (!resize(offsetof<Node>('offsets'), node, (<usize>capacity + 1) << 2)) return false
    put<u32>(node.offsets, 0)
  }
  node.capacity = capacity
  return true
}

/** Gives the pointer field at `offset` of a node a region of `bytes`. */
function resize(offset: usize, node: Node, bytes: usize): bool {
  const field = changetype<usize>(node) + offset
  const old = load<usize>(field)
  const region = old == 0 ? allocate(bytes) : reallocate(old, bytes)
  if (region == 0) return false
  put<usize>(field, region)
  return true
}

export function releaseColumn(node: Node): void {
  release(node.fields)
  release(node.values)
  release(node.validity)
  release(node.offsets)
  release(node.bytes)
  releaseDictionary(node)
}

// ---- rows -----------------------------------------------------------------------------------------------------------

export function clearBit(bits: usize, row: u32): void {
  const at = bits + <usize>(row >> 3)
  put<u8>(at, load<u8>(at) & ~<u8>(<u32>1 << (row & 7)))
}

export function setBit(bits: usize, row: u32): void {
  const at = bits + <usize>(row >> 3)
  put<u8>(at, load<u8>(at) | <u8>(<u32>1 << (row & 7)))
}

/** The row is null, and its slot 0. */
export function writeNull(node: Node, row: u32): void {
  clearBit(node.validity, row)
  const slot = <usize>row
  switch (node.type) {
    case JSON_BOOL: {
      clearBit(node.values, row)
      return
    }
    case JSON_STRUCT:
      return
    case JSON_LIST: case JSON_TEXT: {
      put<u32>(node.offsets + (slot << 2), load<u32>(node.offsets + (slot << 2)), 4)
      return
    }
    case JSON_UTF8: {
      if (node.coded) put<u32>(node.values + (slot << 2), 0)
      else put<u32>(node.offsets + (slot << 2), load<u32>(node.offsets + (slot << 2)), 4)
      return
    }
    case JSON_I32: case JSON_F32: {
      put<u32>(node.values + (slot << 2), 0)
      return
    }
    default:
      put<u64>(node.values + (slot << 3), 0)
  }
}

/** The string of a row that is not coded; false when there is no memory. */
export function writeBytes(decoder: Decoder, node: Node, row: u32, pointer: usize, length: u32): bool {
  const offset = node.offsets + (<usize>row << 2)
  const top = load<u32>(offset)
  const end = top + length
  if (end > node.bytesCapacity) {
    const capacity = max<u32>(max<u32>(end, MIN_BYTES), node.bytesCapacity << 1)
    if (!resize(offsetof<Node>('bytes'), node, capacity)) return false
    node.bytesCapacity = capacity
  }
  copyTo(node.bytes + top, pointer, length)
  put<u32>(offset, end, 4)
  if (end > FULL_BYTES) decoder.full = 1
  return true
}

export function writeListEnd(decoder: Decoder, node: Node, row: u32, end: u32): void {
  put<u32>(node.offsets + (<usize>row << 2), end, 4)
  if (end > FULL_ELEMENTS) decoder.full = 1
}

// ---- batches --------------------------------------------------------------------------------------------------------

/** Prepares the columns for the rows of a new batch; false when there is no memory. */
export function beginColumns(decoder: Decoder): bool {
  for (let index: u32 = 1; index < decoder.nodeCount; index++) {
    const node = nodeAt(decoder, index)
    if (node.type == JSON_OBJECT) continue
    if (node.coded && !continueDictionary(node, decoder.row)) return false
    if (!reserveRows(node, isElement(node) ? 64 : decoder.batchRows)) return false
    fill(node.validity, 0xff, (<usize>node.capacity + 7) >> 3)
  }
  return true
}

/** A dictionary that does not repay itself is given up for plain strings, for good. */
function continueDictionary(node: Node, rows: u32): bool {
  if (node.table == 0) return beginDictionary(node)
  node.codedRows += <f64>rows
  if (node.codedRows < JUDGED_ROWS && !node.wasFull) return true
  node.wasFull = 0
  if (<f64>node.entries * ROWS_PER_ENTRY <= node.codedRows) return true
  return beginPlain(node)
}

/** From this batch on the strings of the column are not coded. */
export function beginPlain(node: Node): bool {
  if (!resize(offsetof<Node>('offsets'), node, (<usize>node.capacity + 1) << 2)) return false
  put<u32>(node.offsets, 0)
  node.coded = 0
  releaseDictionary(node)
  return true
}

// ---- undecided numbers ----------------------------------------------------------------------------------------------

/** Notes that the host must read the number [start, end) of a cell; false when there is no memory. */
export function addFixup(decoder: Decoder, node: Node, row: u32, start: usize, end: usize): bool {
  const length = <u32>(end - start)
  if (decoder.fixupCount == decoder.fixupCapacity) {
    const capacity = max<u32>(16, decoder.fixupCapacity << 1)
    const bytes = <usize>capacity * JSON_FIXUP_RECORD_BYTES
    const region = decoder.fixups == 0 ? allocate(bytes) : reallocate(decoder.fixups, bytes)
    if (region == 0) return false
    decoder.fixups = region
    decoder.fixupCapacity = capacity
  }
  const top = fixupTop(decoder)
  if (top + length > decoder.fixupBytesCapacity) {
    const capacity = max<u32>(max<u32>(top + length, MIN_BYTES), decoder.fixupBytesCapacity << 1)
    const region = decoder.fixupBytes == 0 ? allocate(capacity) : reallocate(decoder.fixupBytes, capacity)
    if (region == 0) return false
    decoder.fixupBytes = region
    decoder.fixupBytesCapacity = capacity
  }
  copyTo(decoder.fixupBytes + top, start, length)
  const record = decoder.fixups + <usize>decoder.fixupCount * JSON_FIXUP_RECORD_BYTES
  put<u32>(record, node.index, JSON_FIXUP_NODE)
  put<u32>(record, row, JSON_FIXUP_ROW)
  put<u32>(record, top, JSON_FIXUP_OFFSET)
  put<u32>(record, length, JSON_FIXUP_LENGTH)
  decoder.fixupCount++
  if (top + length > FULL_BYTES) decoder.full = 1
  return true
}

function fixupTop(decoder: Decoder): u32 {
  if (decoder.fixupCount == 0) return 0
  const last = decoder.fixups + <usize>(decoder.fixupCount - 1) * JSON_FIXUP_RECORD_BYTES
  return load<u32>(last, JSON_FIXUP_OFFSET) + load<u32>(last, JSON_FIXUP_LENGTH)
}

/** Forgets the fixups from number `from` on that belong to the node: the record says something else of it later. */
export function dropFixups(decoder: Decoder, from: u32, node: Node): void {
  const element: u32 = node.element == 0 ? node.index : changetype<Node>(node.element).index
  let kept = from
  for (let number = from; number < decoder.fixupCount; number++) {
    const record = decoder.fixups + <usize>number * JSON_FIXUP_RECORD_BYTES
    if (load<u32>(record, JSON_FIXUP_NODE) == element) continue
    copyTo(decoder.fixups + <usize>kept * JSON_FIXUP_RECORD_BYTES, record, JSON_FIXUP_RECORD_BYTES)
    kept++
  }
  decoder.fixupCount = kept
}
