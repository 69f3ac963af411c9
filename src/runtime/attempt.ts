import type { CheckpointCoordinator } from './coordinator.js'
import type { Executor } from './executor.js'

/** How an attempt came to rest without a failure: all input is worked off, or it was told to stop or to be rescaled. */
export type Outcome = 'finished' | 'stopped' | 'rescaled'

/** One life of a job, from its start or a recovery to its end or a failure. */
export interface Attempt {
  executor: Executor | undefined
  coordinator: CheckpointCoordinator | undefined
  /** Settled by the first call of `conclude` or `fail`. */
  readonly outcome: Promise<Outcome>
  readonly conclude: (outcome: Outcome) => void
  readonly fail: (cause: unknown) => void
  failure: { readonly cause: unknown } | undefined
}

export function newAttempt(): Attempt {
  let conclude: (outcome: Outcome) => void = () => undefined
  let reject: (cause: unknown) => void = () => undefined
  const outcome = new Promise<Outcome>((resolve, refuse) => {
    conclude = resolve
    reject = refuse
  })
  // It may fail before or after anybody waits for it.
  outcome.catch(() => undefined)
  const attempt: Attempt = {
    executor: undefined,
    coordinator: undefined,
    outcome,
    conclude,
    fail: cause => {
      attempt.failure ??= { cause }
      reject(cause)
    },
    failure: undefined,
  }
  return attempt
}
