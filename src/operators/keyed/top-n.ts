import { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { Int32Column } from '../../core/columns-fixed.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { INSERT } from '../../core/row-kind.js'
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
import { RankedChanges } from './ranked-changes.js'
import { Ranking, type RankValues, type Ties } from './ranking.js'
import { RowLists } from './row-lists.js'

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

class TopNOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: TopNSettings
  /** By slot, rows of the store, best first. */
  private readonly best: RowLists
  /** By row of the store, what ranks it. */
  private readonly rankValues: RankValues = []
  private readonly changes = new RankedChanges()
  /** By slot, the latest event time, ms; with a time to live only. */
  private readonly latest: number[] = []
  private readonly timers: TimerQueue
  private opened: Opened | undefined
  private outputSchema: Schema | undefined

  constructor(context: OperatorContext, settings: TopNSettings) {
    this.context = context
    this.settings = settings
    this.best = new RowLists(settings.n)
    this.timers = new TimerQueue(context.kernel)
  }

  onBatch(batch: Batch): undefined {
    const { timestamps, watermarks, selection } = batch
    if (timestamps === undefined && this.expires) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    const opened = this.opened ?? this.open(batch.schema)
    const { keys, store, ranking } = opened
    const slots = keys.code(batch)
    const rankOf = this.ranksOf(batch)
    const { changes, rankValues } = this
    const rows = store.take(slots.length)
    const taken = new Uint32Array(slots.length)
    let count = 0
    for (let at = 0; at < slots.length; at++) {
      const physicalRow = selection === undefined ? at : (selection[at] as number)
      const watermark = watermarks?.[physicalRow] ?? Number.NEGATIVE_INFINITY
      if (watermark >= this.timers.next) this.forget(keys, watermark)
      const slot = slots[at] as number
      const best = this.best.read(slot)
      const value = rankOf(physicalRow)
      const place = ranking.placeOf(best, value)
      if (place >= 0) {
        const row = rows[count] as number
        taken[count++] = at
        rankValues[row] = value
        changes.origin = physicalRow
        ranking.insert(best, place, row, changes)
      }
      if (this.holdKey(keys, slot, timestamps?.[physicalRow] ?? 0, watermark)) {
        if (place >= 0) this.best.write(slot, best)
      } else for (const row of best) changes.leave(row)
    }
    store.giveBack(rows.subarray(count))
    if (count === rows.length) store.write(batch, rows)
    else if (count > 0) store.write(batch.select(taken.slice(0, count)), rows.subarray(0, count))
    this.emit(opened, batch)
    this.letGo(store)
  }

  onWatermark(timestamp: number): undefined {
    if (this.opened !== undefined) {
      this.forget(this.opened.keys, timestamp)
      this.letGo(this.opened.store)
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
      const lists = Array.from(slots, slot => [...this.best.read(slot)])
      const reader = new RowReader(store.schema)
      reader.bind(store.batch(Uint32Array.from(lists.flat())))
      let at = 0
      const kept = lists.map(list =>
        list.map(row => {
          reader.at(at++)
          return [encodeValue(reader.materialize()), encodeValue(this.rankValues[row])]
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
            const best = (kept[place] ?? []).map(([, rank]) => {
              const row = rows[at++] ?? 0
              this.rankValues[row] = decodeValue(rank)
              return row
            })
            this.best.write(slot, best)
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

  /** Holds the key of a row; false where the row comes when the key should be forgotten already. */
  private holdKey(keys: KeySlots, slot: number, timestamp: number, watermark: number): boolean {
    if (!this.expires) {
      keys.hold(slot)
      return true
    }
    const isNew = !keys.isHeld(slot)
    const latest = isNew ? timestamp : Math.max(this.latest[slot] ?? timestamp, timestamp)
    if (isNew && latest + this.settings.ttlMs <= watermark) return false
    keys.hold(slot)
    this.latest[slot] = latest
    if (isNew) this.timers.register(this.endOf(slot), slot)
    return true
  }

  private endOf(slot: number): number {
    return Math.min((this.latest[slot] ?? 0) + this.settings.ttlMs, LAST_TIME)
  }

  /** A timer stands for the first record of a key; where later ones came, it goes on to the end of the last. */
  private forget(keys: KeySlots, watermark: number): void {
    const { timers } = this
    const waiting: number[] = []
    while (timers.poll(watermark)) {
      const { slot } = timers
      if (this.endOf(slot) > watermark) {
        waiting.push(slot)
        continue
      }
      for (const row of this.best.read(slot)) this.changes.leave(row)
      this.best.clear(slot)
      keys.release(slot)
    }
    // Behind the others: the queue hands out what is due at once as long as nothing is registered in between.
    for (const slot of waiting) timers.register(this.endOf(slot), slot)
  }

  /** Of what left, nothing stays; nor of rows beyond all that the store has. */
  private letGo(store: RowStore): void {
    store.release(this.changes.left)
    this.changes.clear()
    if (this.rankValues.length > store.limit) this.rankValues.length = store.limit
  }

  /** Rows carry the times of the record that brought them about. */
  private emit({ schema, store }: Opened, batch: Batch): void {
    const { rankField } = this.settings
    const { length } = this.changes
    this.outputSchema ??= rankedSchema(schema, rankField)
    for (let from = 0; from < length; from += OUTPUT_ROWS) {
      const { rows, ranks, origins, kinds } = this.changes.slice(from, Math.min(length, from + OUTPUT_ROWS))
      const { columns, rowCount } = store.batch(rows)
      const { timestamps, watermarks } = marksAt(batch, origins)
      const shown = rankField === undefined ? [] : [new Int32Column(ranks)]
      this.context.output.batch(
        new Batch({
          ...{ schema: this.outputSchema, columns: [...columns, ...shown], rowCount, timestamps, watermarks },
          kinds: kinds.every(kind => kind === INSERT) ? undefined : kinds,
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
      ranking: new Ranking(
        { ...ranking, showsRank: rankField !== undefined },
        comparison(type, order),
        this.rankValues,
      ),
    }
    return this.opened
  }
}

export function isRankable(type: ColumnType): boolean {
  return typeof type === 'object' ? type.kind === 'decimal' : type !== 'object'
}

/** Puts rows of a snapshot into the store: where they are, in their order. */
function restoredRows(store: RowStore, rows: readonly object[]): number[] {
  return [...BatchBuilder.batches(store.schema, rows)].flatMap(batch => [...store.add(batch)])
}

/** The end of time, ms. */
const LAST_TIME = 8.64e15

/** Rows that one batch has at most. */
const OUTPUT_ROWS = 8192
