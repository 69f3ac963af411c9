import { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { Int32Column } from '../../core/columns-fixed.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { INSERT, type RowKind } from '../../core/row-kind.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import type { ColumnType } from '../../core/types.js'
import { TimerQueue } from '../../kernel/timers.js'
import { RowStore } from '../joins/row-store.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { orderValues } from '../order-values.js'
import { decodeValue, encodeValue } from '../process/state-json.js'
import { marksAt } from '../row-marks.js'
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
  readonly store: RowStore
  readonly ranking: Ranking
}

/** What a batch changes, in order. */
interface Changes {
  readonly rows: number[]
  readonly ranks: number[]
  readonly kinds: RowKind[]
  /** The row of the batch that brought each about. */
  readonly origins: number[]
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
  private outputSchema: Schema | undefined

  constructor(context: OperatorContext, settings: TopNSettings) {
    this.context = context
    this.settings = settings
    this.timers = new TimerQueue(context.kernel)
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const { timestamps } = batch
    if (timestamps === undefined && this.expires) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.opened ?? this.open(batch.schema)
    const { keys, store, ranking } = opened
    const slots = keys.code(batch)
    const rankOf = this.ranksOf(batch)
    const rows = store.take(slots.length)
    const changes: Changes = { rows: [], ranks: [], kinds: [], origins: [] }
    const taken: number[] = []
    const gone: number[] = []
    for (let at = 0; at < slots.length; at++) {
      const watermark = batch.watermarks?.[at] ?? Number.NEGATIVE_INFINITY
      if (watermark >= this.timers.next) this.forget(keys, watermark, gone)
      const slot = slots[at] as number
      const row = rows[at] as number
      const best = keys.isHeld(slot) ? (this.best[slot] ?? []) : []
      const changed = ranking.insert(best, rankOf(at), row, gone)
      if (changed.length > 0) taken.push(at)
      else gone.push(row)
      for (let index = 0; index < changed.length; index++) noteChange(changes, changed[index] as RankedChange, at)
      this.keep(keys, slot, best, timestamps?.[at] ?? 0, watermark, gone)
    }
    if (taken.length === rows.length) store.write(batch, rows)
    else if (taken.length > 0) {
      const kept = Uint32Array.from(taken)
      const places = kept.map(at => rows[at] as number)
      store.write(batch.select(kept).compact(), places)
    }
    this.emit(opened, batch, changes)
    store.release(Uint32Array.from(gone))
  }

  onWatermark(timestamp: number): undefined {
    if (this.opened !== undefined) {
      const gone: number[] = []
      this.forget(this.opened.keys, timestamp, gone)
      this.opened.store.release(Uint32Array.from(gone))
    }
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
    const { keys, store } = opened
    const bytes = keys.snapshot(({ slots }, writer) => {
      const lists = Array.from(slots, slot => this.best[slot] ?? [])
      const reader = new RowReader(store.schema)
      reader.bind(store.batch(Uint32Array.from(lists.flat(), ({ row }) => row)))
      let at = 0
      const kept = lists.map(list =>
        list.map(({ rank }) => {
          reader.at(at++)
          return [encodeValue(reader.materialize()), encodeValue(rank)]
        }),
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
          const rows = restoredRows(
            opened.store,
            kept.flatMap(list => list.map(([row]) => decodeValue(row) as object)),
          )
          let at = 0
          for (const [place, slot] of slots.entries()) {
            this.best[slot] = (kept[place] ?? []).map(([, rank]): Ranked => {
              return { row: rows[at++] ?? 0, rank: decodeValue(rank) }
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
    return { keys: this.opened?.keys.count ?? 0, rows: this.opened?.store.length ?? 0 }
  }

  close(): void {
    this.timers.destroy()
    this.opened?.keys.close()
  }

  private get expires(): boolean {
    return this.settings.ttlMs !== Number.POSITIVE_INFINITY
  }

  /** What ranks the rows of a batch. */
  private ranksOf(batch: Batch): (row: number) => unknown {
    const { by } = this.settings
    const { timestamps } = batch
    if (typeof by === 'object') return orderValues(batch.column(by.field))
    return by === 'arrival' || timestamps === undefined ? () => 0 : row => timestamps[row]
  }

  /** The key of a row that comes when it should be forgotten already is not kept. */
  private keep(
    keys: KeySlots,
    slot: number,
    best: Ranked[],
    timestamp: number,
    watermark: number,
    gone: number[],
  ): void {
    if (!this.expires) {
      keys.hold(slot)
      this.best[slot] = best
      return
    }
    const isNew = !keys.isHeld(slot)
    const latest = isNew ? timestamp : Math.max(this.latest[slot] ?? timestamp, timestamp)
    if (isNew && latest + this.settings.ttlMs <= watermark) {
      for (const { row } of best) gone.push(row)
      return
    }
    keys.hold(slot)
    this.best[slot] = best
    this.latest[slot] = latest
    if (isNew) this.timers.register(this.endOf(slot), slot)
  }

  private endOf(slot: number): number {
    return Math.min((this.latest[slot] ?? 0) + this.settings.ttlMs, LAST_TIME)
  }

  /** A timer stands for the first record of a key; where later ones came, it goes on to the end of the last. */
  private forget(keys: KeySlots, watermark: number, gone: number[]): void {
    while (this.timers.poll(watermark)) {
      const { slot, time } = this.timers
      const end = this.endOf(slot)
      if (end > time) {
        this.timers.register(end, slot)
        continue
      }
      for (const { row } of this.best[slot] ?? []) gone.push(row)
      this.best[slot] = undefined
      keys.release(slot)
    }
  }

  /** Rows carry the times of the record that brought them about. */
  private emit({ schema, store }: Opened, batch: Batch, { rows, ranks, kinds, origins }: Changes): void {
    const { rankField } = this.settings
    this.outputSchema ??= rankedSchema(schema, rankField)
    for (let from = 0; from < rows.length; from += OUTPUT_ROWS) {
      const to = from + OUTPUT_ROWS
      const { columns, rowCount } = store.batch(Uint32Array.from(rows.slice(from, to)))
      const rowKinds = Uint8Array.from(kinds.slice(from, to))
      const { timestamps, watermarks } = marksAt(batch, Uint32Array.from(origins.slice(from, to)))
      const shown = rankField === undefined ? [] : [new Int32Column(Int32Array.from(ranks.slice(from, to)))]
      this.context.output.batch(
        new Batch({
          ...{ schema: this.outputSchema, columns: [...columns, ...shown], rowCount, timestamps, watermarks },
          kinds: rowKinds.every(kind => kind === INSERT) ? undefined : rowKinds,
        }),
      )
    }
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
      store: new RowStore(schema.fields),
      ranking: new Ranking({ ...ranking, showsRank: rankField !== undefined }, comparison(type, order)),
    }
    return this.opened
  }
}

export function isRankable(type: ColumnType): boolean {
  return typeof type === 'object' ? type.kind === 'decimal' : type !== 'object'
}

function noteChange(changes: Changes, { row, rank, kind }: RankedChange, origin: number): void {
  changes.rows.push(row)
  changes.ranks.push(rank)
  changes.kinds.push(kind)
  changes.origins.push(origin)
}

/** Puts rows of a snapshot into the store: where they are, in their order. */
function restoredRows(store: RowStore, rows: readonly object[]): number[] {
  return [...BatchBuilder.batches(store.schema, rows)].flatMap(batch => [...store.add(batch)])
}

/** The end of time, ms. */
const LAST_TIME = 8.64e15

/** Rows that one batch has at most. */
const OUTPUT_ROWS = 8192
