/* Running a job's subtasks in worker threads of this process. */
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import { type Duration, parseDuration } from '../../core/duration.js'
import { describeValue, SabotError } from '../../core/errors.js'
import type { Environment } from '../../runtime/environment.js'
import { inThisThread, type Workers } from '../../runtime/execute.js'
import { RemoteExecutor, type WorkerThread, type WorkerThreads } from '../../runtime/remote/remote-executor.js'
import { fingerprintOf } from '../../runtime/remote/worker-host.js'
import { nodePort } from './message-port.js'

/**
 * Worker threads for the subtasks of a job. Sinks run there too: what `collect`, `table` and `asyncIterable` gather in a
 * worker cannot be read here; write files, or use `callback`.
 */
export interface WorkerOptions {
  /** The module that exports the job, as a path or a file URL: each worker imports it and builds the graph anew. */
  readonly module: string | URL
  /** The name of the export. Default: the default export, or the only job that the module exports. */
  readonly exportName?: string
  /** Worker threads, at most one a slot. Default: one a slot. */
  readonly count?: number
  /** With fewer subtasks side by side than this the job runs in this thread. Default 1: workers always. */
  readonly fromParallelism?: number
  /** A worker that answers nothing for so long is ended, and the job fails. Default '30s'. */
  readonly hangTimeout?: Duration
  /** A worker that has not loaded the module and opened its subtasks after so long is ended. Default '5m'. */
  readonly openTimeout?: Duration
  /** The most JavaScript heap of one worker, MiB; it ends when it needs more, and the job fails. Default: as Node has it. */
  readonly heapLimitMb?: number
}

/** What a worker thread is started with. */
export interface WorkerData {
  readonly specifier: string
  readonly parameters: Readonly<Record<string, string>>
  /** The number of key groups that whoever runs the job wants instead of what the job says. */
  readonly maxParallelism: number | undefined
  readonly baseDirectory: string | undefined
  readonly memoryLimitBytes: number | undefined
}

const CLOSE_TIMEOUT_MS = 10_000

/** @throws SabotError INVALID_OPTION, INVALID_DURATION */
export function nodeWorkers(
  options: WorkerOptions,
  data: Omit<WorkerData, 'specifier'>,
  environment: Environment,
): Workers {
  const { module, exportName, count, fromParallelism = 1, hangTimeout = '30s', openTimeout = '5m' } = options
  const { heapLimitMb } = options
  if (count !== undefined && !(Number.isInteger(count) && count >= 1)) {
    throw new SabotError('INVALID_OPTION', `workers.count is a whole number from 1, not ${describeValue(count)}`, {
      option: 'workers.count',
      value: count,
    })
  }
  if (heapLimitMb !== undefined && !(heapLimitMb > 0)) {
    const message = `workers.heapLimitMb is a number of MiB above 0, not ${describeValue(heapLimitMb)}`
    throw new SabotError('INVALID_OPTION', message, { option: 'workers.heapLimitMb', value: heapLimitMb })
  }
  const hangTimeoutMs = parseDuration(hangTimeout)
  const openTimeoutMs = parseDuration(openTimeout)
  const file = typeof module === 'string' && !module.startsWith('file:') ? module : fileURLToPath(module)
  const specifier = exportName === undefined ? file : `${file}:${exportName}`
  return {
    open(deployment, events) {
      const { execution } = deployment
      if (execution.slots.length < fromParallelism) return inThisThread(environment).open(deployment, events)
      const workers = Math.min(count ?? execution.slots.length, execution.slots.length)
      const fingerprint = fingerprintOf(environment.createKernel(), execution)
      const settings = { workers, fingerprint, hangTimeoutMs, openTimeoutMs, closeTimeoutMs: CLOSE_TIMEOUT_MS }
      return RemoteExecutor.open(
        deployment,
        threads({ ...data, specifier }, heapLimitMb),
        settings,
        environment,
        events,
      )
    },
  }
}

function threads(workerData: WorkerData, heapLimitMb: number | undefined): WorkerThreads {
  return {
    start: () => startThread(workerData, heapLimitMb),
    channel() {
      const { port1, port2 } = new MessageChannel()
      return [port1, port2]
    },
  }
}

function startThread(workerData: WorkerData, heapLimitMb: number | undefined): WorkerThread {
  const worker = new Worker(new URL('./worker-main.js', import.meta.url), {
    workerData,
    ...(heapLimitMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapLimitMb } }),
  })
  return {
    port: nodePort(worker),
    onDeath(handler) {
      worker.on('error', handler)
      worker.on('messageerror', handler)
      worker.on('exit', code => handler(new Error(`exit code ${code}`)))
    },
    async terminate() {
      await worker.terminate()
    },
  }
}
