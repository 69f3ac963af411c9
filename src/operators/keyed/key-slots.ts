import { Batch, MAX_BATCH_ROWS } from '../../core/batch.js'
import { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import type { Column } from '../../core/column.js'
import { DEFAULT_MAX_PARALLELISM, type KeyGroupRange } from '../../core/key-groups.js'
import { defineField } from '../../core/row-object.js'
import { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import type { Kernel } from '../../kernel/module.js'
import { KeyCoder } from '../key-coder.js'
import { type GroupSection, readSections, writeSections } from './group-sections.js'
import { readKeyColumns, writeKeyColumns } from './key-column-bytes.js'
import { SlotList } from './slot-list.js'

/** Slots of one key group, in the order in which their keys were held. */
export interface GroupSlots {
  readonly group: number
  readonly slots: Uint32Array
}

/**
 * The keys of a stream as dense slots, 0, 1, 2, ..., for host state in arrays. Keys are coded by the kernel: a string is
 * decoded only where somebody asks for the key.
 *
 * The life of a slot: `code(batch)` gives one to each key. It is valid until the next call of `code`, unless it is held:
 * who keeps anything for a key calls `hold(slot)`, and `release(slot)` when nothing is kept any more. A key has one slot
 * while it is held; a new key takes the lowest free slot.
 *
 * Which slot a key gets depends on how rows were cut into batches (a slot becomes free between two calls of `code`), so
 * it must not show in results. What does not depend on the cut is the order in which keys were held, and that is the
 * order of snapshots.
 *
 * For keys = [] (a stream without keys) there is the slot 0.
 */
export class KeySlots {
  private readonly fields: readonly Field[]
  private readonly keyGroups: KeyGroupRange
  private readonly coder: KeyCoder | undefined
  private readonly held = new SlotList()
  private readonly keys: unknown[] = []
  private slots: Uint32Array = new Uint32Array(0)

  /** @throws SabotError MEMORY_LIMIT */
  constructor(kernel: Kernel, fields: readonly Field[], keyGroups: KeyGroupRange) {
    this.fields = fields
    this.keyGroups = keyGroups
    this.coder = fields.length === 0 ? undefined : new KeyCoder(kernel, fields, keyGroups.of)
  }

  /** Keys that are held. */
  get count(): number {
    return this.held.size
  }

  /**
   * The slots of the selected rows of a batch: a view, valid until the next call. Slots that are not held are free again
   * at that call.
   * @throws SabotError MEMORY_LIMIT, TOO_MANY_KEYS
   */
  code(batch: Batch): Uint32Array {
    const rowCount = batch.length
    if (this.slots.length < rowCount) this.slots = new Uint32Array(Math.max(rowCount, 1024))
    const slots = this.slots.subarray(0, rowCount)
    if (this.coder !== undefined) {
      this.coder.index.settle()
      // The kernel's own view is detached when its memory grows.
      slots.set(this.coder.code(batch.selection === undefined ? batch : this.keysOf(batch)))
    }
    return slots
  }

  /** The key columns of the selected rows. */
  private keysOf(batch: Batch): Batch {
    const { fields } = this
    const columns = fields.map(({ name }) => batch.column(name))
    const { rowCount, selection } = batch
    return new Batch({ schema: new Schema(fields), columns, rowCount, selection }).compact()
  }

  /** Keeps the slot's key beyond the next `code`. Holding twice is holding once. */
  hold(slot: number): void {
    if (this.held.has(slot)) return
    this.held.add(slot)
    this.coder?.index.retain(slot)
  }

  /** Nothing is kept for the key any more. Its slot stays valid until the next `code`. */
  release(slot: number): void {
    if (!this.held.has(slot)) return
    this.held.remove(slot)
    this.keys[slot] = undefined
    this.coder?.index.drop(slot)
  }

  isHeld(slot: number): boolean {
    return this.held.has(slot)
  }

  /** The key of a valid slot: its value, or an object of the fields where there are several (or none). */
  key(slot: number): unknown {
    if (!this.held.has(slot)) return this.readKey(slot)
    this.keys[slot] ??= this.readKey(slot)
    return this.keys[slot]
  }

  /** The key columns of valid slots, in their order. */
  columns(slots: Uint32Array): Column[] {
    return this.coder === undefined ? [] : this.coder.read(this.coder.index.writeIds(slots), slots.length)
  }

  /** The key group of a valid slot; 0 for a stream without keys. */
  group(slot: number): number {
    return this.coder === undefined ? 0 : this.coder.index.groupOf(slot)
  }

  /** The slots that are held, groups ascending. */
  byGroup(): GroupSlots[] {
    const slots = this.held.toArray()
    const ends = new Uint32Array(this.keyGroups.of ?? DEFAULT_MAX_PARALLELISM)
    const groups = new Uint16Array(slots.length)
    for (let index = 0; index < slots.length; index++) {
      const group = this.group(slots[index] as number)
      groups[index] = group
      ends[group] = (ends[group] as number) + 1
    }
    for (let group = 1; group < ends.length; group++) ends[group] = (ends[group] ?? 0) + (ends[group - 1] ?? 0)
    const sorted = new Uint32Array(slots.length)
    const cursors = new Uint32Array(ends.length)
    cursors.set(ends.subarray(0, -1), 1)
    for (let index = 0; index < slots.length; index++) {
      const group = groups[index] as number
      const at = cursors[group] as number
      sorted[at] = slots[index] as number
      cursors[group] = at + 1
    }
    const result: GroupSlots[] = []
    for (let group = 0; group < ends.length; group++) {
      const from = group === 0 ? 0 : (ends[group - 1] ?? 0)
      if ((ends[group] ?? 0) > from) result.push({ group, slots: sorted.subarray(from, ends[group]) })
    }
    return result
  }

  /**
   * The held keys by key group as one part of a snapshot; `write` puts behind the keys of a group what is kept for them,
   * in the order of the slots. The bytes are a function of the keys, the order in which they were held and of `write`.
   */
  snapshot(write: (slots: GroupSlots, writer: ByteWriter) => void): Uint8Array {
    const writer = new ByteWriter()
    const sections = this.byGroup().map((slots): GroupSection => {
      writeKeyColumns(writer, this.columns(slots.slots), slots.slots.length)
      write(slots, writer)
      return { group: slots.group, bytes: writer.finish() }
    })
    return writeSections(sections, this.keyGroups.of)
  }

  /**
   * Holds the keys of the snapshots that belong to the key groups of this subtask; `read` takes what `write` put there,
   * whose slots are in the order in which it was written.
   * @throws SabotError SNAPSHOT_FOREIGN, SNAPSHOT_VERSION, SNAPSHOT_TRUNCATED, SNAPSHOT_MISMATCH
   */
  restore(snapshots: readonly Uint8Array[], read: (slots: GroupSlots, reader: ByteReader) => void): void {
    for (const snapshot of snapshots) {
      for (const { group, bytes } of readSections(snapshot, this.keyGroups)) {
        const reader = new ByteReader(bytes)
        const { columns, rows } = readKeyColumns(reader, this.fields)
        read({ group, slots: this.holdAll(columns, rows) }, reader)
      }
    }
  }

  close(): void {
    this.coder?.close()
  }

  private holdAll(columns: readonly Column[], rows: number): Uint32Array {
    const keys = new Batch({ schema: new Schema(this.fields), columns, rowCount: rows })
    const slots = new Uint32Array(rows)
    for (let from = 0; from < rows; from += MAX_BATCH_ROWS) {
      const to = Math.min(rows, from + MAX_BATCH_ROWS)
      slots.set(this.code(keys.slice(from, to)), from)
      for (let row = from; row < to; row++) this.hold(slots[row] ?? 0)
    }
    return slots
  }

  private readKey(slot: number): unknown {
    const columns = this.columns(Uint32Array.of(slot))
    const [only] = columns
    if (columns.length === 1 && only !== undefined) return only.value(0)
    const key = {}
    for (const [index, { name }] of this.fields.entries()) defineField(key, name, columns[index]?.value(0))
    return key
  }
}
