import { NO_WATERMARK } from '../../core/element.js'
import { cleanupTime, isLateFor, type TimeWindow } from '../../core/window-geometry.js'
import type { Assigner } from './assigner.js'
import type { Contents } from './contents.js'
import { meets } from './merge-windows.js'
import { mergePaneStates, notePane, noteRecord, type Pane, type PaneTiming, paneOf } from './pane.js'
import { placeRecord } from './record-windows.js'
import { fires, purges, type Trigger, type TriggerResult } from './trigger.js'
import { type TriggerHost, TriggerScope } from './trigger-scope.js'
import { WindowState } from './window-state.js'
import { type TimeDomain, type WindowTimer, WindowTimers } from './window-timers.js'

/** Which panes are put out, besides what the trigger says. */
export interface PaneSettings {
  /** What a firing gives when no record has come since the last pane: the same result again, or nothing. */
  readonly unchanged: 'emit' | 'skip'
  /** With unchanged 'skip': whether the pane at the end of the window comes all the same. */
  readonly onTime: 'always' | 'ifChanged'
  /** Whether a last pane comes when the window is dropped. */
  readonly closing: 'never' | 'ifChanged' | 'always'
}

/** What Flink does: the trigger decides alone. */
export const TRIGGERED_PANES: PaneSettings = { unchanged: 'emit', onTime: 'ifChanged', closing: 'never' }

export interface KeyedWindowsSettings {
  readonly assigner: Assigner
  readonly trigger: Trigger<object>
  readonly allowedLatenessMs: number
  readonly panes: PaneSettings
  /** Whether what was put out is forgotten: each record is in one pane only. */
  readonly discards: boolean
}

/** What the windows ask of the operator around them. */
export interface WindowsHost {
  readonly contents: Contents
  /** ms since the epoch */
  now(): number
  wakeAt(time: number): void
  /** Puts out the result of a window. `kept` may be changed (by an evictor): the window goes on with what is returned. */
  emit(window: WindowState, kept: unknown, pane: Pane): unknown
  hold(slot: number): void
  release(slot: number): void
  count(reason: string, records: number): void
}

/** What became of a record: it is in a window, or none takes it any more. */
export type RecordFate = 'kept' | 'late'

/**
 * The windows of all keys: Flink's WindowOperator (org.apache.flink.streaming.runtime.operators.windowing), one record
 * and one timer at a time. Windows that merge follow its MergingWindowSet: a record is late when the window that it
 * would be merged into is.
 */
export class KeyedWindows implements TriggerHost {
  watermark = NO_WATERMARK
  /** Order of the next timer. */
  sequence = 0
  openWindows = 0
  private readonly settings: KeyedWindowsSettings
  private readonly host: WindowsHost
  private readonly scope: TriggerScope
  private readonly timers: Readonly<Record<TimeDomain, WindowTimers>> = {
    event: new WindowTimers(),
    processing: new WindowTimers(),
  }
  /** By slot; each by start, then end. */
  private readonly windows: (WindowState[] | undefined)[] = []

  constructor(settings: KeyedWindowsSettings, host: WindowsHost) {
    this.settings = settings
    this.host = host
    this.scope = new TriggerScope(this)
  }

  get allowedLatenessMs(): number {
    return this.settings.allowedLatenessMs
  }

  now(): number {
    return this.host.now()
  }

  /** No timer of event time is due before this, ms. */
  get earliestTimer(): number {
    return this.timers.event.earliest
  }

  /** The windows of a key, by start ascending. */
  of(slot: number): readonly WindowState[] {
    return this.windows[slot] ?? []
  }

  /** Adds a record to its windows and lets them fire where it makes them. */
  add(slot: number, record: object, timestamp: number): RecordFate {
    const { assigner } = this.settings
    const fate =
      assigner.byRecord === undefined
        ? this.addAssigned(slot, record, timestamp)
        : this.addByRecord(slot, record, timestamp, assigner.byRecord)
    // Timers in the past fire at once.
    this.fireDue('event', this.watermark)
    return fate
  }

