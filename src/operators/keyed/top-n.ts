import type { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { INSERT, type RowKind } from '../../core/row-kind.js'
import { defineField } from '../../core/row-object.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import type { ColumnType } from '../../core/types.js'
import { TimerQueue } from '../../kernel/timers.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { decodeValue, encodeValue } from '../process/state-json.js'
import { comparison } from './compare-values.js'
import { keyFields } from './key-fields.js'
import { KeySlots } from './key-slots.js'
import { type Ranked, type RankedChange, Ranking, type Ties } from './ranking.js'

export interface TopNSettings {
  readonly keys: readonly string[]
  readonly n: number
  readonly by: RankedBy
  readonly order: 'asc' | 'desc'
  readonly ties: Ties
  /** Whether a row takes the place of another as an update (-U +U), or the other is deleted (-D +I). */
  readonly updates: boolean
  /** The field of results that shows ranks; undefined: none. */
  readonly rankField: string | undefined
  /** A key is forgotten when the watermark reaches the latest of its event times + this, ms; +Infinity: never. */
  readonly ttlMs: number
}

/** A field, the event time, or the order of arrival, by which all are equal. */
export type RankedBy = { readonly field: string } | 'eventTime' | 'arrival'

/** The fields of results. @throws SabotError DUPLICATE_FIELD */
export function rankedSchema(input: Schema, rankField: string | undefined): Schema {
  if (rankField === undefined) return input
  return new Schema([...input.fields, { name: rankField, type: 'i32', nullable: false }])
}

/**
 * The best n rows of each key, as a changelog: what gets among them is inserted, what it pushes out is taken back. Of a
 * key that is forgotten nothing is taken back: its next row is the first one.
 */
export function topNOperator(settings: TopNSettings): OperatorFactory {
  return context => new TopNOperator(context, settings)
}

interface Opened {
  readonly schema: Schema
  readonly keys: KeySlots
  readonly reader: RowReader
  readonly builder: BatchBuilder
  readonly ranking: Ranking
}

class TopNOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: TopNSettings
  /** By slot, best first. */
  private readonly best: (Ranked[] | undefined)[] = []
  /** By slot, the latest event time, ms; with a time to live only. */
  private readonly latest: number[] = []
  private readonly timers: TimerQueue
  private opened: Opened | undefined

  constructor(context: OperatorContext, settings: TopNSettings) {
    this.context = context
    this.settings = settings
    this.timers = new TimerQueue(context.kernel)
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const { timestamps } = batch
    const { rankField, ttlMs } = this.settings
    if (timestamps === undefined && ttlMs !== Number.POSITIVE_INFINITY) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.opened ?? this.open(batch.schema)
    const slots = opened.keys.code(batch)
    const reader = opened.reader.bind(batch)
    const origins: number[] = []
    const kinds: RowKind[] = []
    const put = ({ row, rank, kind }: RankedChange, origin: number): void => {
      opened.builder.append(rankField === undefined ? row : withRank(row, rankField, rank))
      origins.push(origin)
      kinds.push(kind)
      if (kinds.length >= OUTPUT_ROWS) this.emit(opened, batch, origins.splice(0), kinds.splice(0))
    }
    for (let row = 0; row < slots.length; row++) {
      const watermark = batch.watermarks?.[row] ?? Number.NEGATIVE_INFINITY
      if (watermark >= this.timers.next) this.forget(opened.keys, watermark)
      const slot = slots[row] as number
      const best = opened.keys.isHeld(slot) ? (this.best[slot] ?? []) : []
      const value = this.valueOf(reader.at(row) as Readonly<Record<string, unknown>>, batch, row)
      for (const change of opened.ranking.insert(best, value, () => reader.materialize() as object)) {
        put(change, row)
      }
      this.keep(opened.keys, slot, best, timestamps?.[row] ?? 0, watermark)
    }
    this.emit(opened, batch, origins, kinds)
  }

  onWatermark(timestamp: number): undefined {
    if (this.opened !== undefined) this.forget(this.opened.keys, timestamp)
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
      if (this.expires) writer.text(JSON.stringify(Array.from(slots, slot => this.latest[slot] ?? 0)))
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
          if (!this.expires) return
          const latest = JSON.parse(reader.text()) as number[]
          for (const [place, slot] of slots.entries()) {
            this.latest[slot] = latest[place] ?? 0
            this.timers.register(this.endOf(slot), slot)
          }
        })
      }
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return { keys: this.opened?.keys.count ?? 0 }
  }

  close(): void {
    this.timers.destroy()
    this.opened?.keys.close()
  }

  private get expires(): boolean {
    return this.settings.ttlMs !== Number.POSITIVE_INFINITY
  }

  private valueOf(view: Readonly<Record<string, unknown>>, { timestamps }: Batch, row: number): unknown {
    const { by } = this.settings
    if (typeof by === 'object') return view[by.field]
    return by === 'arrival' ? 0 : timestamps?.[row]
  }

  /** The key of a row that comes when it should be forgotten already is not kept. */
  private keep(keys: KeySlots, slot: number, best: Ranked[], timestamp: number, watermark: number): void {
    if (!this.expires) {
      keys.hold(slot)
      this.best[slot] = best
      return
    }
    const isNew = !keys.isHeld(slot)
    const latest = isNew ? timestamp : Math.max(this.latest[slot] ?? timestamp, timestamp)
    if (isNew && latest + this.settings.ttlMs <= watermark) return
    keys.hold(slot)
    this.best[slot] = best
    this.latest[slot] = latest
    if (isNew) this.timers.register(this.endOf(slot), slot)
  }

  private endOf(slot: number): number {
    return Math.min((this.latest[slot] ?? 0) + this.settings.ttlMs, LAST_TIME)
  }

  /** A timer stands for the first record of a key; where later ones came, it goes on to the end of the last. */
  private forget(keys: KeySlots, watermark: number): void {
    while (this.timers.poll(watermark)) {
      const { slot, time } = this.timers
      const end = this.endOf(slot)
      if (end > time) {
        this.timers.register(end, slot)
        continue
      }
      this.best[slot] = undefined
      keys.release(slot)
    }
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
    const { keys, by, order, rankField, ...ranking } = this.settings
    const type = typeof by === 'object' ? schema.field(by.field).type : 'f64'
    if (typeof by === 'object' && !isRankable(type)) {
      throw new SabotError('TYPE_MISMATCH', `topN() ranks by ${by.field}, whose values have no order`, by)
    }
    const fields = keyFields(schema, keys)
    this.opened = {
      schema,
      keys: new KeySlots(this.context.kernel, fields, this.context.keyGroups),
      reader: new RowReader(schema),
      builder: new BatchBuilder(rankedSchema(schema, rankField)),
      ranking: new Ranking({ ...ranking, showsRank: rankField !== undefined }, comparison(type, order)),
    }
    return this.opened
  }
}

export function isRankable(type: ColumnType): boolean {
  return typeof type === 'object' ? type.kind === 'decimal' : type !== 'object'
}

function withRank(row: object, field: string, rank: number): object {
  const ranked = { ...row }
  defineField(ranked as Record<string, unknown>, field, rank)
  return ranked
}

/** The end of time, ms. */
const LAST_TIME = 8.64e15

/** Rows that one batch has at most. */
const OUTPUT_ROWS = 8192
