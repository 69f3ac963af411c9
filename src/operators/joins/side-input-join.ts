import type { Batch } from '../../core/batch.js'
import { END_OF_INPUT, NO_WATERMARK } from '../../core/element.js'
import { SabotError } from '../../core/errors.js'
import { type Json, memberOf } from '../../core/json.js'
import { type JoinSide, NO_ROW } from '../../kernel/interval-join.js'
import type { Operator, OperatorContext, OperatorFactory, OperatorState } from '../operator.js'
import { JoinProjection } from './join-projection.js'
import { JOIN_SIDES, JoinSides, type JoinSidesSettings } from './join-sides.js'
import { nullableSides } from './join-type.js'

export interface SideInputJoinSettings extends JoinSidesSettings {
  readonly type: 'inner' | 'left'
  /** Whether left rows have event time. */
  readonly isTimed: boolean
  /** Left rows that may wait at most. */
  readonly mostWaiting: number
}

/**
 * Pairs left rows with all rows of a side input (1: right) that ends. The rule: the side input is read to its end
 * first. Left rows that come before wait, in the order of arrival and with the watermarks that were in force before
 * them; when the side input has ended they are joined, and those that follow at once. Results do not depend on which
 * came first. Too many waiting rows are an error. The side's rows are kept for good.
 *
 * A result carries the left row's event time; the watermark is that of the left input alone.
 */
export function sideInputJoinOperator(settings: SideInputJoinSettings): OperatorFactory {
  return context => new SideInputJoinOperator(context, settings)
}

const OUTPUT_ROWS = 8192

class SideInputJoinOperator implements Operator {
  readonly dropped: Readonly<Record<string, number>> = {}
  private readonly context: OperatorContext
  private readonly settings: SideInputJoinSettings
  private readonly sides: JoinSides
  private readonly projection: JoinProjection
  /** Right rows by the id of their key, and left rows that wait. */
  private readonly rows = new Map<number, number[]>()
  private waiting: { readonly slot: number; readonly id: number }[] = []
  private isComplete = false
  private leftWatermark = NO_WATERMARK
  private leftIsIdle = false

  constructor(context: OperatorContext, settings: SideInputJoinSettings) {
    this.context = context
    this.settings = settings
    this.sides = new JoinSides(context.kernel, context.keyGroups.of, settings, { keepsWatermarks: true })
    this.projection = new JoinProjection(context.id, settings.select, nullableSides(settings.type))
  }

  onBatch(batch: Batch, input: number): Generator<void, void, void> {
    return input === 0 ? this.addLeft(batch.compact()) : this.addRight(batch.compact())
  }

  *onWatermark(timestamp: number, input: number): Generator<void, void, void> {
    if (input === 0) {
      this.leftWatermark = Math.max(this.leftWatermark, timestamp)
      if (this.isComplete) this.context.output.watermark(timestamp)
    } else if (timestamp === END_OF_INPUT && !this.isComplete) {
      this.isComplete = true
      yield* this.joinWaiting()
      if (this.leftWatermark > NO_WATERMARK) this.context.output.watermark(this.leftWatermark)
      if (this.leftIsIdle) this.context.output.idle()
    }
  }

  onIdle(input: number): undefined {
    if (input !== 0) return
    this.leftIsIdle = true
    if (this.isComplete) this.context.output.idle()
  }

  onActive(input: number): undefined {
    if (input !== 0) return
    this.leftIsIdle = false
    if (this.isComplete) this.context.output.active()
  }

  snapshot(): OperatorState {
    const { sides } = this
    const state: Json = {
      ...this.gauges(),
      isComplete: this.isComplete,
      leftIsIdle: this.leftIsIdle,
      // JSON has no infinities.
      leftWatermark: String(this.leftWatermark),
      schemas: sides.schemas(),
      projection: this.projection.snapshot(),
    }
    return { state, parts: [sides.snapshot({ left: sides.store('left').used(), right: sides.store('right').used() })] }
  }

