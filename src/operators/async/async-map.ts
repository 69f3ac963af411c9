import type { Batch } from '../../core/batch.js'
import { BatchBuilder } from '../../core/batch-builder.js'
import { NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { addCounters, countersMember, type Json, memberOf } from '../../core/json.js'
import { RowReader } from '../../core/row-view.js'
import { Schema } from '../../core/schema.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { DEAD_LETTER_OUTPUT, deadLetterSchema } from '../time/dead-letters.js'
import { isThenable, userFunctionFailed, wrongResult } from '../user-function.js'
import type { AsyncMapSettings } from './async-settings.js'
import { Entry, InFlight } from './in-flight.js'

/** Rows that one batch of results has at most. */
const OUTPUT_ROWS = 8192

/**
 * One record for each row by a function that answers later, such as a request to a service. Records in flight are part
 * of a snapshot and are sent again after a recovery, so the function may be called more than once for a record.
 */
export function asyncMapOperator(settings: AsyncMapSettings): OperatorFactory {
  return context => new AsyncMapOperator(context, settings)
}

class AsyncMapOperator implements Operator {
  readonly dropped: Record<string, number> = {}
  private readonly context: OperatorContext
  private readonly settings: AsyncMapSettings
  private readonly inFlight: InFlight
  /** Records that wait for a place; the first `next` of them have been sent. */
  private waiting: Entry[] = []
  private next = 0
  /** A watermark that goes on when what waits has been sent; -Infinity: none. It is there after a restore only. */
  private heldBack = NO_WATERMARK
  private reader: RowReader | undefined
  private inputSchema: Schema | undefined
  private isTimed = false
  private failure: SabotError | undefined
  private isClosed = false

  constructor(context: OperatorContext, settings: AsyncMapSettings) {
    this.context = context
    this.settings = settings
    this.inFlight = new InFlight(settings.isOrdered)
  }

  get isFull(): boolean {
    return this.next < this.waiting.length
  }

  get isPending(): boolean {
    return this.isFull || !this.inFlight.isEmpty
  }

  *onBatch(batch: Batch): Generator<void, void, void> {
    const { timestamps, watermarks, schema } = batch
    this.inputSchema = schema
    this.isTimed = timestamps !== undefined
    this.reader ??= new RowReader(schema)
    const reader = this.reader.bind(batch)
    batch.forEachRow(row => {
      reader.at(row)
      const timestamp = timestamps?.[row] ?? Number.NaN
      this.waiting.push(new Entry(reader.materialize() as object, timestamp, watermarks?.[row] ?? Number.NaN))
    })
    yield* this.onWake()
  }

  *onWatermark(timestamp: number): Generator<void, void, void> {
    this.inFlight.addWatermark(timestamp)
    yield* this.onWake()
  }

  *onProcessingTime(now: number): Generator<void, void, void> {
    for (const entry of this.inFlight.all()) {
      if (entry.state === 'done') continue
      if (entry.deadline <= now) {
        const waited = `no answer within ${this.settings.timeoutMs} ms`
        this.fail(entry, new SabotError('ASYNC_TIMEOUT', waited, { timeoutMs: this.settings.timeoutMs }))
      } else if (entry.state === 'paused' && entry.resumeAt <= now) {
        this.call(entry)
      }
    }
    yield* this.onWake()
  }

  /** Sends what has a place, and puts out what has come. */
  *onWake(): Generator<void, void, void> {
    do {
      this.send()
      yield* this.putOut()
      // A result that comes at once leaves a place.
    } while (this.isFull && this.inFlight.size < this.settings.capacity)
  }

  snapshot(): OperatorState {
    const { inFlight, waiting, next, inputSchema } = this
    const rest = new InFlight(true)
    for (const entry of waiting.slice(next)) rest.add(entry)
    if (this.heldBack > NO_WATERMARK) rest.addWatermark(this.heldBack)
    const { start, end } = this.context.keyGroups
    const state: Json = {
      dropped: { ...this.dropped },
      // Tells whether a state that comes back alone is this subtask's own.
      keyGroups: [start, end],
      isTimed: this.isTimed,
      schema: inputSchema === undefined ? null : (JSON.parse(JSON.stringify(inputSchema)) as Json),
      inFlight: inFlight.snapshot(),
      waiting: rest.snapshot(),
    }
    return { state, parts: [] }
  }

  restore(states: readonly OperatorState[]): void {
    const [only] = states
    const isOwn = states.length === 1 && only !== undefined && this.isOwn(only.state)
    // What is in flight belongs to no key: that of former subtasks goes to the one that has key group 0.
    if (!isOwn && this.context.keyGroups.start !== 0) return
    for (const { state } of states) {
      addCounters(this.dropped, countersMember(state, 'dropped'))
      const schema = memberOf(state, 'schema')
      if (schema !== undefined && schema !== null) this.inputSchema = Schema.fromJSON(schema)
      this.isTimed = memberOf(state, 'isTimed') === true
      const rest = new InFlight(true)
      if (isOwn) this.inFlight.restore(memberOf(state, 'inFlight'))
      else rest.restore(memberOf(state, 'inFlight'))
      rest.restore(memberOf(state, 'waiting'))
      this.waiting.push(...rest.all())
      this.heldBack = Math.max(this.heldBack, rest.lastWatermark)
    }
    // Rows of several subtasks: none comes behind one that carries a later watermark.
    if (states.length > 1)
      this.waiting.sort((a, b) => (a.watermark < b.watermark ? -1 : a.watermark > b.watermark ? 1 : 0))
    for (const entry of this.inFlight.all()) this.call(entry)
    this.context.wake()
  }

  /** Whether a state was taken by a subtask with the same key groups; older ones do not say. */
  private isOwn(state: Json): boolean {
    const groups = memberOf(state, 'keyGroups')
    const { start, end } = this.context.keyGroups
    return !Array.isArray(groups) || (groups[0] === start && groups[1] === end)
  }

  gauges(): Readonly<Record<string, number>> {
    return { inFlight: this.inFlight.size }
  }

  close(): void {
    this.isClosed = true
  }

  // ---- calls --------------------------------------------------------------------------------------------------------

  private send(): void {
    const { capacity } = this.settings
    while (this.next < this.waiting.length && this.inFlight.size < capacity) {
      const entry = this.waiting[this.next++] as Entry
      this.inFlight.add(entry)
      this.call(entry)
    }
    if (this.next < this.waiting.length) return
    this.waiting = []
    this.next = 0
    if (this.heldBack === NO_WATERMARK) return
    this.inFlight.addWatermark(this.heldBack)
    this.heldBack = NO_WATERMARK
  }

  private call(entry: Entry): void {
    const { processingTime } = this.context
    const { timeoutMs } = this.settings
    entry.state = 'out'
    entry.attempt += 1
    if (entry.deadline === Number.POSITIVE_INFINITY && timeoutMs !== Number.POSITIVE_INFINITY) {
      entry.deadline = processingTime.now() + timeoutMs
      processingTime.wakeAt(entry.deadline)
    }
    const { attempt } = entry
    const isAwaited = (): boolean => !this.isClosed && entry.state === 'out' && entry.attempt === attempt
    const answered = (result: unknown): void => {
      if (!isAwaited()) return
      this.answer(entry, result)
      this.context.wake()
    }
    const failed = (cause: unknown): void => {
      if (!isAwaited()) return
      this.retry(entry, cause)
      this.context.wake()
    }
    let promise: unknown
    try {
      promise = this.settings.call(entry.row, attempt)
    } catch (cause) {
      this.retry(entry, cause)
      return
    }
    if (isThenable(promise)) (promise as PromiseLike<unknown>).then(answered, failed)
    else this.answer(entry, promise)
  }

  private answer(entry: Entry, result: unknown): void {
    if (typeof result !== 'object' || result === undefined) {
      this.failure = wrongResult(this.context.id, entry.row, result, 'an object, null, or a promise of one')
      return
    }
    entry.result = result ?? undefined
    this.inFlight.complete(entry)
  }

  private retry(entry: Entry, cause: unknown): void {
    const { retries, retryDelayMs } = this.settings
    if (entry.attempt > retries) {
      this.fail(entry, cause)
      return
    }
    entry.state = 'paused'
    entry.resumeAt = this.context.processingTime.now() + retryDelayMs * 2 ** (entry.attempt - 1)
    this.context.processingTime.wakeAt(entry.resumeAt)
  }

  private fail(entry: Entry, cause: unknown): void {
    const { errors } = this.settings
    if (errors === 'fail') {
      this.failure ??= userFunctionFailed(this.context.id, entry.row, cause)
      return
    }
    this.dropped.failed = (this.dropped.failed ?? 0) + 1
    entry.reason = cause instanceof Error ? cause.message : String(cause)
    this.inFlight.complete(entry)
  }

  // ---- results ------------------------------------------------------------------------------------------------------

  private *putOut(): Generator<void, void, void> {
    if (this.failure !== undefined) throw this.failure
    const { output } = this.context
    let ready: Entry[] = []
    for (const item of this.inFlight.drain()) {
      if (typeof item === 'number') {
        this.emit(ready)
        ready = []
        output.watermark(item)
        continue
      }
      if (item.reason !== undefined) this.deadLetter(item, item.reason)
      else if (item.result !== undefined) ready.push(item)
      if (ready.length < OUTPUT_ROWS) continue
      this.emit(ready)
      ready = []
      yield
    }
    this.emit(ready)
  }

  private emit(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    const builder = new BatchBuilder(this.settings.schema)
    for (const { result, row } of entries) {
      try {
        builder.append(result ?? {})
      } catch (cause) {
        throw userFunctionFailed(this.context.id, row, cause)
      }
    }
    this.context.output.batch(this.withTimes(builder.finish(), entries))
  }

  private deadLetter(entry: Entry, reason: string): void {
    if (this.inputSchema === undefined || this.settings.errors !== 'deadLetter') return
    const builder = new BatchBuilder(deadLetterSchema(this.inputSchema))
    builder.append({ ...entry.row, reason })
    this.context.output.side(DEAD_LETTER_OUTPUT, this.withTimes(builder.finish(), [entry]))
  }

  private withTimes(batch: Batch, entries: readonly Entry[]): Batch {
    if (!this.isTimed) return batch
    return batch.with({
      timestamps: Float64Array.from(entries, ({ timestamp }) => timestamp),
      watermarks: Float64Array.from(entries, ({ watermark }) => watermark),
    })
  }
}
