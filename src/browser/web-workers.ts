/* Running a job's subtasks in Web Workers: as many of the same script as there are slots. */
import { SabotError } from '../core/errors.js'
import type { Environment } from '../runtime/environment.js'
import { inThisThread, type Workers } from '../runtime/execute.js'
import type { Port } from '../runtime/remote/port.js'
import { RemoteExecutor, type WorkerThread } from '../runtime/remote/remote-executor.js'
import { fingerprintOf } from '../runtime/remote/worker-host.js'
import type { WorkerMessage } from '../runtime/remote/worker-protocol.js'
import { decodeError } from '../runtime/wire-error.js'
import { newWorkerLockName } from './job-names.js'
import type { FromSubtasks, TailsMessage, WorkRequest, WorkSettings } from './protocol.js'
import { webPort } from './web-port.js'

export interface WebWorkersOptions {
  readonly work: WorkSettings
  /** A worker that answers nothing for so long is ended, ms. */
  readonly hangTimeoutMs: number
  /** Workers tell how far they are so often, ms. */
  readonly heartbeatMs: number
  /** The newest bytes of files that a worker writes, as it tells them. */
  onTails(tails: Readonly<Record<string, Uint8Array>>): void
}

const CLOSE_TIMEOUT_MS = 10_000
/** Loading the module and opening what the job reads takes longer than anything else. */
const OPEN_TIMEOUT_MS = 300_000

/** One worker a slot; a job of one slot stays in this worker. */
export function webWorkers(options: WebWorkersOptions, environment: Environment): Workers {
  const { hangTimeoutMs, heartbeatMs } = options
  return {
    open(deployment, events) {
      const { execution } = deployment
      if (execution.slots.length === 1) return inThisThread(environment).open(deployment, events)
      const fingerprint = fingerprintOf(environment.createKernel(), execution)
      const workers = execution.slots.length
      const settings = {
        workers,
        fingerprint,
        hangTimeoutMs,
        openTimeoutMs: OPEN_TIMEOUT_MS,
        heartbeatMs,
        closeTimeoutMs: CLOSE_TIMEOUT_MS,
      }
      const threads = {
        start: () => startWorker(options),
        channel: () => {
          const { port1, port2 } = new MessageChannel()
          return [port1, port2] as const
        },
      }
      return RemoteExecutor.open(deployment, threads, settings, environment, events)
    },
  }
}

/** The script of this worker once more: it imports the job, calls `serveJobs`, and is told to work instead of to run. */
function startWorker({ work, onTails }: WebWorkersOptions): WorkerThread {
  const worker = new Worker(globalThis.location.href, { type: 'module' })
  const { port1, port2 } = new MessageChannel()
  const lock = newWorkerLockName()
  const { job, parameters, baseUrl, blobs, tails } = work
  const request: WorkRequest = { type: 'work', job, parameters, baseUrl, blobs, tails, port: port2, lock }
  worker.postMessage(request, [port2])
  let die: (cause: unknown) => void = () => undefined
  worker.addEventListener('error', event => {
    event.preventDefault()
    die(new Error(event.message || 'its script cannot be loaded'))
  })
  worker.addEventListener('messageerror', () => die(new Error('it sent what cannot be read')))
  worker.addEventListener('message', ({ data }: MessageEvent<FromSubtasks>) => {
    // Nobody tells when a worker is gone, but its lock is free then.
    if (data.type === 'working') void navigator.locks.request(lock, () => die(new Error('it is gone')))
    else die(decodeError(data.error))
  })
  return {
    port: withoutTails(webPort(port1), onTails),
    onDeath: handler => {
      die = handler
    },
    terminate: async () => worker.terminate(),
  }
}

/** The engine's messages, without those that tell what was written. */
function withoutTails(port: Port, onTails: WebWorkersOptions['onTails']): Port {
  return {
    ...port,
    onMessage: handler => {
      port.onMessage(message => {
        const told = message as WorkerMessage | TailsMessage
        if (told.kind === 'tails') onTails(told.tails)
        else handler(message)
      })
    },
  }
}

/** @throws SabotError INVALID_OPTION */
export function checkMilliseconds(option: string, value: number): number {
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value
  throw new SabotError('INVALID_OPTION', `${option} is a number of milliseconds above 0, not ${value}`, {
    option,
    value,
  })
}
