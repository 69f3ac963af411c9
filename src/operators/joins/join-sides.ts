import { Batch, MAX_BATCH_ROWS } from '../../core/batch.js'
import { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import { SabotError } from '../../core/errors.js'
import type { Json } from '../../core/json.js'
import { memberOf } from '../../core/json.js'
import type { KeyGroupRange } from '../../core/key-groups.js'
import { Schema } from '../../core/schema.js'
import { type Field, typeName, typesEqual } from '../../core/types.js'
import type { JoinSide } from '../../kernel/interval-join.js'
import type { Kernel } from '../../kernel/module.js'
import { KeyCoder } from '../key-coder.js'
import { readSections, writeSections } from '../keyed/group-sections.js'
import { keyFields } from '../keyed/key-fields.js'
import type { OperatorPart, OperatorState } from '../operator.js'
import { type JoinSelect, keptFields } from './join-projection.js'
import { byArrival, readKeptRows, writeKeptRows } from './kept-rows.js'
import { type ArrivalCounter, RowStore, type RowStoreOptions } from './row-store.js'

export const JOIN_SIDES = ['left', 'right'] as const

export interface JoinSideSettings {
  readonly keys: readonly string[]
  /** undefined where it is known only when rows come. */
  readonly schema: Schema | undefined
}

export interface JoinSidesSettings {
  readonly left: JoinSideSettings
  readonly right: JoinSideSettings
  readonly select: JoinSelect
}

interface OpenSide {
  readonly schema: Schema
  readonly store: RowStore
}

/** Rows of one side as a snapshot has them, with the ids of their keys and a byte of the operator's for each. */
export interface RestoredRows {
  readonly slots: Uint32Array
  readonly ids: Uint32Array
  readonly times: Float64Array
  /** Ascending; of both sides, the order in which they came. */
  readonly arrivals: Float64Array
  readonly flags: Uint8Array
}

const PART = 'rows'

/** The two sides of a join: the rows that are kept of each, and their keys, which share one index. */
export class JoinSides {
  private readonly kernel: Kernel
  private readonly keyGroups: number | undefined
  private readonly options: RowStoreOptions
  private readonly arrivals: ArrivalCounter = { next: 0 }
  private readonly settings: JoinSidesSettings
  private readonly sides: { left: OpenSide | undefined; right: OpenSide | undefined } = {
    left: undefined,
    right: undefined,
  }
  private readonly noRows: RowStore
  private keys: { readonly coder: KeyCoder; readonly schema: Schema } | undefined

  /** @param keyGroups how many key groups the job has */
  constructor(
    kernel: Kernel,
    keyGroups: number | undefined,
    settings: JoinSidesSettings,
    options: RowStoreOptions = {},
  ) {
    this.keyGroups = keyGroups
    this.options = options
    this.noRows = new RowStore([], this.arrivals, options)
    this.kernel = kernel
    this.settings = settings
    for (const side of JOIN_SIDES) {
      const { schema } = settings[side]
      if (schema !== undefined) this.open(side, schema)
    }
  }

  /** The rows of a side. A side of which nothing is known yet has a store without fields. */
  store(side: JoinSide): RowStore {
    return this.sides[side]?.store ?? this.noRows
  }

  /** Keys that are in use. */
  get keyCount(): number {
    return this.keys?.coder.index.count ?? 0
  }

  get coder(): KeyCoder {
    if (this.keys === undefined) throw new TypeError('No row has come yet')
    return this.keys.coder
  }

  /** The ids of the keys of a batch without a selection: a view, valid until the next call. */
  code(side: JoinSide, batch: Batch): Uint32Array {
    this.open(side, batch.schema)
    const { keys } = this
    if (keys === undefined) throw new TypeError('No row has come yet')
    const columns = this.settings[side].keys.map(key => batch.column(key))
    return keys.coder.code(new Batch({ schema: keys.schema, columns, rowCount: batch.rowCount }))
  }

  /**
   * Opens a side when its schema is known.
   * @throws SabotError UNKNOWN_FIELD; TYPE_MISMATCH when the keys of the sides are of different types
   */
  open(side: JoinSide, schema: Schema): void {
    if (this.sides[side] !== undefined) return
    const { keys } = this.settings[side]
    const fields = keyFields(schema, keys)
    this.keys ??= this.openKeys(fields)
    checkKeys(side, fields, this.keys.schema.fields)
    const store = new RowStore(keptFields(this.settings.select, side, keys, schema), this.arrivals, this.options)
    this.sides[side] = { schema, store }
  }

  /** The schemas that are known, for a snapshot's JSON. */
  schemas(): Json {
    const of = (side: JoinSide): Json => {
      const schema = this.sides[side]?.schema
      return schema === undefined ? null : (JSON.parse(JSON.stringify(schema)) as Json)
    }
    return { left: of('left'), right: of('right') }
  }

  restoreSchemas(schemas: Json): void {
    for (const side of JOIN_SIDES) {
      const schema = memberOf(schemas, side) ?? null
      if (schema !== null) this.open(side, Schema.fromJSON(schema))
    }
  }

  /**
   * Rows by key group. `flags` has, by slot, 0 for a slot that is not to be kept, else a byte of the operator's, which
   * `restore` gives back.
   */
  snapshot(flags: Readonly<Record<JoinSide, Uint8Array>>): OperatorPart {
    const groups = new Map<number, { left: number[]; right: number[] }>()
    for (const side of JOIN_SIDES) {
      const slots = Uint32Array.from(slotsIn(flags[side]))
      const ordered = byArrival(this.store(side), slots)
      for (const [at, group] of this.groupsOf(side, ordered).entries()) {
        const members = groups.get(group) ?? { left: [], right: [] }
        members[side].push(ordered[at] ?? 0)
        groups.set(group, members)
      }
    }
    const writer = new ByteWriter()
    const sections = [...groups.keys()]
      .sort((a, b) => a - b)
      .map(group => {
        const members = groups.get(group)
        for (const side of JOIN_SIDES) {
          const slots = Uint32Array.from(members?.[side] ?? [])
          writeKeptRows(writer, this.store(side), slots)
          writer.raw(slots.length === 0 ? slots : Uint8Array.from(slots, slot => flags[side][slot] ?? 0))
        }
        return { group, bytes: writer.finish() }
      })
    return { name: PART, bytes: writeSections(sections, this.keyGroups) }
  }

  /** Keeps the rows of the snapshots that belong to the key groups: of each side in the order of their arrival. */
  restore(states: readonly OperatorState[], range: KeyGroupRange): Record<JoinSide, RestoredRows> {
    const restored = { left: new RestoredSide(), right: new RestoredSide() }
    for (const { parts } of states) {
      for (const { name, bytes } of parts) {
        if (name !== PART) continue
        for (const section of readSections(bytes, range)) {
          const reader = new ByteReader(section.bytes)
          for (const side of JOIN_SIDES) this.restoreSection(side, reader, restored[side])
        }
      }
    }
    return { left: restored.left.ordered(), right: restored.right.ordered() }
  }

  close(): void {
    this.keys?.coder.close()
  }

  private restoreSection(side: JoinSide, reader: ByteReader, restored: RestoredSide): void {
    const store = this.store(side)
    const { batch, arrivals } = readKeptRows(reader, store)
    const flags = reader.raw(batch.rowCount)
    if (batch.rowCount === 0) return
    const ids = this.codeAll(side, batch)
    restored.add(store.add(batch, arrivals), ids, batch.timestamps ?? new Float64Array(0), arrivals, flags)
  }

  /** The key groups of rows that are kept. */
  private groupsOf(side: JoinSide, slots: Uint32Array): number[] {
    if (slots.length === 0) return []
    const store = this.store(side)
    const { keys } = this.settings[side]
    const schema = store.schema.select(keys)
    const columns = keys.map(key => store.gather(store.schema.indexOf(key), slots, false))
    const ids = this.codeAll(side, new Batch({ schema, columns, rowCount: slots.length }))
    const { index } = this.coder
    return Array.from(ids, id => index.groupOf(id))
  }

  /** The ids of any number of rows. */
  private codeAll(side: JoinSide, batch: Batch): Uint32Array {
    const ids = new Uint32Array(batch.rowCount)
    for (let from = 0; from < batch.rowCount; from += MAX_BATCH_ROWS) {
      const to = Math.min(batch.rowCount, from + MAX_BATCH_ROWS)
      ids.set(this.code(side, batch.slice(from, to)), from)
    }
    return ids
  }

  private openKeys(fields: readonly Field[]): { coder: KeyCoder; schema: Schema } {
    // The sides may name their keys differently: the index knows them by position.
    const positions = fields.map(({ type }, at) => ({ name: `${at}`, type, nullable: true }))
    return { coder: new KeyCoder(this.kernel, positions, this.keyGroups), schema: new Schema(positions) }
  }
}

function* slotsIn(flags: Uint8Array): Generator<number, void, void> {
  for (let slot = 0; slot < flags.length; slot++) if (flags[slot] !== 0) yield slot
}

function checkKeys(side: JoinSide, fields: readonly Field[], known: readonly Field[]): void {
  for (const [at, { name, type }] of fields.entries()) {
    const expected = known[at]?.type
    if (expected === undefined || typesEqual(type, expected)) continue
    throw new SabotError(
      'TYPE_MISMATCH',
      `The ${side} side of the join is keyed by ${name}, which is ${typeName(type)}; the other side's key is ` +
        `${typeName(expected)}: convert one of them with select()`,
      { field: name, expected: typeName(expected), actual: typeName(type) },
    )
  }
}

/** Rows of several sections, to be put in order. */
class RestoredSide {
  private readonly rows: { slot: number; id: number; time: number; arrival: number; flag: number }[] = []

  add(slots: Uint32Array, ids: Uint32Array, times: Float64Array, arrivals: Float64Array, flags: Uint8Array): void {
    for (let row = 0; row < slots.length; row++) {
      this.rows.push({
        slot: slots[row] ?? 0,
        id: ids[row] ?? 0,
        time: times[row] ?? 0,
        arrival: arrivals[row] ?? 0,
        flag: flags[row] ?? 0,
      })
    }
  }

  ordered(): RestoredRows {
    const rows = this.rows.sort((a, b) => a.arrival - b.arrival)
    return {
      slots: Uint32Array.from(rows, ({ slot }) => slot),
      ids: Uint32Array.from(rows, ({ id }) => id),
      times: Float64Array.from(rows, ({ time }) => time),
      arrivals: Float64Array.from(rows, ({ arrival }) => arrival),
      flags: Uint8Array.from(rows, ({ flag }) => flag),
    }
  }
}
