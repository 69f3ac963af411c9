import type { Json } from '../../core/json.js'
import {
  fires,
  mergedNumbers,
  numberState,
  type Trigger,
  type TriggerContext,
  type TriggerMergeContext,
} from './trigger.js'

export type TimeDomain = 'event' | 'processing'

/**
 * A condition within a trigger. Its state stands in the window under names that begin with its path; among it whether
 * it is finished, that is met. `onRecord`, `shouldFire` and `onFire` are called only while it is not.
 */
export abstract class ConditionNode<Row = unknown> {
  protected readonly path: string
  protected readonly children: readonly ConditionNode<Row>[]

  constructor(path: string, children: readonly ConditionNode<Row>[] = []) {
    this.path = path
    this.children = children
  }

  isFinished(context: TriggerContext): boolean {
    return context.get(this.finishedName) === true
  }

  onRecord(row: Row, timestamp: number, context: TriggerContext): void {
    for (const child of this.children) if (!child.isFinished(context)) child.onRecord(row, timestamp, context)
  }

  onTime(domain: TimeDomain, time: number, context: TriggerContext): void {
    for (const child of this.children) if (!child.isFinished(context)) child.onTime(domain, time, context)
  }

  /** Takes over what the merged windows had. */
  onMerge(context: TriggerMergeContext): void {
    for (const child of this.children) child.onMerge(context)
    this.setFinished(context, this.isFinishedInAll(context))
  }

  abstract shouldFire(context: TriggerContext): boolean
  abstract onFire(context: TriggerContext): void

  /** Forgets everything: as if it had just begun. */
  reset(context: TriggerContext): void {
    this.setFinished(context, false)
    for (const child of this.children) child.reset(context)
  }

  protected setFinished(context: TriggerContext, isFinished: boolean): void {
    context.set(this.finishedName, isFinished ? true : undefined)
  }

  protected isFinishedInAll(context: TriggerMergeContext): boolean {
    return context.mergedWindows > 0 && context.merged(this.finishedName).length === context.mergedWindows
  }

  private get finishedName(): string {
    return `${this.path}done`
  }
}

export class CountNode extends ConditionNode {
  private readonly n: number

  constructor(path: string, n: number) {
    super(path)
    this.n = n
  }

  override onRecord(_row: unknown, _timestamp: number, context: TriggerContext): void {
    context.set(this.name, (numberState(context, this.name) ?? 0) + 1)
  }

  override onMerge(context: TriggerMergeContext): void {
    super.onMerge(context)
    if (this.isFinished(context)) return
    const counted = mergedNumbers(context, this.name)
    if (counted.length > 0)
      context.set(
        this.name,
        counted.reduce((sum, number) => sum + number, 0),
      )
  }

  shouldFire(context: TriggerContext): boolean {
    return (numberState(context, this.name) ?? 0) >= this.n
  }

  onFire(context: TriggerContext): void {
    context.set(this.name, undefined)
    this.setFinished(context, true)
  }

  override reset(context: TriggerContext): void {
    super.reset(context)
    context.set(this.name, undefined)
  }

  private get name(): string {
    return `${this.path}count`
  }
}

/** So much processing time after the first record. */
export class DelayNode extends ConditionNode {
  private readonly delayMs: number

  constructor(path: string, delayMs: number) {
    super(path)
    this.delayMs = delayMs
  }

  override onRecord(_row: unknown, _timestamp: number, context: TriggerContext): void {
    if (context.get(this.name) === undefined) this.wait(context, context.processingTime + this.delayMs)
  }

  override onMerge(context: TriggerMergeContext): void {
    super.onMerge(context)
    const until = mergedNumbers(context, this.name)
    if (!this.isFinished(context) && until.length > 0) this.wait(context, Math.min(...until))
  }

  shouldFire(context: TriggerContext): boolean {
    const until = numberState(context, this.name)
    return until !== undefined && context.processingTime >= until
  }

  onFire(context: TriggerContext): void {
    this.forget(context)
    this.setFinished(context, true)
  }

  override reset(context: TriggerContext): void {
    super.reset(context)
    this.forget(context)
  }

  private wait(context: TriggerContext, until: number): void {
    context.set(this.name, until)
    context.registerProcessingTimer(until)
  }

  private forget(context: TriggerContext): void {
    context.set(this.name, undefined)
  }

