import type { Batch } from '../core/batch.js'
import type { Json } from '../core/json.js'
import type { Alignment } from './alignment.js'
import { BarrierAligner } from './barrier-aligner.js'
import type { Clock } from './environment.js'
import type { ElementReader } from './exchange-channel.js'
import type { ExchangeNode } from './exchange-node.js'
import type { InputGate } from './input-gate.js'
import type { TaskTimes } from './metrics.js'
import { Signal } from './signal.js'
import type { SourceItem } from './source-pump.js'
import type { TaskSource } from './source-splits.js'
import type { EntryNode, SinkNode, SourceNode, TaskNode } from './task-node.js'

/** After so much work the event loop gets a turn, ms. */
const TURN_MS = 5
/** A step should not take longer, ms: with TURN_MS nobody waits for more than about 10 ms. */
const LONG_STEP_MS = 5
const SHORT_STEP_MS = 1
const MAX_ROWS_AT_ONCE = 65_536
const MIN_ROWS_AT_ONCE = 64

/** One channel into a task. */
export interface TaskInput {
  readonly gate: InputGate
  /** Of the gate. */
  readonly channel: number
  readonly reader: ElementReader
}

export interface TaskParts {
  /** In topological order, sources, sinks and exchanges included; gates are not. */
  readonly nodes: readonly TaskNode[]
  /** The splits of all sources. */
  readonly sources: readonly TaskSource[]
  readonly sourceNodes: readonly SourceNode[]
  readonly alignment: Alignment
  readonly inputs: readonly TaskInput[]
  readonly sinks: readonly SinkNode[]
  readonly exchanges: readonly ExchangeNode[]
}

export interface TaskHooks {
  /**
   * A barrier is about to be injected: positions and watermarks of what enters the task are those of the barrier.
   * Channels were held back for so long until it had come from all, ms.
   */
  onBarrier(checkpointId: number, alignmentMs: number): void
  /** Every input has ended and everything has left the task. It stays, since barriers may still come. */
  onEnded(): void
}

/** What of a batch has not entered yet, and what to do when it has. */
interface Rest {
  readonly node: EntryNode
  readonly batch: Batch
  readonly entered: () => void
}

/**
 * Runs the operators of one subtask, by turns with the rest of the event loop.
 *
 * 1. It steps the most downstream node that has work, until none has.
 * 2. It waits while a sink or a channel has no space, or an operator takes no more: so a slow one stops the sources
 *    (backpressure).
 * 3. It then injects a barrier if one is due, else takes the next item of the sources and channels, by turns.
 * 4. After TURN_MS of work the event loop has a turn. Batches that a user's function takes long over enter in pieces,
 *    half as large each time that a step was long; results do not depend on how rows are cut.
 *
 * A barrier is due when it has come from every channel, or, in a task without channels, when it is triggered. It enters
 * at all sources and gates at one point where nothing else is in the task, those that have ended included.
 */
export class Task {
  private readonly signal = new Signal()
  private stopping = false
  private endingSources = false
  private cancelled = false
  private released: boolean | undefined
  private failure: { readonly cause: unknown } | undefined
  private nextEntry = 0
  /** When the event loop last had a turn for certain. A wait is none: what it waits for may come within this one. */
  private turnStart = 0
  private startedAtMs: number | undefined
  private backpressuredMs = 0
  /** When the first barrier of the checkpoint that is being aligned came. */
  private aligningSinceMs: number | undefined
  private alignmentMs = 0
  private lastAlignmentMs = 0
  private hasReportedEnd = false
  private dueBarrier: number | undefined
  private lastTriggered = 0
  private rowsAtOnce = MAX_ROWS_AT_ONCE
  /** Of the piece that entered last: its rows, and the longest step that it took. */
  private pieceRows = MAX_ROWS_AT_ONCE
  private longestStepMs = 0
  /** A position is reached, and a barrier can come, when the batch has entered whole. */
  private rest: Rest | undefined
  /** A batch whose columns the source gets back when it has left the task. */
  private borrowed: { readonly source: TaskSource; readonly batch: Batch } | undefined

  private readonly parts: TaskParts
  private readonly aligner: BarrierAligner
  private readonly clock: Clock
  private readonly hooks: TaskHooks

  constructor(parts: TaskParts, clock: Clock, hooks: TaskHooks) {
    this.parts = parts
    this.clock = clock
    this.hooks = hooks
    this.aligner = new BarrierAligner(parts.inputs.length, {
      onAligned: checkpointId => {
        this.dueBarrier = checkpointId
        this.hasAligned()
      },
      onAborted: () => this.hasAligned(),
    })
    parts.alignment.onProgress(() => this.wake())
    for (const { reader } of parts.inputs) reader.onElement(() => this.wake())
    for (const { writers } of parts.exchanges) for (const writer of writers) writer.onSpace(() => this.wake())
  }

  /** Something outside has changed: an item, a wish, a failure. */
  wake(): void {
    this.signal.raise()
  }

