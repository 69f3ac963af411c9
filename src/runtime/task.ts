import type { Batch } from '../core/batch.js'
import type { Json } from '../core/json.js'
import type { Alignment } from './alignment.js'
import type { Clock } from './environment.js'
import { Signal } from './signal.js'
import type { SourceItem } from './source-pump.js'
import type { TaskSource } from './source-splits.js'
import type { SinkNode, SourceNode, TaskNode } from './task-node.js'

/** After so much work the event loop gets a turn, ms. */
const TURN_MS = 5
/** A step should not take longer, ms: with TURN_MS nobody waits for more than about 10 ms. */
const LONG_STEP_MS = 5
const SHORT_STEP_MS = 1
const MAX_ROWS_AT_ONCE = 65_536
const MIN_ROWS_AT_ONCE = 64

export interface TaskHooks {
  /** Whether a barrier is due; called between source items, when every element has left the task. */
  wantsBarrier(): boolean
  /** The number of the barrier to inject. */
  beginCheckpoint(): number
  /** After stop(): whether the last checkpoint is through, so that nothing is left to wait for. */
  hasStopped(): boolean
}

/**
 * Runs the operators of a job in one thread, by turns with the rest of the event loop.
 *
 * 1. It steps the most downstream node that has work, until none has.
 * 2. It waits while a sink has no space, or an operator takes no more: so a slow one stops the sources (backpressure).
 * 3. It then injects a barrier if one is due, else takes the next item of the sources, by turns.
 * 4. After TURN_MS of work the event loop has a turn. Batches that a user's function takes long over enter in pieces,
 *    half as large each time that a step was long; results do not depend on how rows are cut.
 */
export class Task {
  private readonly signal = new Signal()
  private stopping = false
  private cancelled = false
  private failure: { readonly cause: unknown } | undefined
  private nextSource = 0
  private turnStart = 0
  private rowsAtOnce = MAX_ROWS_AT_ONCE
  /** Of the piece that entered last: its rows, and the longest step that it took. */
  private pieceRows = MAX_ROWS_AT_ONCE
  private longestStepMs = 0
  /** What of a batch has not entered yet. Its position is reached, and a barrier can come, when it has. */
  private rest: { readonly source: TaskSource; readonly batch: Batch; readonly position: Json } | undefined

  /** `nodes` in topological order, sources and sinks included. */
  private readonly nodes: readonly TaskNode[]
  private readonly sources: readonly TaskSource[]
  private readonly sourceNodes: readonly SourceNode[]
  private readonly sinks: readonly SinkNode[]
  private readonly alignment: Alignment

  private readonly clock: Clock
  private readonly hooks: TaskHooks

  constructor(
    wiring: {
      nodes: readonly TaskNode[]
      sources: readonly TaskSource[]
      sourceNodes: readonly SourceNode[]
      sinks: readonly SinkNode[]
      alignment: Alignment
    },
    clock: Clock,
    hooks: TaskHooks,
  ) {
    this.clock = clock
    this.hooks = hooks
    this.nodes = wiring.nodes
    this.sources = wiring.sources
    this.sourceNodes = wiring.sourceNodes
    this.sinks = wiring.sinks
    this.alignment = wiring.alignment
  }

  /** Something outside has changed: an item, a wish, a failure. */
  wake(): void {
    this.signal.raise()
  }

  /** Takes no more items from the sources; what has entered is worked off, and barriers still go through. */
  stop(): void {
    this.stopping = true
    this.wake()
  }

  cancel(): void {
    this.cancelled = true
    this.wake()
  }

  fail(cause: unknown): void {
    this.failure ??= { cause }
    this.wake()
  }

  throwFailure(): void {
    if (this.failure !== undefined) throw this.failure.cause
  }

  /**
   * Fulfilled with true when every source has ended and everything has left the task, with false when it was
   * cancelled or stopped before. Rejected with what made it fail.
   */
  async run(): Promise<boolean> {
    this.turnStart = this.clock.elapsed()
    this.announceSplits()
    for (;;) {
      await this.workOff()
      if (this.cancelled) return false
      if (this.rest !== undefined) {
        this.enterPiece(this.rest.source, this.rest.batch, this.rest.position)
        continue
      }
      if (this.hooks.wantsBarrier()) {
        const checkpointId = this.hooks.beginCheckpoint()
        for (const node of this.sourceNodes) node.barrier(checkpointId)
        continue
      }
      if (this.nodes.every(node => node.hasEnded)) return true
      if (this.stopping) {
        if (this.hooks.hasStopped()) return false
      } else if (this.takeItem()) continue
      await this.waitForItem()
    }
  }