  private get name(): string {
    return `${this.path}until`
  }
}

function isOver({ watermark, maxTimestamp }: TriggerContext): boolean {
  return watermark >= maxTimestamp
}

function awaitEnd(context: TriggerContext): void {
  if (!isOver(context)) context.registerEventTimer(context.maxTimestamp)
}

/** The end of the window, once. */
export class EndOfWindowNode extends ConditionNode {
  override onRecord(_row: unknown, _timestamp: number, context: TriggerContext): void {
    awaitEnd(context)
  }

  override onMerge(context: TriggerMergeContext): void {
    this.setFinished(context, this.isFinishedInAll(context) && isOver(context))
    awaitEnd(context)
  }

  shouldFire(context: TriggerContext): boolean {
    return isOver(context)
  }

  onFire(context: TriggerContext): void {
    this.setFinished(context, true)
  }
}

/** The end of the window, and every record behind it. */
export class Always extends EndOfWindowNode {
  override onFire(): void {}
}

/** Early firings, the end of the window, late firings. `early` and `late` repeat, so they never finish by themselves. */
export class AfterWatermark<Row> extends ConditionNode<Row> {
  private readonly early: ConditionNode<Row> | undefined
  private readonly late: ConditionNode<Row> | undefined

  constructor(path: string, early: ConditionNode<Row> | undefined, late: ConditionNode<Row> | undefined) {
    super(path, [early ?? [], late ?? []].flat())
    this.early = early
    this.late = late
  }

  override onRecord(row: Row, timestamp: number, context: TriggerContext): void {
    awaitEnd(context)
    if (!this.isOnTimeDone(context)) this.early?.onRecord(row, timestamp, context)
    this.late?.onRecord(row, timestamp, context)
  }

  override onMerge(context: TriggerMergeContext): void {
    awaitEnd(context)
    // Where one of the windows has not come to its end, something in it has not been put out on time.
    const isDone = context.mergedWindows > 0 && context.merged(this.onTimeName).length === context.mergedWindows
    this.setOnTimeDone(context, isDone)
    if (isDone) this.late?.onMerge(context)
    else this.early?.onMerge(context)
    this.setFinished(context, isDone && this.late === undefined)
  }

  shouldFire(context: TriggerContext): boolean {
    if (this.isOnTimeDone(context)) return this.late?.shouldFire(context) === true
    return isOver(context) || this.early?.shouldFire(context) === true
  }

  onFire(context: TriggerContext): void {
    if (this.isOnTimeDone(context)) {
      this.late?.onFire(context)
    } else if (!isOver(context)) {
      this.early?.onFire(context)
    } else {
      this.setOnTimeDone(context, true)
      this.early?.reset(context)
      // What came before is out now: late firings begin anew.
      this.late?.reset(context)
      if (this.late === undefined) this.setFinished(context, true)
    }
  }

  override reset(context: TriggerContext): void {
    super.reset(context)
    this.setOnTimeDone(context, false)
  }

  private isOnTimeDone(context: TriggerContext): boolean {
    return context.get(this.onTimeName) === true
  }

  private setOnTimeDone(context: TriggerContext, isDone: boolean): void {
    context.set(this.onTimeName, isDone ? true : undefined)
  }

  private get onTimeName(): string {
    return `${this.path}on-time`
  }
}

export class AfterFirst<Row> extends ConditionNode<Row> {
  shouldFire(context: TriggerContext): boolean {
    return this.children.some(child => child.shouldFire(context))
  }

  onFire(context: TriggerContext): void {
    for (const child of this.children) child.reset(context)
    this.setFinished(context, true)
  }
}

export class AfterAll<Row> extends ConditionNode<Row> {
  shouldFire(context: TriggerContext): boolean {
    return this.children.every(child => child.isFinished(context) || child.shouldFire(context))
  }

  onFire(context: TriggerContext): void {
    for (const child of this.children) child.reset(context)
    this.setFinished(context, true)
  }
}

export class AfterEach<Row> extends ConditionNode<Row> {
  /** Only the condition whose turn it is sees records. */
  override onRecord(row: Row, timestamp: number, context: TriggerContext): void {
    this.current(context)?.onRecord(row, timestamp, context)
  }

  shouldFire(context: TriggerContext): boolean {
    return this.current(context)?.shouldFire(context) === true
  }