  /** A checkpoint begins. Where barriers come through channels they bring the news. */
  trigger(checkpointId: number): void {
    // The news may come twice: a second barrier of a checkpoint would find its round over.
    if (this.parts.inputs.length > 0 || checkpointId <= this.lastTriggered) return
    this.lastTriggered = checkpointId
    this.dueBarrier = checkpointId
    this.wake()
  }

  /** A checkpoint is given up: nobody waits for its barrier any more. */
  abort(checkpointId: number): void {
    this.aligner.cancel(checkpointId)
    this.wake()
  }

  /** Takes no more items from the sources; what has entered is worked off, and barriers still go through. */
  stop(): void {
    this.stopping = true
    this.wake()
  }

  /** Takes a stop back. */
  proceed(): void {
    this.stopping = false
    this.wake()
  }

  /** Sources end where they are, as if they had nothing more to give. No checkpoint may be taken behind it. */
  endSources(): void {
    this.endingSources = true
    this.wake()
  }

  cancel(): void {
    this.cancelled = true
    this.wake()
  }

  /** Nothing is to be waited for any more: `run` is fulfilled with `hasFinished` once everything has left the task. */
  release(hasFinished: boolean): void {
    this.released ??= hasFinished
    this.wake()
  }

  fail(cause: unknown): void {
    this.failure ??= { cause }
    this.wake()
  }

  get times(): TaskTimes {
    const { startedAtMs, backpressuredMs, alignmentMs } = this
    return { ranMs: startedAtMs === undefined ? 0 : this.clock.elapsed() - startedAtMs, backpressuredMs, alignmentMs }
  }

  throwFailure(): void {
    if (this.failure !== undefined) throw this.failure.cause
  }

  /**
   * Fulfilled when it is released, with what it is released with, or when it is cancelled, with false. Rejected with
   * what made it fail.
   */
  async run(): Promise<boolean> {
    this.turnStart = this.clock.elapsed()
    this.startedAtMs = this.turnStart
    this.announceSplits()
    for (;;) {
      await this.workOff()
      if (this.cancelled) return false
      if (this.rest !== undefined) {
        this.enterPiece(this.rest)
        continue
      }
      this.giveBack()
      if (this.dueBarrier !== undefined) {
        this.injectBarrier(this.dueBarrier)
        continue
      }
      if (!this.hasReportedEnd && this.parts.nodes.every(node => node.hasEnded)) {
        this.hasReportedEnd = true
        this.hooks.onEnded()
      }
      if (this.released !== undefined) return this.released
      this.parts.alignment.settle()
      if (this.endingSources) {
        this.endingSources = false
        for (const source of this.parts.sources) if (!source.hasEnded) this.enter(source, { kind: 'end' })
        continue
      }
      if (this.takeItem()) continue
      await this.waitForItem()
    }
  }

  private injectBarrier(checkpointId: number): void {
    this.dueBarrier = undefined
    this.hooks.onBarrier(checkpointId, this.lastAlignmentMs)
    const gates = new Set(this.parts.inputs.map(({ gate }) => gate))
    for (const node of this.parts.sourceNodes) node.barrier(checkpointId)
    for (const gate of gates) gate.barrier(checkpointId)
  }

  private hasAligned(): void {
    const now = this.clock.elapsed()
    this.lastAlignmentMs = now - (this.aligningSinceMs ?? now)
    this.alignmentMs += this.lastAlignmentMs
    this.aligningSinceMs = undefined
  }

  private async workOff(): Promise<void> {
    for (;;) {
      this.throwFailure()
      if (this.cancelled) return
      const space = this.whenSpace()
      const node = this.deepest()
      // What is upstream of a full operator would only pile up before it.
      if (space !== undefined || node?.isBlocked === true) {
        const from = this.clock.elapsed()
        await (space ?? this.signal.wait())
        this.backpressuredMs += this.clock.elapsed() - from
        continue
      }
      if (node === undefined) return
      const start = this.clock.elapsed()
      node.step()
      const end = this.clock.elapsed()
      node.busyMs += end - start
      this.longestStepMs = Math.max(this.longestStepMs, end - start)
      if (end - this.turnStart >= TURN_MS) {
        await this.clock.nextTurn()
        this.turnStart = this.clock.elapsed()
      }
    }
  }

  /** The most downstream node that has work, or that an element waits at which it has no room for. */
  private deepest(): TaskNode | undefined {
    const { nodes } = this.parts
    for (let at = nodes.length - 1; at >= 0; at--) {
      const node = nodes[at]
      if (node !== undefined && (node.hasWork || node.isBlocked)) return node
    }
    return undefined
  }

  /** Fulfilled when something has changed about the sink or channel that has no space; undefined when all have. */
  private whenSpace(): Promise<void> | undefined {
    const sink = this.parts.sinks.find(({ pump }) => pump.isFull)
    if (sink !== undefined) return Promise.race([sink.pump.whenSpace(), this.signal.wait()])
    return this.parts.exchanges.some(({ isFull }) => isFull) ? this.signal.wait() : undefined
  }

