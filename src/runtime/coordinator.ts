import { SabotError } from '../core/errors.js'
import type { ExecutionGraph } from '../graph/execution-graph.js'
import { ABI_VERSION } from '../kernel/module.js'
import type { OperatorSnapshot } from '../state/checkpoint.js'
import { type CheckpointBytes, CheckpointWriter } from '../state/checkpoint-writer.js'
import type { Hash } from '../state/manifest.js'
import type { Recovery } from '../state/recovery.js'
import { pruneCheckpoints, type Retention } from '../state/retention.js'
import { removeUnusedParts } from '../state/shared-parts.js'
import type { Environment } from './environment.js'
import type { Acknowledgement } from './executor.js'
import type { JobEvent } from './job-handle.js'
import type { JobTracing, OpenSpan } from './tracing.js'

export interface CheckpointSettings extends Retention {
  /** Time from one checkpoint's begin to the next, ms. 0: only on demand and when the job stops. */
  readonly intervalMs: number
  /** Time from the end of one checkpoint to the begin of the next periodic one, ms, at least. */
  readonly minPauseMs: number
  /** Time between two checkpoints that make visible what sinks prepared, ms, at least. 0: each does. */
  readonly commitIntervalMs: number
  /** A checkpoint that takes longer is given up, ms. */
  readonly timeoutMs: number
  /** Checkpoints that may fail one behind the other; one more fails the job. */
  readonly tolerableFailures: number
  /** Whether a checkpoint writes only what has changed since the one before. */
  readonly incremental: boolean
}

export interface CheckpointCounters {
  completed: number
  failed: number
  lastId: number | undefined
  /** Bytes of its parts and manifest, and how many of these were written for it. */
  lastBytes: number
  lastWrittenBytes: number
  lastDurationMs: number
  lastAlignmentMs: number
  /** Bytes of its parts, by operator. */
  stateBytes: ReadonlyMap<string, number>
  lastError: SabotError | undefined
}

export interface CoordinatorHooks {
  /** Checkpoint numbers of this coordinator are larger. */
  readonly lastCheckpointId: number
  readonly tracing: JobTracing
  /** What the run resumes from. */
  readonly recovery: Recovery | undefined
  /** The barrier is to be injected. */
  trigger(checkpointId: number): void
  /** Nobody waits for the barrier any more. */
  abort(checkpointId: number): void
  onComplete(event: Extract<JobEvent, { kind: 'checkpoint-completed' }>): void
  onFailure(error: SabotError): void
  /** More checkpoints in a row have failed than may. */
  onIntolerable(error: SabotError): void
}

interface InFlight {
  readonly checkpointId: number
  readonly isSavepoint: boolean
  readonly createdAtMs: number
  readonly startedAtMs: number
  readonly span: OpenSpan
  readonly snapshots: Map<string, readonly OperatorSnapshot[]>
  /** The longest of its subtasks. */
  alignmentMs: number
  cancelTimeout: () => void
  isOver: boolean
}

interface Waiting {
  readonly isSavepoint: boolean
  readonly resolve: (id: number) => void
  readonly reject: (error: SabotError) => void
}

export function newCheckpointCounters(): CheckpointCounters {
  return {
    completed: 0,
    failed: 0,
    lastId: undefined,
    lastBytes: 0,
    lastWrittenBytes: 0,
    lastDurationMs: 0,
    lastAlignmentMs: 0,
    stateBytes: new Map(),
    lastError: undefined,
  }
}

/**
 * Numbers checkpoints, collects the acknowledgements of all subtasks, writes what was acknowledged, and tells the
 * sinks. One checkpoint is in flight at a time. A checkpoint that cannot be written is aborted and reported; the job
 * goes on. Without settings nothing is written: a checkpoint then only says that all before its barrier has flowed
 * through.
 */
export class CheckpointCoordinator {
  readonly counters: CheckpointCounters
  private inFlight: InFlight | undefined
  /** What the checkpoint in flight serves, and what waits for the next one. */
  private waiting: Waiting[] = []
  private following: Waiting[] = []
  private cancelTimer: (() => void) | undefined
  private completing: Promise<void> | undefined
  private isStarted = false
  private closed = false
  private nextId: number
  private lastBeginMs: number
  private lastEndMs = Number.NEGATIVE_INFINITY
  private failuresInARow = 0

  private readonly settings: CheckpointSettings | undefined
  private readonly execution: ExecutionGraph
  private readonly environment: Pick<Environment, 'name' | 'clock'>
  private readonly hash: Hash
  private readonly hooks: CoordinatorHooks
  private readonly writer: CheckpointWriter | undefined

