import { Batch } from '../../core/batch.js'
import type { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import { Schema } from '../../core/schema.js'
import { readColumn, writeColumn } from './column-bytes.js'
import type { RowStore } from './row-store.js'

/** Rows of a snapshot: their columns and event times, and the numbers of their arrival, ascending. */
export interface KeptRows {
  readonly batch: Batch
  readonly arrivals: Float64Array
}

/** Slots in the order in which their rows were added. */
export function byArrival(store: RowStore, slots: Uint32Array): Uint32Array {
  const arrivals = store.arrivalsOf(slots)
  const order = Uint32Array.from(slots, (_, at) => at).sort((a, b) => (arrivals[a] ?? 0) - (arrivals[b] ?? 0))
  return order.map(at => slots[at] ?? 0)
}

/** Rows of a store, as one section of a snapshot: rows u32 | times f64[] | arrivals f64[] | watermarks f64[] where kept | columns. */
export function writeKeptRows(writer: ByteWriter, store: RowStore, slots: Uint32Array): void {
  writer.u32(slots.length)
  writer.raw(store.timesOf(slots))
  writer.raw(store.arrivalsOf(slots))
  if (store.keepsWatermarks) writer.raw(store.watermarksOf(slots))
  for (const [index, { name }] of store.fields.entries()) {
    writeColumn(writer, store.gather(index, slots, false), name)
  }
}

/** @throws SabotError SNAPSHOT_TRUNCATED */
export function readKeptRows(reader: ByteReader, { fields, keepsWatermarks }: RowStore): KeptRows {
  const rows = reader.u32()
  const timestamps = new Float64Array(reader.raw(8 * rows).buffer)
  const arrivals = new Float64Array(reader.raw(8 * rows).buffer)
  const watermarks = keepsWatermarks ? new Float64Array(reader.raw(8 * rows).buffer) : undefined
  const columns = fields.map(field => readColumn(reader, field, rows))
  const batch = new Batch({ schema: new Schema(fields), columns, rowCount: rows, timestamps, watermarks })
  return { batch, arrivals }
}

/** The order of arrival over rows of several sections: of equal numbers the first section's comes first. */
export function arrivalOrder(arrivals: Float64Array): Uint32Array {
  return Uint32Array.from(arrivals, (_, at) => at).sort((a, b) => {
    return (arrivals[a] ?? 0) - (arrivals[b] ?? 0) || a - b
  })
}

export function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
