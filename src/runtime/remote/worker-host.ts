import { SabotError } from '../../core/errors.js'
import { ExecutionGraph } from '../../graph/execution-graph.js'
import type { JobGraph } from '../../graph/job-graph.js'
import { xxh64Hex } from '../../kernel/hash.js'
import type { Kernel } from '../../kernel/module.js'
import type { ByteOutput } from '../../operators/sink.js'
import type { Environment } from '../environment.js'
import { LocalExecutor } from '../local-executor.js'
import { decodeError, encodeError, toSabotError } from '../wire-error.js'
import { PeerLink } from './peer-link.js'
import type { Port } from './port.js'
import { WorkerChannels, workerOfSlot } from './worker-channels.js'
import type { MasterMessage, WorkerMessage } from './worker-protocol.js'

/** What a worker needs of the thread that it runs in. */
export interface WorkerEdge {
  /** Builds the job's graph anew, from the module that defines it. */
  plan(): Promise<JobGraph>
  environment(standardOutput: ByteOutput): Environment
  /** A port that came in a message. */
  openPort(transferred: unknown): Port
}

/** A hash of the whole plan: who builds another graph has another one. */
export function fingerprintOf(kernel: Kernel, execution: ExecutionGraph): string {
  return xxh64Hex(kernel, new TextEncoder().encode(execution.canonical))
}

/** Makes this thread a worker of the master at the other end of the port. */
export function serveWorker(port: Port, edge: WorkerEdge): void {
  const host = new WorkerHost(port, edge)
  port.onMessage(message => host.receive(message as MasterMessage))
}

class WorkerHost {
  private executor: LocalExecutor | undefined
  private links: readonly PeerLink[] = []
  private cancelHeartbeat: () => void = () => undefined
  /** Who waits for the master to have written to standard output. */
  private written: { readonly resolve: () => void; readonly reject: (cause: unknown) => void } | undefined
  private output: Promise<void> = Promise.resolve()

  private readonly port: Port
  private readonly edge: WorkerEdge

  constructor(port: Port, edge: WorkerEdge) {
    this.port = port
    this.edge = edge
  }

  receive(message: MasterMessage): void {
    const { executor } = this
    switch (message.kind) {
      case 'deploy':
        this.deploy(message).then(
          () => this.say({ kind: 'opened' }),
          (cause: unknown) => this.fail(cause),
        )
        break
      case 'start':
        executor?.start()
        break
      case 'stop':
        executor?.stop()
        break
      case 'proceed':
        executor?.proceed()
        break
      case 'end-sources':
        executor?.endSources()
        break
      case 'trigger':
        executor?.trigger(message.checkpointId)
        break
      case 'complete':
        executor?.complete(message.checkpointId)
        break
      case 'abort':
        executor?.abort(message.checkpointId)
        break
      case 'release':
        void executor?.release(message.hasFinished).then(() => this.say({ kind: 'released' }))
        break
      case 'drain':
        void executor?.drained().then(() => {
          // The last figures, before the operators are closed.
          this.say({ kind: 'heartbeat', metrics: executor.metrics() })
          this.say({ kind: 'drained' })
        })
        break
      case 'close':
        void this.close()
        break
      case 'written':
        if (message.error === undefined) this.written?.resolve()
        else this.written?.reject(decodeError(message.error))
    }
  }

  private async deploy(message: Extract<MasterMessage, { kind: 'deploy' }>): Promise<void> {
    const { fingerprint, parallelism, batchRows, bufferTimeoutMs, worker, workers, states, peers, heartbeatMs } =
      message
    const execution = new ExecutionGraph(await this.edge.plan(), parallelism)
    if (execution.job.name !== message.job) {
      throw new SabotError(
        'GRAPH_MISMATCH',
        `Worker ${worker} found job ${execution.job.name}, not ${message.job}: functions cannot go to a worker, so the ` +
          'module that it imports must export the very job that runs. Name that module, and the export',
        { job: message.job, found: execution.job.name, worker },
      )
    }
    const environment = this.edge.environment({ write: bytes => this.write(bytes) })
    const kernel = environment.createKernel()
    if (fingerprintOf(kernel, execution) !== fingerprint) {
      throw new SabotError(
        'GRAPH_MISMATCH',
        `Worker ${worker} built another graph of job ${execution.job.name} than the master: what the module builds must ` +
          'follow from its parameters alone, not from time, chance or what ran before',
        { job: execution.job.name, worker },
      )
    }
    const links = new Map<number, PeerLink>()
    for (const [peer, raw] of peers) links.set(peer, new PeerLink(this.edge.openPort(raw), cause => this.fail(cause)))
    this.links = [...links.values()]
    const channels = new WorkerChannels(execution, workers, worker, links)
    const own = execution.subtasks.filter(({ slot }) => workerOfSlot(slot, workers) === worker)
    const context = { environment, kernel, channels }
    this.executor = await LocalExecutor.open(own, { execution, states, batchRows, bufferTimeoutMs }, context, {
      acknowledged: (subtask, acknowledgement) => this.say({ kind: 'acknowledged', subtask, ...acknowledgement }),
      ended: subtask => this.say({ kind: 'ended', subtask }),
      failed: cause => this.fail(cause),
    })
    const beat = (): void => {
      this.say({ kind: 'heartbeat', metrics: this.executor?.metrics() ?? [] })
      this.cancelHeartbeat = environment.clock.schedule(heartbeatMs, beat)
    }
    beat()
  }

  /** Standard output is the master's: one write after the other. */
  private write(bytes: Uint8Array): Promise<void> {
    const next = this.output.then(() => {
      return new Promise<void>((resolve, reject) => {
        this.written = { resolve, reject }
        this.say({ kind: 'write', bytes })
      })
    })
    this.output = next.catch(() => undefined)
    return next
  }

  private async close(): Promise<void> {
    this.cancelHeartbeat()
    const { executor } = this
    let error: SabotError | undefined
    try {
      await executor?.close()
    } catch (cause) {
      error = toSabotError(cause, 'JOB_FAILED', 'closing a worker')
    }
    for (const link of this.links) link.close()
    this.say({ kind: 'closed', error: error && encodeError(error) })
  }

  private fail(cause: unknown): void {
    this.say({ kind: 'failed', error: encodeError(toSabotError(cause, 'JOB_FAILED', 'the job failed in a worker')) })
  }

  private say(message: WorkerMessage): void {
    this.port.post(message, [])
  }
}