  /** Fires the next timer whose time has come; false where there is none. */
  fireNext(domain: TimeDomain, now: number): boolean {
    const timer = this.timers[domain].take(now)
    if (timer === undefined) return false
    this.onTimer(timer)
    return true
  }

  /** Asks to be called at the next timer of processing time. */
  requestWake(): void {
    const { earliest } = this.timers.processing
    if (earliest < Number.POSITIVE_INFINITY) this.host.wakeAt(earliest)
  }

  /** The input has ended: windows of processing time fire as at their ends, and all that is left is dropped. */
  *end(): Generator<void, void, void> {
    if (this.settings.assigner.time === 'processing') {
      const { processing } = this.timers
      for (
        let timer = processing.take(Number.POSITIVE_INFINITY);
        timer !== undefined;
        timer = processing.take(Number.POSITIVE_INFINITY)
      ) {
        if (timer.time !== timer.window.maxTimestamp) continue
        this.onTimer(timer)
        yield
      }
    }
    for (const windows of this.windows) for (const window of [...(windows ?? [])]) this.drop(window)
  }

  register(window: WindowState, domain: TimeDomain, time: number): void {
    const { timers } = window
    for (let index = 0; index < timers.length; index++) {
      const timer = timers[index]
      if (timer?.time === time && timer.domain === domain) return
    }
    this.restoreTimer(window, domain, time, this.sequence++)
  }

  unregister(window: WindowState, domain: TimeDomain, time: number): void {
    const timer = window.timers.find(other => other.time === time && other.domain === domain)
    if (timer === undefined) return
    this.timers[domain].delete(timer)
    window.timers = window.timers.filter(other => other !== timer)
  }

  /** Adds a timer under its number. Those of one time are added in the order of their numbers. */
  restoreTimer(window: WindowState, domain: TimeDomain, time: number, sequence: number): void {
    const timer: WindowTimer = { time, domain, sequence, window, isLive: true }
    window.timers.push(timer)
    this.timers[domain].add(timer)
    if (domain === 'processing') this.host.wakeAt(time)
  }

  /** Adds a window to those of its key. */
  insert(window: WindowState): void {
    const { slot, start, end } = window
    let list = this.windows[slot]
    if (list === undefined) {
      list = []
      this.windows[slot] = list
      this.host.hold(slot)
    }
    let at = list.length
    while (at > 0 && isBehind(list[at - 1], start, end)) at -= 1
    list.splice(at, 0, window)
    this.openWindows += 1
  }

  private addAssigned(slot: number, record: object, timestamp: number): RecordFate {
    const { assigner } = this.settings
    const windows = assigner.assign(assigner.time === 'event' ? timestamp : this.now(), record)
    if (windows.length === 0) {
      this.host.count('in-no-window', 1)
      return 'kept'
    }
    const tally = { kept: 0, late: 0, closed: 0 }
    for (const { start, end } of windows) {
      const window = assigner.merging === undefined ? this.find(slot, start, end) : this.merged(slot, start, end)
      if (window === undefined) tally.late += 1
      else if (window.isClosed) tally.closed += 1
      else {
        tally.kept += 1
        this.enter(window, record, timestamp, true)
      }
    }
    return this.told(tally)
  }

