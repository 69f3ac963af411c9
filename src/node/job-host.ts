import { SabotError } from '../core/errors.js'
import type { Job } from '../graph/job.js'
import type { JobHandle, StopOptions } from '../runtime/job-handle.js'
import type { ServedJob } from './http/job-views.js'
import { serveMetrics } from './http/metrics-server.js'
import { type HttpOptions, prepare, type RunOptions } from './run.js'

/** Several jobs in one process, each with its own handle, checkpoints and workers. */
export interface JobHost {
  /** Where it serves the jobs; undefined where it does not. */
  readonly url: string | undefined
  /** Those that run, and those that have ended, in the order in which they were submitted. */
  readonly jobs: readonly JobHandle[]
  /**
   * Starts a job, as `start` does. One of the same name that has ended gives way to it.
   * @throws SabotError JOB_RUNNING_ELSEWHERE while one of the same name runs, and those of start
   */
  submit(job: Job, options?: Omit<RunOptions, 'http'>): Promise<JobHandle>
  /** Stops all jobs that run, as their handles would, and the server when they have ended. */
  close(options?: StopOptions): Promise<void>
}

/** @throws SabotError of serveMetrics */
export async function openJobHost(options: { readonly http?: HttpOptions } = {}): Promise<JobHost> {
  const { http } = options
  const running = new Map<string, ServedJob & { readonly handle: JobHandle }>()
  const starting = new Set<string>()
  const server = http && (await serveMetrics({ ...http, jobs: () => [...running.values()] }))
  if (server !== undefined) http?.onListening?.(server.url)

  async function submit(job: Job, runOptions: Omit<RunOptions, 'http'> = {}): Promise<JobHandle> {
    const { name } = job
    if (starting.has(name) || !hasEnded(running.get(name)?.handle)) {
      throw new SabotError(
        'JOB_RUNNING_ELSEWHERE',
        `Job ${name} runs already: stop it first, or give this one a name`,
        {
          job: name,
        },
      )
    }
    starting.add(name)
    try {
      const { handle, graph } = (await prepare(job, runOptions)).begin()
      running.delete(name)
      running.set(name, { handle, graph, control: handle })
      return handle
    } finally {
      starting.delete(name)
    }
  }

  return {
    url: server?.url,
    get jobs() {
      return Array.from(running.values(), ({ handle }) => handle)
    },
    submit,
    async close(stopOptions) {
      await Promise.all(Array.from(running.values(), ({ handle }) => handle.stop(stopOptions)))
      await server?.close()
    },
  }
}

function hasEnded(handle: JobHandle | undefined): boolean {
  return handle === undefined || ['finished', 'stopped', 'cancelled', 'failed'].includes(handle.status)
}
