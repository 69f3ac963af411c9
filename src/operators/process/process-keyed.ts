import type { Json } from '../../core/json.js'
import type { KeyGroupRange } from '../../core/key-groups.js'
import type { Field } from '../../core/types.js'
import type { Kernel } from '../../kernel/module.js'
import { TimerQueue } from '../../kernel/timers.js'
import { KeySlots } from '../keyed/key-slots.js'
import { TimerReader, TimerWriter } from '../keyed/timer-bytes.js'
import { type Cursor, KeyKeeper } from './cursor.js'
import { Expiry } from './expiry.js'
import { KeyedStates, type KnownState } from './keyed-states.js'
import type { StateDescriptor, StateDescriptors } from './state-descriptors.js'
import { USER_TAG, UserTimers } from './user-timers.js'

export interface KeyedProcessInit {
  readonly operator: string
  readonly kernel: Kernel
  readonly keyGroups: KeyGroupRange
  readonly fields: readonly Field[]
  readonly descriptors: StateDescriptors
  readonly cursor: Cursor
  readonly now: () => number
}

/** What a process function keeps by key: its states, and its timers in both domains of time. */
export class ProcessKeyed {
  readonly keys: KeySlots
  readonly event: UserTimers
  readonly processing: UserTimers
  readonly states: KeyedStates
  private readonly keeper: KeyKeeper

  constructor({ operator, kernel, keyGroups, fields, descriptors, cursor, now }: KeyedProcessInit) {
    this.keys = new KeySlots(kernel, fields, keyGroups)
    this.keeper = new KeyKeeper(this.keys)
    const { keeper } = this
    this.event = new UserTimers(new TimerQueue(kernel), keeper)
    this.processing = new UserTimers(new TimerQueue(kernel), keeper)
    this.states = new KeyedStates(operator, descriptors, cursor, keeper, ({ ttl }: StateDescriptor, tag) => {
      if (ttl === undefined) return undefined
      if (ttl.time === 'event') return new Expiry(ttl.afterMs, this.event.queue, tag, () => cursor.eventTime, false)
      return new Expiry(ttl.afterMs, this.processing.queue, tag, now, true)
    })
  }

  /** Holds a key while its timer fires, which may be the last that is kept for it. */
  keep(slot: number): void {
    this.keeper.keep(slot)
  }

  drop(slot: number): void {
    this.keeper.drop(slot)
  }

  /** A timer with this tag has come: whether it is the user's. */
  take(timers: UserTimers): boolean {
    const { tag, slot, time } = timers.queue
    if (tag === USER_TAG) {
      timers.firing(slot, time)
      return true
    }
    this.states.onExpiry(tag, slot, time)
    return false
  }

  snapshot(): Uint8Array {
    this.event.sweep()
    this.processing.sweep()
    const event = new TimerWriter(this.event.queue, this.keys)
    const processing = new TimerWriter(this.processing.queue, this.keys)
    return this.keys.snapshot((group, writer) => {
      event.write(group, writer)
      processing.write(group, writer)
      this.states.write(group, writer)
    })
  }

  restore(snapshot: Uint8Array, known: readonly KnownState[]): void {
    const event = new TimerReader()
    const processing = new TimerReader()
    this.keys.restore([snapshot], (group, reader) => {
      event.read(group, reader)
      processing.read(group, reader)
      this.states.read(known, group, reader)
    })
    this.takeTimers(event, this.event, known)
    this.takeTimers(processing, this.processing, known)
  }

  describe(): Json {
    return this.states.describe()
  }

  close(): void {
    this.event.queue.destroy()
    this.processing.queue.destroy()
    this.keys.close()
  }

  private takeTimers(from: TimerReader, to: UserTimers, known: readonly KnownState[]): void {
    from.registerAll(to.queue, ({ tag, slot, time }) => {
      if (tag !== USER_TAG) return this.states.restoreTimer(known, tag, slot, time)
      to.note(slot, time)
      return tag
    })
  }
}
