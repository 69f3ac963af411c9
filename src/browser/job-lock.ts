import { SabotError } from '../core/errors.js'
import { jobLockName } from './job-names.js'

/**
 * Does `action` while no other tab or worker runs or changes this job. The lock goes with the tab, however that ends.
 * Fails with JOB_RUNNING_ELSEWHERE when it is not free within `waitMs`, with INSECURE_CONTEXT where the page is neither
 * served over https nor from this machine: such pages have no locks and no storage for files.
 */
export async function withJobLock<T>(job: string, waitMs: number, action: () => Promise<T>): Promise<T> {
  assertSecureContext()
  let held = false
  try {
    return await navigator.locks.request(jobLockName(job), { signal: AbortSignal.timeout(waitMs) }, () => {
      held = true
      return action()
    })
  } catch (cause) {
    if (held) throw cause
    throw new SabotError(
      'JOB_RUNNING_ELSEWHERE',
      `job ${job} is running in another tab; stop it there, or close that tab`,
      { job },
      { cause },
    )
  }
}

/** Whether some tab holds the job's lock now. Fails with INSECURE_CONTEXT. */
export async function isJobRunning(job: string): Promise<boolean> {
  assertSecureContext()
  const { held } = await navigator.locks.query()
  return held?.some(lock => lock.name === jobLockName(job)) ?? false
}

/** Fulfilled once no tab holds the job's lock. Fails with INSECURE_CONTEXT. */
export async function jobReleased(job: string): Promise<void> {
  assertSecureContext()
  await navigator.locks.request(jobLockName(job), { mode: 'shared' }, () => {})
}

function assertSecureContext(): void {
  if (globalThis.isSecureContext) return
  throw new SabotError('INSECURE_CONTEXT', 'jobs need a page from https:// or from localhost; open it from there')
}