  private async workOff(): Promise<void> {
    for (;;) {
      this.throwFailure()
      if (this.cancelled) return
      const full = this.sinks.find(({ pump }) => pump.isFull)
      if (full !== undefined) {
        await Promise.race([full.pump.whenSpace(), this.signal.wait()])
        this.turnStart = this.clock.elapsed()
        continue
      }
      const blocked = this.nodes.findLastIndex(candidate => candidate.isBlocked)
      const deepest = this.nodes.findLastIndex(candidate => candidate.hasWork)
      if (deepest < blocked) {
        // What is upstream of a full operator would only pile up before it.
        await this.signal.wait()
        this.turnStart = this.clock.elapsed()
        continue
      }
      const node = this.nodes[deepest]
      if (node === undefined) return
      const start = this.clock.elapsed()
      node.step()
      const end = this.clock.elapsed()
      this.longestStepMs = Math.max(this.longestStepMs, end - start)
      if (end - this.turnStart >= TURN_MS) {
        await this.clock.nextTurn()
        this.turnStart = this.clock.elapsed()
      }
    }
  }

  private takeItem(): boolean {
    for (let turn = 0; turn < this.sources.length; turn++) {
      const source = this.sources[(this.nextSource + turn) % this.sources.length]
      if (source === undefined || this.alignment.holdsBack(source)) continue
      const item = source.pump.channel.shift()
      if (item === undefined) continue
      this.nextSource = (this.nextSource + turn + 1) % this.sources.length
      this.enter(source, item)
      return true
    }
    return false
  }

  private enter(source: TaskSource, item: SourceItem): void {
    if (item.kind === 'failure') throw item.cause
    if (source.isIdle) {
      source.isIdle = false
      source.node.active(source.split?.number)
    }
    if (item.kind === 'end') {
      this.end(source)
    } else {
      source.idleness?.activity()
      const { batch } = item
      const { split } = source
      this.enterPiece(source, split === undefined ? batch : batch.with({ split: split.number }), item.position)
    }
  }

  /** A split counts for the watermark from the start, not from its first row. */
  private announceSplits(): void {
    for (const { node, split, hasEnded } of this.sources) if (!hasEnded) node.active(split?.number)
    for (const node of this.sourceNodes) this.endWithSplits(node)
  }

  /** A split that has ended does not hold back the others. */
  private end(source: TaskSource): void {
    source.hasEnded = true
    this.endWithSplits(source.node)
    // Behind the last one, the end of input is the watermark; an idle input would ignore it.
    if (source.split !== undefined && !source.node.hasEnded) source.node.idle(source.split.number)
  }

  private endWithSplits(node: SourceNode): void {
    if (this.sources.every(source => source.node !== node || source.hasEnded)) node.end()
  }

  private enterPiece(source: TaskSource, batch: Batch, position: Json): void {
    const most = this.rowsForStep()
    const rows = Math.min(batch.length, most)
    this.pieceRows = rows
    this.longestStepMs = 0
    if (rows === batch.length) {
      source.node.enter(batch)
      source.position = position
      this.rest = undefined
    } else {
      source.node.enter(batch.slice(0, rows))
      this.rest = { source, batch: batch.slice(rows, batch.length), position }
    }
  }

  /** Half of the last piece's rows if one of its steps was long, twice as many if all were short. */
  private rowsForStep(): number {
    if (this.longestStepMs > LONG_STEP_MS) this.rowsAtOnce = Math.max(MIN_ROWS_AT_ONCE, this.pieceRows >>> 1)
    else if (this.longestStepMs < SHORT_STEP_MS) this.rowsAtOnce = Math.min(MAX_ROWS_AT_ONCE, this.rowsAtOnce * 2)
    return this.rowsAtOnce
  }

  private async waitForItem(): Promise<void> {
    const waits = this.sources.flatMap(source => {
      const { idleness } = source
      if (idleness === undefined || source.isIdle || source.hasEnded) return []
      return [idleness.timeoutMs]
    })
    const cancelTimer =
      waits.length === 0 ? undefined : this.clock.schedule(Math.min(...waits), () => this.signal.raise())
    await this.signal.wait()
    cancelTimer?.()
    this.turnStart = this.clock.elapsed()
    this.checkIdleness()
  }

  private checkIdleness(): void {
    const now = this.clock.now()
    for (const source of this.sources) {
      if (source.idleness === undefined || source.isIdle || source.hasEnded) continue
      if (this.alignment.holdsBack(source)) continue
      if (source.pump.channel.length === 0 && source.idleness.check(now)) {
        source.isIdle = true
        source.node.idle(source.split?.number)
      }
    }
  }
}
