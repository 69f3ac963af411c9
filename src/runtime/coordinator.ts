import { SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'
import type { JobGraph } from '../graph/job-graph.js'
import { ABI_VERSION } from '../kernel/module.js'
import type { OperatorState } from '../operators/operator.js'
import { type OperatorSnapshot, writeCheckpoint } from '../state/checkpoint.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import type { Hash } from '../state/manifest.js'
import type { Environment } from './environment.js'
import type { JobEvent } from './job-handle.js'
import type { NodeCounters } from './task-node.js'

export interface CheckpointSettings {
  readonly storage: CheckpointStorage
  /** Time from one checkpoint's begin to the next, ms. 0: only on demand and when the job stops. */
  readonly intervalMs: number
  /** Complete checkpoints that are kept, at least 1. */
  readonly retained: number
}

export interface CheckpointCounters {
  completed: number
  failed: number
  lastId: number | undefined
  lastBytes: number
  lastDurationMs: number
  lastError: SabotError | undefined
}

export interface CoordinatorHooks {
  /** The largest checkpoint id in the storage; numbers begin behind it. */
  readonly lastCheckpointId: number
  /** The task should look at wantsBarrier. */
  onWish(): void
  onComplete(event: Extract<JobEvent, { kind: 'checkpoint-completed' }>): void
  onFailure(error: SabotError): void
}

interface InFlight {
  readonly checkpointId: number
  readonly createdAtMs: number
  readonly startedAtMs: number
  readonly snapshots: Map<string, OperatorSnapshot>
}

/**
 * Numbers checkpoints, collects acknowledgements, writes what was acknowledged, and tells the sinks. One checkpoint is
 * in flight at a time. A checkpoint that cannot be written is aborted and reported; the job goes on.
 */
export class CheckpointCoordinator {
  readonly counters: CheckpointCounters = {
    completed: 0,
    failed: 0,
    lastId: undefined,
    lastBytes: 0,
    lastDurationMs: 0,
    lastError: undefined,
  }
  private inFlight: InFlight | undefined
  private requested = false
  private waiting: { resolve: (id: number) => void; reject: (error: SabotError) => void }[] = []
  private following: { resolve: (id: number) => void; reject: (error: SabotError) => void }[] = []
  private cancelTimer: (() => void) | undefined
  private completing: Promise<void> | undefined
  private closed = false
  private nextId: number

  private readonly settings: CheckpointSettings
  private readonly graph: JobGraph
  private readonly environment: Pick<Environment, 'name' | 'clock'>
  private readonly hash: Hash
  private readonly hooks: CoordinatorHooks

  constructor(
    settings: CheckpointSettings,
    graph: JobGraph,
    environment: Pick<Environment, 'name' | 'clock'>,
    hash: Hash,
    hooks: CoordinatorHooks,
  ) {
    this.settings = settings
    this.graph = graph
    this.environment = environment
    this.hash = hash
    this.hooks = hooks
    this.nextId = hooks.lastCheckpointId + 1
  }

  /** Begins the periodic checkpoints. */
  start(): void {
    if (this.settings.intervalMs <= 0 || this.closed) return
    this.cancelTimer = this.environment.clock.schedule(this.settings.intervalMs, () => {
      this.requested = true
      this.hooks.onWish()
    })
  }

  /** Whether the task should inject a barrier now. */
  get wantsBarrier(): boolean {
    return this.requested && this.inFlight === undefined && !this.closed
  }

  /** Asks for a checkpoint; fulfilled with its id when it is complete, rejected with CHECKPOINT_FAILED. */
  request(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new SabotError('CHECKPOINT_FAILED', 'The job has ended', { job: this.graph.name }))
        return
      }
      // One that is in flight does not hold what came since its barrier: the next one does.
      const list = this.inFlight === undefined ? this.waiting : this.following
      list.push({ resolve, reject })
      this.requested = true
      this.hooks.onWish()
    })
  }

  /** The task is about to inject a barrier of this number; the positions of its sources are those of the barrier. */
  begin(sources: readonly { readonly node: NodeCounters; readonly position: Json }[]): number {
    this.requested = false
    this.cancelTimer?.()
    const checkpointId = this.nextId++
    this.inFlight = {
      checkpointId,
      createdAtMs: this.environment.clock.now(),
      startedAtMs: this.environment.clock.elapsed(),
      snapshots: new Map(),
    }
    for (const { node, position } of sources) this.acknowledge(node, checkpointId, { state: position, parts: [] })
    return checkpointId
  }

  acknowledge({ id, rowsIn, rowsOut }: NodeCounters, checkpointId: number, state: OperatorState): void {
    const { inFlight } = this
    if (inFlight === undefined || inFlight.checkpointId !== checkpointId) return
    const { kind, settings } = this.graph.node(id)
    inFlight.snapshots.set(id, { id, kind, settings, rowsIn, rowsOut, ...state })
    if (inFlight.snapshots.size === this.graph.nodes.length) this.completing = this.complete(inFlight)
  }

  /** Ends it: nothing begins any more, what is being written is written, and who still waits is told. */
  async close(): Promise<void> {
    this.closed = true
    this.cancelTimer?.()
    await this.completing
    this.fail(
      this.waiting.splice(0),
      new SabotError('CHECKPOINT_FAILED', 'The job ended before the checkpoint was complete'),
    )
    this.fail(
      this.following.splice(0),
      new SabotError('CHECKPOINT_FAILED', 'The job ended before the checkpoint began'),
    )
  }

  private async complete(inFlight: InFlight): Promise<void> {
    const { checkpointId, createdAtMs, startedAtMs } = inFlight
    const { storage } = this.settings
    try {
      const parameters = Object.fromEntries(this.graph.parameters.map(({ name, value }) => [name, value]))
      const head = {
        job: this.graph.name,
        checkpointId,
        createdAtMs,
        environment: this.environment.name,
        abiVersion: ABI_VERSION,
        parameters,
      }
      const snapshots = this.graph.nodes.flatMap(({ id }) => inFlight.snapshots.get(id) ?? [])
      this.counters.lastBytes = await writeCheckpoint(storage, head, snapshots, this.hash)
      this.counters.completed += 1
      this.counters.lastId = checkpointId
      this.counters.lastError = undefined
      this.counters.lastDurationMs = this.environment.clock.elapsed() - startedAtMs
      const { lastBytes: sizeBytes, lastDurationMs: durationMs } = this.counters
      this.hooks.onComplete({ kind: 'checkpoint-completed', checkpointId, sizeBytes, durationMs })
      for (const { resolve } of this.waiting.splice(0)) resolve(checkpointId)
    } catch (cause) {
      await this.abort(checkpointId, cause)
    }
    await this.prune()
    // Until here a request counts as one that came while a checkpoint was in flight.
    this.inFlight = undefined
    this.waiting = this.following.splice(0)
    this.hooks.onWish()
    this.start()
  }

  private async abort(checkpointId: number, cause: unknown): Promise<void> {
    const { storage } = this.settings
    const error = new SabotError(
      'CHECKPOINT_FAILED',
      `Checkpoint ${checkpointId} was aborted: ${messageOf(cause)}. The job goes on; the checkpoint before it stays valid`,
      { checkpointId, storage: storage.description },
      { cause },
    )
    this.counters.failed += 1
    this.report(error)
    this.fail(this.waiting.splice(0), error)
    // Parts without a manifest are no checkpoint: what cannot be removed now is only in the way.
    await storage.remove(checkpointId).catch(() => undefined)
  }

  /** Removes the oldest. That it fails harms no checkpoint, but disks fill up: it is reported. */
  private async prune(): Promise<void> {
    const { storage, retained } = this.settings
    try {
      const ids = await storage.list()
      for (const id of ids.slice(0, Math.max(0, ids.length - retained))) await storage.remove(id)
    } catch (cause) {
      const message = `Old checkpoints in ${storage.description} cannot be removed: ${messageOf(cause)}`
      this.report(new SabotError('CHECKPOINT_CLEANUP_FAILED', message, { storage: storage.description }, { cause }))
    }
  }

  private report(error: SabotError): void {
    this.counters.lastError = error
    this.hooks.onFailure(error)
  }

  private fail(waiting: { reject: (error: SabotError) => void }[], error: SabotError): void {
    for (const { reject } of waiting) reject(error)
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
