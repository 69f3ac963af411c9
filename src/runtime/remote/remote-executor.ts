import { SabotError } from '../../core/errors.js'
import type { ByteOutput } from '../../operators/sink.js'
import type { Clock } from '../environment.js'
import type { Deployment, Executor, ExecutorEvents } from '../executor.js'
import type { SubtaskMetrics } from '../metrics.js'
import { statesFor } from '../subtask-state.js'
import { decodeError, encodeError, toSabotError } from '../wire-error.js'
import type { Port } from './port.js'
import { workerOfSlot } from './worker-channels.js'
import type { MasterMessage, WorkerMessage } from './worker-protocol.js'

/** A thread that runs `serveWorker`, as the one who started it sees it. */
export interface WorkerThread {
  readonly port: Port
  /** Called when it ends by itself, for whatever reason. */
  onDeath(handler: (cause: unknown) => void): void
  /** Ends it, whatever it does. */
  terminate(): Promise<void>
}

export interface WorkerThreads {
  start(): WorkerThread
  /** The two ends of a channel between two workers, to be transferred. */
  channel(): readonly [unknown, unknown]
}

export interface RemoteExecutorSettings {
  readonly workers: number
  readonly fingerprint: string
  /** A worker that has said nothing for so long hangs in a function of the user: it is ended, and the job fails, ms. */
  readonly hangTimeoutMs: number
  /** A worker that has not opened its subtasks after so long is ended, and the job fails, ms. */
  readonly openTimeoutMs: number
  /** Workers tell how far they are so often, ms. Default: each second, or four times in `hangTimeoutMs`. */
  readonly heartbeatMs?: number
  /** How long a worker may take to close, ms. */
  readonly closeTimeoutMs: number
}

/** Metrics of a job in workers are as old as this at most. */
const HEARTBEAT_MS = 1_000

/** Runs the subtasks of a job in worker threads. The death of one of them is the failure of all. */
export class RemoteExecutor implements Executor {
  private readonly workers: Worker[] = []
  private readonly events: ExecutorEvents
  private hasFailed = false

  private constructor(events: ExecutorEvents) {
    this.events = events
  }

  /** @throws SabotError of a worker that cannot open its subtasks; all are ended then. */
  static async open(
    deployment: Deployment,
    threads: WorkerThreads,
    settings: RemoteExecutorSettings,
    environment: { readonly clock: Clock; readonly standardOutput: ByteOutput },
    events: ExecutorEvents,
  ): Promise<RemoteExecutor> {
    const executor = new RemoteExecutor(events)
    const { workers: count, fingerprint, hangTimeoutMs } = settings
    for (let number = 0; number < count; number++) {
      executor.workers.push(new Worker(number, threads.start(), executor, settings, environment))
    }
    const peers = meshOf(count, threads)
    const { execution, batchRows, bufferTimeoutMs } = deployment
    const opening = executor.workers.map((worker, number) => {
      const own = peers[number] ?? new Map<number, unknown>()
      const { parallelism } = execution
      const head = {
        kind: 'deploy',
        job: execution.job.name,
        fingerprint,
        parallelism,
        batchRows,
        bufferTimeoutMs,
      } as const
      const heartbeatMs = Math.max(1, settings.heartbeatMs ?? Math.min(HEARTBEAT_MS, hangTimeoutMs / 4))
      const subtasks = execution.subtasks.filter(({ slot }) => workerOfSlot(slot, count) === number)
      const states = statesFor(subtasks, deployment.states)
      const transfer = [...own.values()]
      worker.watch()
      return worker.ask(
        { ...head, worker: number, workers: count, states, peers: own, heartbeatMs },
        'opened',
        transfer,
      )
    })
    try {
      await Promise.all(opening)
      return executor
    } catch (cause) {
      await Promise.all(executor.workers.map(worker => worker.terminate()))
      throw cause
    }
  }

  start(): void {
    this.tell({ kind: 'start' })
  }

  trigger(checkpointId: number): void {
    this.tell({ kind: 'trigger', checkpointId })
  }

  complete(checkpointId: number): void {
    this.tell({ kind: 'complete', checkpointId })
  }

  abort(checkpointId: number): void {
    this.tell({ kind: 'abort', checkpointId })
  }

  stop(): void {
    this.tell({ kind: 'stop' })
  }

  proceed(): void {
    this.tell({ kind: 'proceed' })
  }

  endSources(): void {
    this.tell({ kind: 'end-sources' })
  }

  async release(hasFinished: boolean): Promise<void> {
    await this.askAll({ kind: 'release', hasFinished }, 'released')
  }

  async drained(): Promise<void> {
    await this.askAll({ kind: 'drain' }, 'drained')
  }

  metrics(): readonly SubtaskMetrics[] {
    return this.workers.flatMap(({ metrics }) => metrics)
  }

  async close(): Promise<void> {
    const errors = await Promise.all(this.workers.map(worker => worker.close()))
    const error = errors.find(found => found !== undefined)
    if (error !== undefined) throw error
  }

  /** The first failure is told; the others follow from it. */
  failed(cause: unknown): void {
    if (this.hasFailed) return
    this.hasFailed = true
    this.events.failed(cause)
  }

