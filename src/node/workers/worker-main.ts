/* The entry of a worker thread: imports the user's module and serves the master. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { withMaxParallelism } from '../../graph/parallelism.js'
import { serveWorker } from '../../runtime/remote/worker-host.js'
import { loadJob } from '../cli/load.js'
import { nodeEnvironment } from '../environment.js'
import { nodePort } from './message-port.js'
import type { WorkerData } from './worker-threads.js'

if (parentPort === null) throw new TypeError('This module is the entry of a worker thread')
const { specifier, parameters, maxParallelism, baseDirectory, memoryLimitBytes } = workerData as WorkerData

serveWorker(nodePort(parentPort), {
  plan: async () => withMaxParallelism((await loadJob(specifier)).plan(parameters), maxParallelism),
  environment: standardOutput => {
    return nodeEnvironment({
      standardOutput,
      ...(baseDirectory === undefined ? {} : { baseDirectory }),
      ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    })
  },
  openPort: transferred => nodePort(transferred as MessagePort),
})