  private addByRecord(
    slot: number,
    record: object,
    timestamp: number,
    { differenceMs, earliest }: { readonly differenceMs: number; readonly earliest: number },
  ): RecordFate {
    const { contents } = this.host
    const tally = { kept: 0, late: 0, closed: 0 }
    if (this.isLate(timestamp + differenceMs + 1)) return this.told({ ...tally, late: 1 })
    const { updated, created } = placeRecord(this.of(slot), timestamp, differenceMs, earliest)
    // What is copied is what a window held before this record.
    const fresh = created.map(({ start, copies, holdsRecord }) => {
      const window = new WindowState(slot, start, start + differenceMs + 1)
      if (copies !== undefined) {
        window.contents = contents.merge(contents.create(), copies.contents ?? contents.create())
        window.panes.latest = holdsRecord ? timestamp : copies.panes.latest
      }
      return { window, holdsRecord }
    })
    for (const { window, holdsRecord } of [...updated.map(window => ({ window, holdsRecord: true })), ...fresh]) {
      if (holdsRecord && this.isLate(window.end)) tally.late += 1
      else if (window.isClosed) tally.closed += 1
      else {
        tally.kept += 1
        if (!updated.includes(window)) this.insert(window)
        this.enter(window, record, timestamp, holdsRecord)
      }
    }
    return this.told(tally)
  }

  private told({ kept, late, closed }: { kept: number; late: number; closed: number }): RecordFate {
    if (closed > 0) this.host.count('in-closed-window', closed)
    if (kept > 0) {
      if (late > 0) this.host.count('late-for-a-window', late)
      return 'kept'
    }
    if (late > 0) this.host.count('late', 1)
    return 'late'
  }

  /** The record has come to a window; `holds`: it is in it, else the window has begun to exist by it. */
  private enter(window: WindowState, record: object, timestamp: number, holds: boolean): void {
    const { contents } = this.host
    const { assigner, trigger } = this.settings
    if (holds) window.contents = contents.add(window.contents ?? contents.create(), record, timestamp)
    const isInTime = assigner.time === 'processing' || this.watermark < window.maxTimestamp
    noteRecord(window.panes, holds ? timestamp : window.panes.latest, isInTime)
    const result = trigger.onRecord(record, timestamp, this.scope.of(window))
    if (result !== 'continue') this.settle(window, result, { isEnd: false, isClosing: false, isLast: window.isClosed })
    this.registerCleanup(window)
  }

  private fireDue(domain: TimeDomain, now: number): void {
    while (this.fireNext(domain, now)) {
      // Each firing may register timers that are due.
    }
  }

  private onTimer({ window, domain, time }: WindowTimer): void {
    window.timers = window.timers.filter(timer => timer.isLive)
    const { assigner, trigger, panes } = this.settings
    const scope = this.scope.of(window)
    const result = domain === 'event' ? trigger.onEventTime(time, scope) : trigger.onProcessingTime(time, scope)
    const isOver = assigner.time === 'event' ? this.isLate(window.end) : time >= window.maxTimestamp
    const isClosing = panes.closing !== 'never' && isOver
    const isEnd = domain === assigner.time && time === window.maxTimestamp
    this.settle(window, result, { isEnd, isClosing, isLast: isOver || window.isClosed })
    if (isClosing || (domain === assigner.time && time === this.dropTime(window))) this.drop(window)
  }

  /** Does what a trigger said. `isEnd`: at the end of the window. `isClosing`: it is dropped, with a last pane maybe. */
  private settle(
    window: WindowState,
    result: TriggerResult,
    { isEnd, isClosing, isLast }: { isEnd: boolean; isClosing: boolean; isLast: boolean },
  ): void {
    const hasFired = fires(result)
    if (hasFired || isClosing) {
      const timing = this.timingOf(window, isEnd)
      if (this.needsPane(window, timing, hasFired, isClosing || window.isClosed)) this.firePane(window, timing, isLast)
    }
    if (purges(result)) window.contents = undefined
  }

  private needsPane(window: WindowState, timing: PaneTiming, hasFired: boolean, isFinal: boolean): boolean {
    const { unchanged, onTime, closing } = this.settings.panes
    if (unchanged === 'emit' && hasFired) return window.contents !== undefined
    if (window.panes.hasNew) return true
    if (hasFired && timing === 'onTime' && onTime === 'always') return true
    return isFinal && closing === 'always'
  }

