/*
 * A decoder and its nodes. The nodes are a tree: node 0 is the record, an object's children are the fields that are
 * wanted of it, a list's child is its element. Every node but an object on the way (JSON_OBJECT) is a column.
 *
 * Rows of a batch go into regions of fixed size; a record that is rejected leaves its row to the next one. All that a
 * row appends elsewhere (bytes of plain strings, elements of lists) is found through the row's first offset, so that
 * taking a row back is forgetting it. The bits of `validity` are 1 unless a null clears one.
 */
import { JSON_LIST, JSON_OBJECT, JSON_STRUCT } from '../abi'

// What a record has said of a node. Greater values are the reason for which the value was refused.
export const STATE_VALUE: u32 = 0
/** A null, or nothing at all, where that is allowed. A reason is never this: JSON_ reasons are below. */
export const STATE_NULL: u32 = 0x100

@unmanaged
export class Node {
  type: i32
  nullable: u32
  scale: i32
  index: u32
  /** Node, 0 for the record. */
  parent: usize
  key: usize
  keyLength: u32

  // objects: their fields by key (fields.ts); lists: their element
  fields: usize
  fieldMask: u32
  element: usize

  // the record at hand: `state` counts if `seen` is the record's serial number
  seen: u32
  state: u32

  // columns
  values: usize
  validity: usize
  /** Rows that the regions hold. */
  capacity: u32
  /** u32[capacity + 1] of lists and of strings that are not coded. */
  offsets: usize
  bytes: usize
  bytesCapacity: u32

  // strings that are coded (intern.ts)
  coded: u32
  table: usize
  tableMask: u32
  entries: u32
  entryOffsets: usize
  entryWords: usize
  entryCapacity: u32
  arena: usize
  arenaCapacity: u32
  generation: u32
  /** Rows that were coded with the dictionary at hand, up to the last batch. */
  codedRows: f64
  /** A record found no room in the dictionary. */
  wasFull: u32
  /** The line in which the dictionary was begun anew for want of room, from 1. */
  renewedAt: u64
}

/** One value of the template, and the bytes between it and the value before (template.ts). */
@unmanaged
export class Slot {
  literal: usize
  length: u32
  /** One bit for each of the literal's first 16 bytes. */
  mask: u32
  /** Node, 0 for a value that is skipped. */
  node: usize
}

@unmanaged
export class Decoder {
  format: i32
  batchRows: u32
  maxRecordBytes: u32
  nodes: usize
  nodeCount: u32
  plan: usize
  serial: u32
  row: u32
  /** The batch must be taken before more is decoded. */
  full: u32
  /** The node whose dictionary was full last. */
  fullNode: usize

  // input (input.ts)
  buffer: usize
  capacity: u32
  start: u32
  filled: u32
  /** Lines: the end of the last complete one. Arrays: how far the element at hand is scanned. */
  scanned: u32
  /** The byte of the input that stands at `buffer`. */
  base: u64
  total: u64
  lines: u64
  /** Bytes of the record at `start` that were let go, behind its first JSON_HEAD_BYTES. */
  dropped: u64
  final: u32
  begun: u32

  // arrays (elements.ts)
  phase: u32
  depth: u32
  inString: u32

  // template (template.ts)
  slots: usize
  slotCount: u32
  tail: usize
  tailLength: u32
  literals: usize
  /** Columns that its records say nothing of. */
  templateAbsent: usize
  templateAbsentCount: u32
  credit: i32
  pause: u32
  pauseLeft: u32
  templateRecords: u64
  /** Values of the record at hand, for learning: start, end, node. */
  trace: usize
  traceCount: u32
  /** Columns that the record at hand says nothing of. */
  absent: usize
  absentCount: u32
  learnable: u32

  // strings that are still to be coded (pending.ts)
  /** Whether the template leaves strings to be coded later. */
  defers: u32
  pendingStrings: usize
  pendingStringCount: u32
  /** Where the decoder was before the first of them. */
  markStart: u32
  markRow: u32
  markFixups: u32
  markLone: u64

  // scratch
  unescaped: usize
  unescapedCapacity: u32
  /** Texts of pending strings are below this. */
  unescapedTop: u32
  brackets: usize
  loneSurrogates: u64

  // side lists
  rejects: usize
  rejectCapacity: u32
  rejectCount: u32
  rejectBytes: usize
  rejectBytesCapacity: u32
  rejectBytesTop: u32
  fixups: usize
  fixupCapacity: u32
  fixupCount: u32
  fixupBytes: usize
  fixupBytesCapacity: u32
  fixupBytesTop: u32
  report: usize
}

// @ts-ignore: decorator
@inline
export function nodeAt(decoder: Decoder, index: u32): Node {
  return changetype<Node>(decoder.nodes + <usize>index * offsetof<Node>())
}

// @ts-ignore: decorator
@inline
export function isObject(type: i32): bool {
  return type == JSON_OBJECT || type == JSON_STRUCT
}

/** Whether the node is the element of a list. */
// @ts-ignore: decorator
@inline
export function isElement(node: Node): bool {
  return node.parent != 0 && changetype<Node>(node.parent).type == JSON_LIST
}