  receive(message: Extract<WorkerMessage, { kind: 'ended' | 'acknowledged' }>): void {
    if (message.kind === 'ended') this.events.ended(message.subtask)
    else this.events.acknowledged(message.subtask, message)
  }

  private tell(message: MasterMessage): void {
    for (const worker of this.workers) worker.tell(message)
  }

  /** A worker that dies in the meantime has told so: nobody waits for it. */
  private async askAll(message: MasterMessage, answer: Answer): Promise<void> {
    await Promise.allSettled(this.workers.map(worker => worker.ask(message, answer, [])))
  }
}

type Answer = 'opened' | 'released' | 'drained' | 'closed'

/** One worker: who waits for what, and whether it lives. */
class Worker {
  metrics: readonly SubtaskMetrics[] = []
  private readonly number: number
  private readonly thread: WorkerThread
  private readonly executor: RemoteExecutor
  private readonly settings: RemoteExecutorSettings
  private readonly clock: Clock
  private readonly waiting = new Map<Answer, { resolve: () => void; reject: (cause: unknown) => void }>()
  private isDead = false
  private isOpen = false
  private cancelWatch: () => void = () => undefined
  private closeError: SabotError | undefined

  constructor(
    number: number,
    thread: WorkerThread,
    executor: RemoteExecutor,
    settings: RemoteExecutorSettings,
    { clock, standardOutput }: { readonly clock: Clock; readonly standardOutput: ByteOutput },
  ) {
    this.number = number
    this.thread = thread
    this.executor = executor
    this.settings = settings
    this.clock = clock
    thread.port.onMessage(message => this.receive(message as WorkerMessage, standardOutput))
    thread.onDeath(cause => this.died(cause))
  }

  tell(message: MasterMessage, transfer: readonly unknown[] = []): void {
    if (!this.isDead) this.thread.port.post(message, transfer)
  }

  ask(message: MasterMessage, answer: Answer, transfer: readonly unknown[]): Promise<void> {
    if (this.isDead) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.waiting.set(answer, { resolve, reject })
      this.tell(message, transfer)
    })
  }

  /** What went wrong in closing. A worker that does not close in time is ended. */
  async close(): Promise<SabotError | undefined> {
    this.cancelWatch()
    const closed = this.ask({ kind: 'close' }, 'closed', []).catch(() => undefined)
    const late = new Promise<void>(resolve => {
      const cancel = this.clock.schedule(this.settings.closeTimeoutMs, resolve)
      void closed.then(cancel)
    })
    await Promise.race([closed, late])
    await this.terminate()
    return this.closeError
  }

  async terminate(): Promise<void> {
    this.isDead = true
    this.cancelWatch()
    await this.thread.terminate()
  }

  private receive(message: WorkerMessage, standardOutput: ByteOutput): void {
    if (this.isDead) return
    if (message.kind === 'opened') this.isOpen = true
    this.watch()
    switch (message.kind) {
      case 'heartbeat':
        this.metrics = message.metrics
        break
      case 'ended':
      case 'acknowledged':
        this.executor.receive(message)
        break
      case 'failed':
        this.fails(decodeError(message.error))
        break
      case 'write':
        standardOutput.write(message.bytes).then(
          () => this.tell({ kind: 'written', error: undefined }),
          (cause: unknown) => {
            const error = encodeError(toSabotError(cause, 'OUTPUT_CLOSED', 'standard output'))
            this.tell({ kind: 'written', error })
          },
        )
        break
      case 'closed':
        this.closeError = message.error && decodeError(message.error)
        this.answer('closed')
        break
      default:
        this.answer(message.kind)
    }
  }

  private answer(answer: Answer): void {
    this.waiting.get(answer)?.resolve()
    this.waiting.delete(answer)
  }

  /** Begins the wait for the next sign of life anew. While it opens nothing but the end of that is waited for. */
  watch(): void {
    const { hangTimeoutMs, openTimeoutMs } = this.settings
    const { isOpen } = this
    this.cancelWatch()
    const timeoutMs = isOpen ? hangTimeoutMs : openTimeoutMs
    this.cancelWatch = this.clock.schedule(timeoutMs, () => {
      const message = isOpen
        ? `Worker ${this.number} has not answered for ${timeoutMs} ms: a function in it does not return`
        : `Worker ${this.number} has not opened in ${timeoutMs} ms: the job's module, a source or a sink does not come back`
      const error = new SabotError('WORKER_HANGS', message, { worker: this.number, timeoutMs })
      void this.terminate().then(() => this.fails(error))
    })
  }

  private died(cause: unknown): void {
    if (this.isDead) return
    this.isDead = true
    this.cancelWatch()
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `Worker ${this.number} ended by itself: ${reason}`
    this.fails(new SabotError('WORKER_FAILED', message, { worker: this.number }, { cause }))
  }

  private fails(error: SabotError): void {
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
    this.executor.failed(error)
  }
}

/** For each worker the ends of its channels to all others. */
function meshOf(workers: number, threads: WorkerThreads): Map<number, unknown>[] {
  const ends = Array.from({ length: workers }, () => new Map<number, unknown>())
  for (let one = 0; one < workers; one++) {
    for (let other = one + 1; other < workers; other++) {
      const [a, b] = threads.channel()
      ends[one]?.set(other, a)
      ends[other]?.set(one, b)
    }
  }
  return ends
}
