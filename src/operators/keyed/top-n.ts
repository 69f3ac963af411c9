import type { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { DELETE, INSERT, type RowKind, UPDATE_AFTER, UPDATE_BEFORE } from '../../core/row-kind.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { decodeValue, encodeValue } from '../process/state-json.js'
import { type Comparison, comparison } from './compare-values.js'
import { keyFields } from './key-fields.js'
import { KeySlots } from './key-slots.js'

export interface TopNSettings {
  readonly keys: readonly string[]
  readonly n: number
  /** The field that ranks; undefined: the event time, or without one the order of arrival. */
  readonly by: string | undefined
  readonly order: 'asc' | 'desc'
  /** Which of two equal rows ranks first. */
  readonly ties: 'earlier' | 'later'
  /** Whether a row takes the place of another as an update (-U +U), or the other is deleted (-D +I). */
  readonly updates: boolean
}

/** The best n rows of each key, as a changelog: what gets among them is inserted, what it pushes out is taken back. */
export function topNOperator(settings: TopNSettings): OperatorFactory {
  return context => new TopNOperator(context, settings)
}

interface Ranked {
  readonly row: object
  readonly rank: unknown
}

interface Opened {
  readonly schema: Schema
  readonly keys: KeySlots
  readonly reader: RowReader
  readonly builder: BatchBuilder
  readonly compare: Comparison
}

class TopNOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: TopNSettings
  /** By slot, best first. */
  private readonly best: (Ranked[] | undefined)[] = []
  private opened: Opened | undefined

  constructor(context: OperatorContext, settings: TopNSettings) {
    this.context = context
    this.settings = settings
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const opened = this.opened ?? this.open(batch.schema)
    const slots = opened.keys.code(batch)
    const reader = opened.reader.bind(batch)
    const origins: number[] = []
    const kinds: RowKind[] = []
    const put = (row: object, kind: RowKind, origin: number): void => {
      opened.builder.append(row)
      origins.push(origin)
      kinds.push(kind)
      if (kinds.length >= OUTPUT_ROWS) this.emit(opened, batch, origins.splice(0), kinds.splice(0))
    }
    for (let row = 0; row < slots.length; row++) {
      const view = reader.at(row) as Readonly<Record<string, unknown>>
      const rank = this.rankOf(view, batch, row)
      this.add(opened, slots[row] as number, rank, reader, (kept, kind) => put(kept, kind, row))
    }
    this.emit(opened, batch, origins, kinds)
  }

  onWatermark(timestamp: number): undefined {
    this.context.output.watermark(timestamp)
  }

  snapshot(): OperatorState {
    const { opened } = this
    const state = {
      dropped: { ...this.dropped },
      keys: opened?.keys.count ?? 0,
      schema: opened === undefined ? null : (JSON.parse(JSON.stringify(opened.schema)) as Json),
    }
    if (opened === undefined) return { state, parts: [] }
    const bytes = opened.keys.snapshot(({ slots }, writer) => {
      const kept = Array.from(slots, slot =>
        (this.best[slot] ?? []).map(({ row, rank }) => [encodeValue(row), encodeValue(rank)]),
      )
      writer.text(JSON.stringify(kept))
    })
    return { state, parts: [{ name: 'top', bytes }] }
  }

  restore(states: readonly OperatorState[]): void {
    for (const { state, parts } of states) {
      if (this.context.keyGroups.start === 0) addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema === null || schema === undefined) continue
      const opened = this.opened ?? this.open(Schema.fromJSON(schema))
      for (const { bytes } of parts) {
        opened.keys.restore([bytes], ({ slots }, reader) => {
          const kept = JSON.parse(reader.text()) as [Json, Json][][]
          for (const [place, slot] of slots.entries()) {
            this.best[slot] = (kept[place] ?? []).map(([row, rank]): Ranked => {
              return { row: decodeValue(row) as object, rank: decodeValue(rank) }
            })
          }
        })
      }
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return { keys: this.opened?.keys.count ?? 0 }
  }

  close(): void {
    this.opened?.keys.close()
  }

  private rankOf(view: Readonly<Record<string, unknown>>, { timestamps }: Batch, row: number): unknown {
    const { by } = this.settings
    if (by !== undefined) return view[by]
    return timestamps === undefined ? 0 : timestamps[row]
  }

  private add(
    { keys, compare }: Opened,
    slot: number,
    rank: unknown,
    reader: RowReader,
    put: (row: object, kind: RowKind) => void,
  ): void {
    const { n, ties, updates } = this.settings
    const best = keys.isHeld(slot) ? (this.best[slot] ?? []) : []
    let place = best.length
    while (place > 0) {
      const order = compare((best[place - 1] as Ranked).rank, rank)
      if (order < 0 || (order === 0 && ties === 'earlier')) break
      place--
    }
    if (place >= n) return
    keys.hold(slot)
    this.best[slot] = best
    const added: Ranked = { row: reader.materialize() as object, rank }
    best.splice(place, 0, added)
    const out = best.length > n ? best.pop() : undefined
    if (out !== undefined) put(out.row, updates ? UPDATE_BEFORE : DELETE)
    put(added.row, out !== undefined && updates ? UPDATE_AFTER : INSERT)
  }

  /** Rows carry the times of the record that brought them about. */
  private emit({ builder }: Opened, batch: Batch, origins: readonly number[], kinds: readonly RowKind[]): void {
    if (kinds.length === 0) return
    const { timestamps, watermarks } = batch
    this.context.output.batch(
      builder.finish().with({
        timestamps: timestamps && Float64Array.from(origins, row => timestamps[row] ?? 0),
        watermarks: watermarks && Float64Array.from(origins, row => watermarks[row] ?? 0),
        kinds: kinds.every(kind => kind === INSERT) ? undefined : Uint8Array.from(kinds),
      }),
    )
  }

  private open(schema: Schema): Opened {
    const { keys, by, order } = this.settings
    const type = by === undefined ? 'f64' : schema.field(by).type
    if (typeof type === 'object' ? type.kind !== 'decimal' : type === 'object') {
      throw new SabotError('TYPE_MISMATCH', `topN() ranks by ${by}, whose values have no order`, { field: by })
    }
    const fields = keyFields(schema, keys)
    this.opened = {
      schema,
      keys: new KeySlots(this.context.kernel, fields, this.context.keyGroups),
      reader: new RowReader(schema),
      builder: new BatchBuilder(schema),
      compare: comparison(type, order),
    }
    return this.opened
  }
}

/** Rows that one batch has at most. */
const OUTPUT_ROWS = 8192