  private firePane(window: WindowState, timing: PaneTiming, isLast: boolean): void {
    const { discards } = this.settings
    const pane = paneOf(window.panes, timing, window.maxTimestamp, isLast)
    const kept = this.host.emit(window, window.contents ?? this.host.contents.create(), pane)
    window.contents = discards ? undefined : kept
    notePane(window.panes, timing, discards)
  }

  private timingOf({ maxTimestamp, panes }: WindowState, isEnd: boolean): PaneTiming {
    if (this.settings.assigner.time === 'processing') return isEnd || this.now() >= maxTimestamp ? 'onTime' : 'early'
    if (this.watermark < maxTimestamp) return 'early'
    return panes.onTime === 0 && (isEnd || panes.awaitsOnTime) ? 'onTime' : 'late'
  }

  /** The window with these bounds, made where need be; undefined when it is late. */
  private find(slot: number, start: number, end: number): WindowState | undefined {
    if (this.isLate(end)) return undefined
    const list = this.windows[slot] ?? []
    for (let index = list.length - 1; index >= 0; index--) {
      const window = list[index]
      if (window === undefined || window.start < start) break
      if (window.start === start && window.end === end) return window
    }
    return this.created(slot, start, end)
  }

  /** The window that a new one becomes a part of, or undefined when that is late. */
  private merged(slot: number, start: number, end: number): WindowState | undefined {
    const { merging = 'overlapping' } = this.settings.assigner
    const parts = this.of(slot).filter(window => meets(window, { start, end }, merging))
    const bounds: TimeWindow = {
      start: Math.min(start, ...parts.map(window => window.start)),
      end: Math.max(end, ...parts.map(window => window.end)),
    }
    if (this.isLate(bounds.end)) return undefined
    const [only] = parts
    if (parts.length === 1 && only?.start === bounds.start && only.end === bounds.end) return only
    const window = this.created(slot, bounds.start, bounds.end)
    if (parts.length > 0) this.mergeInto(window, parts)
    return window
  }

  private mergeInto(window: WindowState, parts: readonly WindowState[]): void {
    const { contents } = this.host
    for (const part of parts) {
      if (part.contents === undefined) continue
      window.contents = window.contents === undefined ? part.contents : contents.merge(window.contents, part.contents)
    }
    window.panes = mergePaneStates(parts.map(({ panes }) => panes))
    window.emitted = parts.flatMap(({ emitted }) => emitted)
    this.settings.trigger.onMerge?.(this.scope.of(window, parts))
    for (const part of parts) this.drop(part)
  }

  private created(slot: number, start: number, end: number): WindowState {
    const window = new WindowState(slot, start, end)
    this.insert(window)
    return window
  }

  /** Takes a window away with all that is kept of it. */
  private drop(window: WindowState): void {
    this.settings.trigger.clear?.(this.scope.of(window))
    for (const timer of window.timers) this.timers[timer.domain].delete(timer)
    window.timers = []
    const list = this.windows[window.slot] ?? []
    list.splice(list.indexOf(window), 1)
    this.openWindows -= 1
    if (list.length > 0) return
    this.windows[window.slot] = undefined
    this.host.release(window.slot)
  }

  private isLate(end: number): boolean {
    return this.settings.assigner.time === 'event' && isLateFor(end, this.settings.allowedLatenessMs, this.watermark)
  }

  private registerCleanup(window: WindowState): void {
    const { assigner, panes } = this.settings
    const time = this.dropTime(window)
    if (time < Number.POSITIVE_INFINITY) this.register(window, assigner.time, time)
    else if (panes.closing !== 'never') this.register(window, 'event', time)
  }

  private dropTime({ end, maxTimestamp }: WindowState): number {
    const { assigner, allowedLatenessMs } = this.settings
    if (assigner.time === 'processing') return maxTimestamp
    return cleanupTime(end, allowedLatenessMs + assigner.retainMs)
  }
}

function isBehind(window: WindowState | undefined, start: number, end: number): boolean {
  return window !== undefined && (window.start > start || (window.start === start && window.end > end))
}
