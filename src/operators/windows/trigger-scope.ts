import type { Json } from '../../core/json.js'
import { cleanupTime } from '../../core/window-geometry.js'
import type { TriggerMergeContext } from './trigger.js'
import type { WindowState } from './window-state.js'
import type { TimeDomain } from './window-timers.js'

/** What a trigger's scope needs of the windows around it. */
export interface TriggerHost {
  readonly watermark: number
  readonly allowedLatenessMs: number
  now(): number
  register(window: WindowState, domain: TimeDomain, time: number): void
  unregister(window: WindowState, domain: TimeDomain, time: number): void
}

/** The context of triggers: one object, bound to a window for each call. */
export class TriggerScope implements TriggerMergeContext {
  private readonly host: TriggerHost
  private bound: WindowState | undefined
  private mergedFrom: readonly WindowState[] = []

  constructor(host: TriggerHost) {
    this.host = host
  }

  of(window: WindowState, mergedFrom: readonly WindowState[] = []): this {
    this.bound = window
    this.mergedFrom = mergedFrom
    return this
  }

  get windowStart(): number {
    return this.window.start
  }

  get windowEnd(): number {
    return this.window.end
  }

  get maxTimestamp(): number {
    return this.window.maxTimestamp
  }

  get cleanupTime(): number {
    return cleanupTime(this.window.end, this.host.allowedLatenessMs)
  }

  get watermark(): number {
    return this.host.watermark
  }

  get processingTime(): number {
    return this.host.now()
  }

  get mergedWindows(): number {
    return this.mergedFrom.length
  }

  get(name: string): Json | undefined {
    return this.window.triggerState?.get(name)
  }

  set(name: string, value: Json | undefined): void {
    const { window } = this
    if (value === undefined) window.triggerState?.delete(name)
    else {
      window.triggerState ??= new Map()
      window.triggerState.set(name, value)
    }
  }

  merged(name: string): readonly Json[] {
    return this.mergedFrom.flatMap(({ triggerState }) => {
      const value = triggerState?.get(name)
      return value === undefined ? [] : [value]
    })
  }

  registerEventTimer(time: number): void {
    this.host.register(this.window, 'event', time)
  }

  deleteEventTimer(time: number): void {
    this.host.unregister(this.window, 'event', time)
  }

  registerProcessingTimer(time: number): void {
    this.host.register(this.window, 'processing', time)
  }

  deleteProcessingTimer(time: number): void {
    this.host.unregister(this.window, 'processing', time)
  }

  close(): void {
    this.window.isClosed = true
  }

  private get window(): WindowState {
    if (this.bound === undefined) throw new TypeError('A trigger used its context outside of a call')
    return this.bound
  }
}
