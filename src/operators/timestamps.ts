import { Batch, type WatermarkMovers } from '../core/batch.js'
import { END_OF_INPUT } from '../core/element.js'
import { describeValue, SabotError } from '../core/errors.js'
import { addCounters, countersMember, type Json, memberOf, numberMember } from '../core/json.js'
import { RowReader } from '../core/row-view.js'
import { AssignedTimes, type TimestampValues } from '../kernel/time.js'
import type {
  Operator,
  OperatorContext,
  OperatorFactory,
  OperatorState,
  SplitAlignment,
  SplitProgress,
} from './operator.js'
import { checkedJson } from './time/checked-json.js'
import { DEAD_LETTER_OUTPUT, deadLetters } from './time/dead-letters.js'
import { LentTimes, TimesRoom } from './time/lent-times.js'
import { type RowTimes, RowWatermarks, type SetAside } from './time/row-watermarks.js'
import { type SplitTime, splitTimeFromJson, splitTimeToJson } from './time/split-time.js'
import { SplitWatermarks } from './time/split-watermarks.js'
import { computedTimes, fieldTimes, sourceTimes, type TimestampOrigin } from './time/timestamp-values.js'
import type { MaxAhead, WatermarkStrategy } from './time/watermark-strategy.js'

export type InvalidTimestamps = 'fail' | 'skip' | 'deadLetter'

export interface TimestampSettings {
  readonly timestamp: TimestampOrigin
  readonly watermarks: WatermarkStrategy<unknown>
  /** What becomes of records without a valid timestamp. */
  readonly invalid: InvalidTimestamps
  /** undefined: any timestamp is taken. */
  readonly maxAhead: MaxAhead | undefined
  /** undefined: no split waits for another. */
  readonly alignment?: { readonly group: string; readonly maxDriftMs: number } | undefined
}

/**
 * Assigns event time, and puts to each row the watermark in force before it. There is one watermark for each split of
 * the source; that of the stream is the minimum over the splits that are not idle.
 */
export function timestampsOperator(settings: TimestampSettings): OperatorFactory {
  return context => new TimestampsOperator(context, settings)
}

class TimestampsOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  readonly alignment: SplitAlignment | undefined
  private readonly context: OperatorContext
  private readonly settings: TimestampSettings
  private readonly rowWatermarks: RowWatermarks
  private readonly coalesced: SplitWatermarks
  private readonly rooms = { timestamps: new TimesRoom(), watermarks: new TimesRoom() }
  private reader: RowReader | undefined
  private rows = 0
  /** The last ingestion time, which does not go back though clocks may, ms. */
  private ingestedAtMs = Number.NEGATIVE_INFINITY

  constructor(context: OperatorContext, settings: TimestampSettings) {
    this.context = context
    this.settings = settings
    this.rowWatermarks = new RowWatermarks(context.id, context.kernel, settings.watermarks)
    this.coalesced = new SplitWatermarks(context.kernel, () => this.rowWatermarks.initialState())
    const { alignment } = settings
    this.alignment = alignment && { ...alignment, watermarkOf: split => this.coalesced.watermarkOf(split) }
    this.wakePeriodically()
  }

  get columnUse(): 'handed-on' | undefined {
    const { timestamp, watermarks } = this.settings
    return typeof timestamp === 'function' || watermarks.kind === 'custom' ? undefined : 'handed-on'
  }

  get watermark(): number {
    return this.coalesced.current
  }

  get splits(): readonly SplitProgress[] {
    return Array.from(this.coalesced.all, ({ split, watermark, movedAtMs, isIdle }) => {
      return { split, watermark, movedAtMs, isIdle }
    })
  }

  onBatch(input: Batch): undefined {
    const batch = input.compact()
    const split = this.coalesced.active(batch.split)
    const before = this.coalesced.current
    const { aside, times } = this.rowWatermarks.assign(split, batch, this.times(batch), this.limitOf(split))
    const movers = this.coalesced.movers(split)
    const timed = this.timed(batch, split, times, movers)
    this.context.output.batch(aside.length === 0 ? timed : this.withoutAside(timed, aside))
    this.rows += batch.rowCount
    this.coalesced.moved(split, this.context.processingTime.now(), before)
    this.coalesced.emit(this.context.output)
  }

  /** Event time begins here: of what comes from before, only the end of input counts. */
  onWatermark(timestamp: number): undefined {
    if (timestamp !== END_OF_INPUT) return
    // The watermark of an idle input would be ignored.
    if (this.coalesced.isIdle) this.context.output.active()
    this.context.output.watermark(timestamp)
  }

  onIdle(_input: number, split: number | undefined): undefined {
    this.coalesced.idle(split)
    this.coalesced.emit(this.context.output)
  }

  onActive(_input: number, split: number | undefined): undefined {
    this.coalesced.active(split)
    this.coalesced.emit(this.context.output)
  }

  onProcessingTime(now: number): undefined {
    for (const split of this.coalesced.all) {
      if (this.rowWatermarks.periodic(split, now)) this.coalesced.moved(split, now, this.coalesced.current)
    }
    this.coalesced.emit(this.context.output)
    this.wakePeriodically()
  }

  snapshot(): OperatorState {
    const { context, ingestedAtMs } = this
    const splits = Array.from(this.coalesced.all, split => {
      return splitTimeToJson({ ...split, state: checkedJson(context.id, split.state) })
    })
    const state = {
      rows: this.rows,
      dropped: { ...this.dropped },
      ingestedAtMs: Number.isFinite(ingestedAtMs) ? ingestedAtMs : null,
      mover: this.coalesced.lastMover,
      splits,
    }
    return { state, parts: [this.coalesced.snapshot()] }
  }

  restore(states: readonly OperatorState[]): void {
    const [only] = states
    if (states.length === 1 && only !== undefined) this.coalesced.restore(splitsOf(only.state), only)
    else this.coalesced.restoreKnown(states.flatMap(({ state }) => splitsOf(state)))
    this.ingestedAtMs = Math.max(...states.map(({ state }) => numberMember(state, 'ingestedAtMs', -Infinity)))
    if (this.context.keyGroups.start > 0) return
    for (const { state } of states) {
      this.rows += numberMember(state, 'rows', 0)
      addCounters(this.dropped, countersMember(state, 'dropped'))
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return {}
  }

  close(): void {
    this.rowWatermarks.close()
    this.coalesced.close()
  }

  /** The batch with its times, which stay in the kernel where nobody has to look at them here. */
  private timed(
    { schema, columns, rowCount, kinds }: Batch,
    split: SplitTime,
    times: RowTimes,
    movers: WatermarkMovers | undefined,
  ): Batch {
    const { coalesced, rooms } = this
    if (times instanceof AssignedTimes && coalesced.isSingle) {
      return new Batch({ schema, columns, rowCount, kinds, movers, times: new LentTimes(times, rooms) })
    }
    const timestamps = rooms.timestamps.copy(times.timestamps)
    const watermarks = rooms.watermarks.copy(coalesced.ofRows(split, times.watermarks))
    return new Batch({ schema, columns, rowCount, kinds, movers, timestamps, watermarks })
  }

  private wakePeriodically(): void {
    const { watermarks } = this.settings
    if (watermarks.kind !== 'custom' || watermarks.onPeriodic === undefined) return
    const { processingTime } = this.context
    processingTime.wakeAt(processingTime.now() + watermarks.everyMs)
  }

  private times(batch: Batch): TimestampValues {
    const { id } = this.context
    const { timestamp } = this.settings
    if (typeof timestamp === 'string') return fieldTimes(id, batch, timestamp)
    if (typeof timestamp === 'function') {
      this.reader ??= new RowReader(batch.schema)
      return computedTimes(id, batch, this.reader.bind(batch), timestamp)
    }
    if (timestamp.kind === 'source-time') return sourceTimes(id, batch)
    this.ingestedAtMs = Math.max(this.ingestedAtMs, this.context.processingTime.now())
    return { values: new Float64Array(batch.rowCount).fill(this.ingestedAtMs) }
  }

  /** Timestamps above are too far ahead. */
  private limitOf(split: SplitTime): number {
    const { maxAhead } = this.settings
    if (maxAhead === undefined) return Number.POSITIVE_INFINITY
    if (maxAhead.of === 'processing-time') return this.context.processingTime.now() + maxAhead.byMs
    const highest = this.coalesced.highestOfOthers(split)
    return highest > Number.NEGATIVE_INFINITY ? highest + maxAhead.byMs : Number.POSITIVE_INFINITY
  }

  /** The rows whose timestamp is good. The others fail the job, are counted, or go to the dead letters. */
  private withoutAside(batch: Batch, aside: readonly SetAside[]): Batch {
    const { invalid } = this.settings
    const isFarAhead = ({ problem }: SetAside): boolean => problem === 'too far ahead'
    const first = aside.find(row => !isFarAhead(row))
    if (invalid === 'fail' && first !== undefined) throw this.invalid(batch, first)
    for (const row of aside) {
      const reason = isFarAhead(row) ? 'too-far-ahead' : `invalid-timestamp: ${row.problem}`
      this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
    }
    const letters = aside.filter(row => invalid === 'deadLetter' || isFarAhead(row))
    if (letters.length > 0) this.context.output.side(DEAD_LETTER_OUTPUT, deadLetters(batch, letters))
    const kept = new Uint32Array(batch.rowCount - aside.length)
    let next = 0
    let count = 0
    for (let row = 0; row < batch.rowCount; row++) {
      if (row === aside[next]?.row) next += 1
      else kept[count++] = row
    }
    return batch.with({ selection: kept })
  }

  private invalid(batch: Batch, { row, problem }: SetAside): SabotError {
    const { id } = this.context
    const { timestamp } = this.settings
    const field = typeof timestamp === 'string' ? timestamp : undefined
    const value = field === undefined ? undefined : batch.column(field).value(row)
    const origin = typeof timestamp === 'object' ? 'the source' : 'the function of the row'
    return new SabotError(
      'INVALID_TIMESTAMP',
      `Operator ${id}: record ${this.rows + row} has no valid event time: ${field ?? origin} ` +
        `${field === undefined ? 'gave' : 'is'} ${field === undefined ? problem : describeValue(value)} (${problem}). Times ` +
        "are ms since the epoch within ±8.64e15. To go on without such records use invalid: 'skip' or 'deadLetter'",
      { operator: id, field, value, position: this.rows + row, record: batch.row(row) },
    )
  }
}

function splitsOf(state: Json): SplitTime[] {
  const splits = memberOf(state, 'splits')
  return Array.isArray(splits) ? splits.map((split: Json, slot) => splitTimeFromJson(split, slot)) : []
}