  restore(states: readonly OperatorState[]): void {
    const watermarks: number[] = []
    for (const { state } of states) {
      this.sides.restoreSchemas(memberOf(state, 'schemas') ?? null)
      this.projection.restore(memberOf(state, 'projection') ?? null)
      this.isComplete = memberOf(state, 'isComplete') === true
      this.leftIsIdle = memberOf(state, 'leftIsIdle') === true
      watermarks.push(Number(memberOf(state, 'leftWatermark') ?? NO_WATERMARK))
    }
    this.leftWatermark = watermarks.length === 0 ? NO_WATERMARK : Math.min(...watermarks)
    const restored = this.sides.restore(states, this.context.keyGroups)
    for (const side of JOIN_SIDES) {
      const { slots, ids } = restored[side]
      this.keep(side, slots, ids)
    }
  }

  gauges(): Readonly<Record<string, number>> {
    return { waitingRows: this.waiting.length, rightRows: this.sides.store('right').length, keys: this.sides.keyCount }
  }

  close(): void {
    this.sides.close()
  }

  private addRight(batch: Batch): Generator<void, void, void> {
    this.keep('right', ...this.store('right', batch))
    return nothing()
  }

  private *addLeft(batch: Batch): Generator<void, void, void> {
    if (this.settings.isTimed && (batch.timestamps === undefined || batch.watermarks === undefined)) {
      throw new SabotError('NO_TIMESTAMPS', `Operator ${this.context.id} got rows without event time`)
    }
    this.leftWatermark = Math.max(this.leftWatermark, batch.watermarks?.at(-1) ?? NO_WATERMARK)
    this.keep('left', ...this.store('left', batch))
    if (this.isComplete) yield* this.joinWaiting()
    const { mostWaiting } = this.settings
    if (this.waiting.length <= mostWaiting) return
    throw new SabotError(
      'TOO_MANY_WAITING',
      `Operator ${this.context.id}: more than ${mostWaiting} rows wait for the side input, which has not ended; a side ` +
        'input must end, and be small beside the rows that it is for. Raise mostWaiting if it only takes longer',
      { operator: this.context.id, mostWaiting },
    )
  }

  private store(side: JoinSide, batch: Batch): [slots: Uint32Array, ids: Uint32Array] {
    const { sides } = this
    if (sides.keyCount > 0) sides.coder.index.settle()
    const ids = sides.code(side, batch).slice()
    return [sides.store(side).add(batch), ids]
  }

  private keep(side: JoinSide, slots: Uint32Array, ids: Uint32Array): void {
    for (const [at, slot] of slots.entries()) {
      const id = ids[at] ?? 0
      this.sides.coder.index.retain(id)
      if (side === 'left') {
        this.waiting.push({ slot, id })
        continue
      }
      const rows = this.rows.get(id)
      if (rows === undefined) this.rows.set(id, [slot])
      else rows.push(slot)
    }
  }

  private *joinWaiting(): Generator<void, void, void> {
    const left: number[] = []
    const right: number[] = []
    const { waiting } = this
    this.waiting = []
    for (const { slot, id } of waiting) {
      for (const partner of this.rows.get(id) ?? (this.settings.type === 'left' ? ALONE : [])) {
        left.push(slot)
        right.push(partner)
        if (left.length < OUTPUT_ROWS) continue
        this.emit(left.splice(0), right.splice(0))
        yield
      }
    }
    if (left.length > 0) this.emit(left, right)
    this.sides.store('left').release(Uint32Array.from(waiting, ({ slot }) => slot))
    for (const { id } of waiting) this.sides.coder.index.drop(id)
  }

  private emit(left: readonly number[], right: readonly number[]): void {
    const { sides } = this
    const { type, isTimed } = this.settings
    const slots = Uint32Array.from(left)
    const store = sides.store('left')
    this.context.output.batch(
      this.projection.project({
        left: { store, slots, outer: false },
        right: { store: sides.store('right'), slots: Uint32Array.from(right), outer: type === 'left' },
        timestamps: isTimed ? store.timesOf(slots) : undefined,
        watermarks: isTimed ? store.watermarksOf(slots) : undefined,
      }),
    )
  }
}

const ALONE: readonly number[] = [NO_ROW]

function* nothing(): Generator<void, void, void> {}
