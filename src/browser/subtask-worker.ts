/* A Web Worker that runs some subtasks of a job, for the worker that runs the job. */
import type { Job } from '../graph/job.js'
import type { Port } from '../runtime/remote/port.js'
import { serveWorker } from '../runtime/remote/worker-host.js'
import type { WorkerMessage } from '../runtime/remote/worker-protocol.js'
import { encodeError, toSabotError } from '../runtime/wire-error.js'
import { browserEnvironment } from './environment.js'
import { browserFiles } from './files.js'
import { jobFolder } from './job-names.js'
import type { FromSubtasks, TailsMessage, WorkRequest } from './protocol.js'
import { type Tails, tailFiles } from './tail-files.js'
import { webPort } from './web-port.js'

/** Serves the master at the other end of the request's port until this worker is ended. */
export async function serveSubtasks(
  tell: (message: FromSubtasks) => void,
  job: Job,
  { job: name, parameters, baseUrl, blobs, tails: sizes, port, lock }: WorkRequest,
): Promise<void> {
  const fail = (cause: unknown): void => {
    tell({ type: 'failed', error: encodeError(toSabotError(cause, 'JOB_FAILED', 'a worker failed')) })
  }
  // Nothing else tells the master: a rejection that nobody handles ends no worker here.
  globalThis.addEventListener('unhandledrejection', ({ reason }) => fail(reason))
  void navigator.locks.request(lock, () => {
    tell({ type: 'working' })
    return new Promise(() => undefined)
  })
  try {
    const tails = tailFiles(browserFiles({ folder: jobFolder(name), baseUrl, blobs }), sizes)
    const environment = await browserEnvironment({ files: tails.files })
    serveWorker(tellingTails(webPort(port), tails), {
      plan: async () => job.plan(parameters),
      environment: standardOutput => ({ ...environment, standardOutput }),
      openPort: transferred => webPort(transferred as MessagePort),
    })
  } catch (cause) {
    fail(cause)
  }
}

/** Before every sign of life, of which the last comes when all is written, goes what was written. */
function tellingTails(port: Port, tails: Tails): Port {
  return {
    ...port,
    post: (message, transfer) => {
      if ((message as WorkerMessage).kind === 'heartbeat')
        port.post({ kind: 'tails', tails: tails.newest() } satisfies TailsMessage, [])
      port.post(message, transfer)
    },
  }
}