  /** By turns over sources and channels, past those that have nothing or are blocked for a barrier. */
  private takeItem(): boolean {
    const { sources, inputs } = this.parts
    const count = sources.length + inputs.length
    for (let turn = 0; turn < count; turn++) {
      const entry = (this.nextEntry + turn) % count
      const source = sources[entry]
      const isTaken = source === undefined ? this.takeElement(entry - sources.length) : this.takeFrom(source)
      if (!isTaken) continue
      this.nextEntry = (entry + 1) % count
      return true
    }
    return false
  }

  private takeFrom(source: TaskSource): boolean {
    if (this.stopping || this.parts.alignment.holdsBack(source)) return false
    const item = source.pump.channel.shift()
    if (item === undefined) return false
    this.enter(source, item)
    return true
  }

  private enter(source: TaskSource, item: SourceItem): void {
    if (item.kind === 'failure') throw item.cause
    const { node, split } = source
    if (source.isIdle) {
      source.isIdle = false
      node.active(split?.number)
    }
    if (item.kind === 'end') {
      this.end(source)
      return
    }
    source.idleness?.activity()
    const { position, deadLetters = [] } = item
    for (const letters of deadLetters) node.setAside(letters)
    if (node.letsGoOfColumns) this.borrowed = { source, batch: item.batch }
    const batch = split === undefined ? item.batch : item.batch.with({ split: split.number })
    this.enterPiece({ node, batch, entered: () => reach(source, position) })
  }

  /** Everything has left the task. */
  private giveBack(): void {
    const { borrowed } = this
    if (borrowed === undefined) return
    this.borrowed = undefined
    borrowed.source.pump.giveBack(borrowed.batch)
  }

  /** A split counts for the watermark from the start, not from its first row. */
  private announceSplits(): void {
    for (const { node, split, hasEnded } of this.parts.sources) if (!hasEnded) node.active(split?.number)
    for (const node of this.parts.sourceNodes) this.endWithSplits(node)
  }

  /** A split that has ended does not hold back the others. */
  private end(source: TaskSource): void {
    source.hasEnded = true
    if (source.split !== undefined) source.node.idle(source.split.number)
    this.endWithSplits(source.node)
  }

  private endWithSplits(node: SourceNode): void {
    if (this.parts.sources.every(source => source.node !== node || source.hasEnded)) node.end()
  }

  private takeElement(number: number): boolean {
    const input = this.parts.inputs[number]
    if (input === undefined || this.aligner.isBlocked(number)) return false
    const element = input.reader.shift()
    if (element === undefined) return false
    const { gate, channel } = input
    if (element.kind === 'barrier') {
      this.aligner.barrier(element.checkpointId, number)
      if (this.aligner.isPending) this.aligningSinceMs ??= this.clock.elapsed()
      return true
    }
    if (element.kind === 'batch') {
      this.enterPiece({ node: gate, batch: gate.admit(element.batch, channel), entered: () => gate.settle() })
      return true
    }
    gate.receive(element, channel)
    if (element.kind === 'end') this.aligner.end(number)
    return true
  }

  private enterPiece({ node, batch, entered }: Rest): void {
    const most = this.rowsForStep()
    const rows = Math.min(batch.length, most)
    this.pieceRows = rows
    this.longestStepMs = 0
    if (rows === batch.length) {
      node.enter(batch)
      entered()
      this.rest = undefined
    } else {
      node.enter(batch.slice(0, rows))
      this.rest = { node, batch: batch.slice(rows, batch.length), entered }
    }
  }

  /** Half of the last piece's rows if one of its steps was long, twice as many if all were short. */
  private rowsForStep(): number {
    if (this.longestStepMs > LONG_STEP_MS) this.rowsAtOnce = Math.max(MIN_ROWS_AT_ONCE, this.pieceRows >>> 1)
    else if (this.longestStepMs < SHORT_STEP_MS) this.rowsAtOnce = Math.min(MAX_ROWS_AT_ONCE, this.rowsAtOnce * 2)
    return this.rowsAtOnce
  }

  private async waitForItem(): Promise<void> {
    let wait = Number.POSITIVE_INFINITY
    for (const { idleness, isIdle, hasEnded } of this.parts.sources) {
      if (idleness !== undefined && !isIdle && !hasEnded) wait = Math.min(wait, idleness.timeoutMs)
    }
    const cancelTimer = wait === Number.POSITIVE_INFINITY ? undefined : this.clock.schedule(wait, () => this.wake())
    await this.signal.wait()
    cancelTimer?.()
    this.checkIdleness()
  }

  private checkIdleness(): void {
    const now = this.clock.now()
    for (const source of this.parts.sources) {
      if (source.idleness === undefined || source.isIdle || source.hasEnded) continue
      if (this.parts.alignment.holdsBack(source)) continue
      if (source.pump.channel.length === 0 && source.idleness.check(now)) {
        source.isIdle = true
        source.node.idle(source.split?.number)
      }
    }
  }
}

function reach(source: TaskSource, position: Json): void {
  source.position = position
}