  onFire(context: TriggerContext): void {
    this.current(context)?.onFire(context)
    if (this.current(context) === undefined) this.setFinished(context, true)
  }

  private current(context: TriggerContext): ConditionNode<Row> | undefined {
    return this.children.find(child => !child.isFinished(context))
  }
}

export class OrFinally<Row> extends ConditionNode<Row> {
  private readonly main: ConditionNode<Row>
  private readonly until: ConditionNode<Row>

  constructor(path: string, main: ConditionNode<Row>, until: ConditionNode<Row>) {
    super(path, [main, until])
    this.main = main
    this.until = until
  }

  shouldFire(context: TriggerContext): boolean {
    return this.main.shouldFire(context) || this.until.shouldFire(context)
  }

  onFire(context: TriggerContext): void {
    if (this.until.shouldFire(context)) {
      this.reset(context)
      this.setFinished(context, true)
      return
    }
    this.main.onFire(context)
    if (!this.main.isFinished(context)) return
    this.reset(context)
    this.setFinished(context, true)
  }
}

export class Repeatedly<Row> extends ConditionNode<Row> {
  private readonly inner: ConditionNode<Row>

  constructor(path: string, inner: ConditionNode<Row>) {
    super(path, [inner])
    this.inner = inner
  }

  override onMerge(context: TriggerMergeContext): void {
    this.inner.onMerge(context)
  }

  shouldFire(context: TriggerContext): boolean {
    return this.inner.shouldFire(context)
  }

  onFire(context: TriggerContext): void {
    this.inner.onFire(context)
    if (this.inner.isFinished(context)) this.inner.reset(context)
  }
}

/** A trigger as a condition: it is met from the moment at which the trigger fires. */
export class TriggerNode<Row> extends ConditionNode<Row> {
  private readonly trigger: Trigger<Row>

  constructor(path: string, trigger: Trigger<Row>) {
    super(path)
    this.trigger = trigger
  }

  override onRecord(row: Row, timestamp: number, context: TriggerContext): void {
    if (fires(this.trigger.onRecord(row, timestamp, scoped(context, this.path)))) this.setReady(context, true)
  }

  override onTime(domain: TimeDomain, time: number, context: TriggerContext): void {
    const own = scoped(context, this.path)
    const { trigger } = this
    const result = domain === 'event' ? trigger.onEventTime(time, own) : trigger.onProcessingTime(time, own)
    if (fires(result)) this.setReady(context, true)
  }

  override onMerge(context: TriggerMergeContext): void {
    super.onMerge(context)
    this.setReady(context, context.merged(this.readyName).length > 0)
    if (this.trigger.onMerge === undefined) {
      throw new TypeError(`The trigger ${this.trigger.description} has no onMerge, which windows that merge need`)
    }
    this.trigger.onMerge(scopedMerge(context, this.path))
  }

  shouldFire(context: TriggerContext): boolean {
    return context.get(this.readyName) === true
  }

  onFire(context: TriggerContext): void {
    this.setReady(context, false)
    this.setFinished(context, true)
  }

  override reset(context: TriggerContext): void {
    super.reset(context)
    this.setReady(context, false)
  }

  private setReady(context: TriggerContext, isReady: boolean): void {
    context.set(this.readyName, isReady ? true : undefined)
  }

  private get readyName(): string {
    return `${this.path}ready`
  }
}

/** The context with the state of the trigger within a node. */
function scoped(context: TriggerContext, path: string): TriggerContext {
  const { windowStart, windowEnd, maxTimestamp, cleanupTime, watermark, processingTime } = context
  return {
    ...{ windowStart, windowEnd, maxTimestamp, cleanupTime, watermark, processingTime },
    get: name => context.get(`${path}t.${name}`),
    set: (name: string, value: Json | undefined) => context.set(`${path}t.${name}`, value),
    registerEventTimer: time => context.registerEventTimer(time),
    deleteEventTimer: time => context.deleteEventTimer(time),
    registerProcessingTimer: time => context.registerProcessingTimer(time),
    deleteProcessingTimer: time => context.deleteProcessingTimer(time),
    close: () => context.close(),
  }
}

function scopedMerge(context: TriggerMergeContext, path: string): TriggerMergeContext {
  return {
    ...scoped(context, path),
    merged: name => context.merged(`${path}t.${name}`),
    mergedWindows: context.mergedWindows,
  }
}