  constructor(
    settings: CheckpointSettings | undefined,
    execution: ExecutionGraph,
    environment: Pick<Environment, 'name' | 'clock'>,
    hash: Hash,
    hooks: CoordinatorHooks,
    counters: CheckpointCounters,
  ) {
    this.settings = settings
    this.execution = execution
    this.environment = environment
    this.hash = hash
    this.hooks = hooks
    this.counters = counters
    this.nextId = hooks.lastCheckpointId + 1
    this.lastBeginMs = environment.clock.elapsed()
    const pause = (): Promise<void> => environment.clock.nextTurn()
    this.writer = settings && new CheckpointWriter({ ...settings, hash, pause })
    if (hooks.recovery !== undefined) this.writer?.resumeFrom(hooks.recovery)
  }

  /** The largest number that it has given. */
  get lastId(): number {
    return this.nextId - 1
  }

  /** Begins the periodic checkpoints, and those asked for before. */
  start(): void {
    this.isStarted = true
    this.schedule()
    this.beginIfWanted()
  }

  /** Asks for a checkpoint; fulfilled with its id when it is complete, rejected with CHECKPOINT_FAILED. */
  request(isSavepoint = false): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new SabotError('CHECKPOINT_FAILED', 'The job has ended', { job: this.execution.job.name }))
        return
      }
      // One that is in flight does not hold what came since its barrier: the next one does.
      const list = this.inFlight === undefined ? this.waiting : this.following
      list.push({ isSavepoint, resolve, reject })
      this.beginIfWanted()
    })
  }

  acknowledge(subtask: string, { checkpointId, snapshots, alignmentMs }: Acknowledgement): void {
    const { inFlight } = this
    if (inFlight === undefined || inFlight.checkpointId !== checkpointId || inFlight.isOver) return
    inFlight.snapshots.set(subtask, snapshots)
    inFlight.alignmentMs = Math.max(inFlight.alignmentMs, alignmentMs)
    if (inFlight.snapshots.size === this.execution.subtasks.length) this.completing ??= this.complete(inFlight)
  }

  /** Ends it: nothing begins any more, what is being written is written, and who still waits is told. */
  async close(): Promise<void> {
    this.closed = true
    this.cancelTimer?.()
    this.inFlight?.cancelTimeout()
    await this.completing
    const error = new SabotError('CHECKPOINT_FAILED', 'The job ended before the checkpoint was complete')
    this.inFlight?.span.fail(error)
    this.fail(this.waiting.splice(0), error)
    this.fail(
      this.following.splice(0),
      new SabotError('CHECKPOINT_FAILED', 'The job ended before the checkpoint began'),
    )
  }

  private schedule(): void {
    const { settings } = this
    this.cancelTimer?.()
    if (settings === undefined || settings.intervalMs <= 0 || this.closed) return
    const { clock } = this.environment
    const at = Math.max(this.lastBeginMs + settings.intervalMs, this.lastEndMs + settings.minPauseMs)
    this.cancelTimer = clock.schedule(Math.max(0, at - clock.elapsed()), () => {
      if (this.isStarted && this.inFlight === undefined && !this.closed) this.begin()
    })
  }

  private beginIfWanted(): void {
    if (this.isStarted && this.waiting.length > 0 && this.inFlight === undefined && !this.closed) this.begin()
  }

  private begin(): void {
    const { clock } = this.environment
    this.cancelTimer?.()
    const checkpointId = this.nextId++
    const isSavepoint = this.waiting.some(wanted => wanted.isSavepoint)
    const inFlight: InFlight = {
      checkpointId,
      isSavepoint,
      createdAtMs: clock.now(),
      startedAtMs: clock.elapsed(),
      span: this.spanOf(checkpointId, isSavepoint),
      snapshots: new Map(),
      alignmentMs: 0,
      cancelTimeout: () => undefined,
      isOver: false,
    }
    this.lastBeginMs = inFlight.startedAtMs
    this.inFlight = inFlight
    if (this.settings !== undefined) {
      const { timeoutMs } = this.settings
      inFlight.cancelTimeout = clock.schedule(timeoutMs, () => {
        void this.giveUp(inFlight, new Error(`it took longer than ${timeoutMs} ms`)).then(() => this.end(inFlight))
      })
    }
    this.hooks.trigger(checkpointId)
  }

  /** Without a storage nothing is taken that could be traced. */
  private spanOf(checkpointId: number, isSavepoint: boolean): OpenSpan {
    if (this.settings === undefined) return { end: () => undefined, fail: () => undefined }
    return this.hooks.tracing.begin('sabot.checkpoint', {
      'sabot.checkpoint.id': checkpointId,
      'sabot.checkpoint.savepoint': isSavepoint,
    })
  }

  private async complete(inFlight: InFlight): Promise<void> {
    const { checkpointId, startedAtMs, isSavepoint, alignmentMs } = inFlight
    try {
      const { sizeBytes, writtenBytes } = await this.write(inFlight)
      if (inFlight.isOver) return
      inFlight.isOver = true
      this.failuresInARow = 0
      if (this.settings !== undefined) {
        const durationMs = this.environment.clock.elapsed() - startedAtMs
        const { counters } = this
        counters.completed += 1
        counters.lastId = checkpointId
        counters.lastError = undefined
        counters.lastBytes = sizeBytes
        counters.lastWrittenBytes = writtenBytes
        counters.lastDurationMs = durationMs
        counters.lastAlignmentMs = alignmentMs
        counters.stateBytes = bytesByOperator([...inFlight.snapshots.values()].flat())
        inFlight.span.end({
          'sabot.checkpoint.size_bytes': sizeBytes,
          'sabot.checkpoint.written_bytes': writtenBytes,
          'sabot.checkpoint.alignment_ms': alignmentMs,
        })
        const kind = 'checkpoint-completed'
        this.hooks.onComplete({ kind, checkpointId, isSavepoint, sizeBytes, writtenBytes, durationMs, alignmentMs })
      }
      for (const { resolve } of this.waiting.splice(0)) resolve(checkpointId)
    } catch (cause) {
      await this.giveUp(inFlight, cause)
    }
    await this.prune()
    this.end(inFlight)
  }

  private async write(inFlight: InFlight): Promise<CheckpointBytes> {
    const { writer, execution, environment } = this
    if (writer === undefined) return { sizeBytes: 0, writtenBytes: 0 }
    const { checkpointId, createdAtMs, isSavepoint, snapshots } = inFlight
    const { job, maxParallelism } = execution
    const parameters = Object.fromEntries(job.parameters.map(({ name, value }) => [name, value]))
    const head = {
      job: job.name,
      checkpointId,
      createdAtMs,
      environment: environment.name,
      abiVersion: ABI_VERSION,
      parameters,
      maxParallelism,
      ...(isSavepoint && { isSavepoint }),
    }
    const all = [...snapshots.values()].flat()
    const inOrder = job.nodes.flatMap(({ id }) => {
      return all.filter(snapshot => snapshot.id === id).sort((a, b) => (a.subtask ?? 0) - (b.subtask ?? 0))
    })
    return writer.write(head, inOrder, () => !inFlight.isOver)
  }

  private async giveUp(inFlight: InFlight, cause: unknown): Promise<void> {
    if (inFlight.isOver) return
    inFlight.isOver = true
    const { checkpointId } = inFlight
    const storage = this.settings?.storage
    const error = new SabotError(
      'CHECKPOINT_FAILED',
      `Checkpoint ${checkpointId} was aborted: ${messageOf(cause)}. The job goes on; the checkpoint before it stays valid`,
      { checkpointId, storage: storage?.description },
      { cause },
    )
    inFlight.span.fail(error)
    this.counters.failed += 1
    this.failuresInARow += 1
    this.hooks.abort(checkpointId)
    this.report(error)
    this.fail(this.waiting.splice(0), error)
    if (this.failuresInARow > (this.settings?.tolerableFailures ?? Number.POSITIVE_INFINITY)) {
      this.hooks.onIntolerable(error)
    }
    // Parts without a manifest are no checkpoint: what cannot be removed now is only in the way.
    await storage?.remove(checkpointId).catch(() => undefined)
  }

  /** Removes the oldest. That it fails harms no checkpoint, but disks fill up: it is reported. */
  private async prune(): Promise<void> {
    const { settings } = this
    if (settings === undefined) return
    try {
      await pruneCheckpoints(settings, this.hash)
      await removeUnusedParts(settings.storage, this.execution.job.name, this.hash, this.writer?.inUse ?? [])
    } catch (cause) {
      const { description } = settings.storage
      const message = `Old checkpoints in ${description} cannot be removed: ${messageOf(cause)}`
      this.report(new SabotError('CHECKPOINT_CLEANUP_FAILED', message, { storage: description }, { cause }))
    }
  }

  /** Until here a request counts as one that came while a checkpoint was in flight. */
  private end(inFlight: InFlight): void {
    if (this.inFlight !== inFlight) return
    inFlight.cancelTimeout()
    this.inFlight = undefined
    this.completing = undefined
    this.lastEndMs = this.environment.clock.elapsed()
    this.waiting.push(...this.following.splice(0))
    if (this.closed) return
    this.schedule()
    this.beginIfWanted()
  }

  private report(error: SabotError): void {
    this.counters.lastError = error
    this.hooks.onFailure(error)
  }

  private fail(waiting: readonly Waiting[], error: SabotError): void {
    for (const { reject } of waiting) reject(error)
  }
}

function bytesByOperator(snapshots: readonly OperatorSnapshot[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const { id, parts } of snapshots) {
    sums.set(
      id,
      parts.reduce((sum, { bytes }) => sum + bytes.length, sums.get(id) ?? 0),
    )
  }
  return sums
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
