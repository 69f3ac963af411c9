/* What process functions see besides the record: one object each, whose getters show the record or timer in turn. */
import { SabotError } from '../../core/errors.js'
import type { Cursor } from './cursor.js'
import type { ProcessOutput } from './process-output.js'
import type { UserTimers } from './user-timers.js'

/** Registers and deletes timers of the key in turn. Times are ms; fractions are rounded up. */
export interface Timers {
  /**
   * Fires when the watermark reaches `time`; at once, when it has. For +Infinity: at the end of input. One timer a key
   * and time: registered again it is the same.
   * @throws SabotError TIMESTAMP_INVALID, NO_TIMESTAMPS
   */
  registerEventTime(time: number): void
  /** Fires when the clock of the machine reaches `time`, ms since the epoch. What is left at the end of input is void. */
  registerProcessingTime(time: number): void
  deleteEventTime(time: number): void
  deleteProcessingTime(time: number): void
}

/** What an operator gives its contexts. */
export interface ContextParts {
  readonly operator: string
  readonly cursor: Cursor
  readonly output: ProcessOutput
  readonly handles: object
  readonly broadcast: object
  readonly timers: { readonly event: UserTimers; readonly processing: UserTimers }
  readonly key: () => unknown
  readonly now: () => number
}

/** The context of records and timers. */
export class ContextView {
  readonly state: object
  readonly broadcast: object
  readonly timers: Timers
  private readonly parts: ContextParts

  constructor(parts: ContextParts) {
    this.parts = parts
    this.state = parts.handles
    this.broadcast = parts.broadcast
    this.timers = new TimersView(parts)
  }

  get key(): unknown {
    return this.parts.key()
  }

  get timestamp(): number {
    return this.parts.cursor.timestamp
  }

  get watermark(): number {
    return this.parts.cursor.watermark
  }

  get processingTime(): number {
    return this.parts.now()
  }

  emit = (row: object): void => {
    this.parts.output.emit(row)
  }

  side = (name: string, row: object): void => {
    this.parts.output.side(name, row)
  }
}

/** The context of records of a broadcast input: it belongs to no key. */
export class BroadcastView {
  readonly broadcast: object
  private readonly parts: Pick<ContextParts, 'cursor' | 'output' | 'now'>
  private readonly visit: (callback: (key: unknown, state: object) => void) => void

  constructor(
    parts: Pick<ContextParts, 'cursor' | 'output' | 'now' | 'broadcast'>,
    visit: (callback: (key: unknown, state: object) => void) => void,
  ) {
    this.parts = parts
    this.broadcast = parts.broadcast
    this.visit = visit
  }

  get timestamp(): number {
    return this.parts.cursor.timestamp
  }

  get watermark(): number {
    return this.parts.cursor.watermark
  }

  get processingTime(): number {
    return this.parts.now()
  }

  emit = (row: object): void => {
    this.parts.output.emit(row)
  }

  side = (name: string, row: object): void => {
    this.parts.output.side(name, row)
  }

  forEachKey = (callback: (key: unknown, state: object) => void): void => {
    this.visit(callback)
  }
}

class TimersView implements Timers {
  private readonly parts: ContextParts

  constructor(parts: ContextParts) {
    this.parts = parts
  }

  registerEventTime(time: number): void {
    const { cursor, operator, output } = this.parts
    if (!output.isTimed) {
      throw new SabotError(
        'NO_TIMESTAMPS',
        `Operator ${operator} registers an event-time timer, but its stream has no event time: call withTimestamps(...)`,
        { operator },
      )
    }
    this.parts.timers.event.register(cursor.slot, time)
  }

  registerProcessingTime(time: number): void {
    this.parts.timers.processing.register(this.parts.cursor.slot, time)
  }

  deleteEventTime(time: number): void {
    this.parts.timers.event.delete(this.parts.cursor.slot, time)
  }

  deleteProcessingTime(time: number): void {
    this.parts.timers.processing.delete(this.parts.cursor.slot, time)
  }
}
