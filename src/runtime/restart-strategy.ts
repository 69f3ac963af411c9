import { type Duration, parseDuration } from '../core/duration.js'
import { describeValue, SabotError } from '../core/errors.js'

/** Decides after each failure of a job how long to wait before it runs again; undefined: it has failed for good. */
export interface RestartStrategy {
  /** In words, for events and logs. */
  readonly description: string
  /** State of its own for one job: what it knows of earlier failures. */
  begin(): (failure: { readonly atMs: number }) => number | undefined
}

/** A job that fails has failed. */
export const noRestart: RestartStrategy = { description: 'none', begin: () => () => undefined }

/**
 * Up to `attempts` restarts in all, each after the same delay.
 * @throws SabotError INVALID_OPTION, INVALID_DURATION
 */
export function fixedDelay(attempts: number, delay: Duration): RestartStrategy {
  const delayMs = parseDuration(delay)
  const most = checkCount('attempts', attempts)
  return {
    description: `fixed delay of ${delayMs} ms, up to ${most} times`,
    begin() {
      let restarts = 0
      return () => (restarts++ < most ? delayMs : undefined)
    },
  }
}

export interface ExponentialDelayOptions {
  /** The first delay. Default 1 s. */
  readonly initial?: Duration
  /** No delay is longer. Default 1 minute. */
  readonly most?: Duration
  /** Each delay is so many times the one before. Default 2. */
  readonly factor?: number
  /** After so long without a failure the delay is the first again. Default 1 hour. */
  readonly resetAfter?: Duration
  /** Restarts without such a rest in between. Default: any number. */
  readonly attempts?: number
}

/** Delays that grow from failure to failure. @throws SabotError INVALID_OPTION, INVALID_DURATION */
export function exponentialDelay(options: ExponentialDelayOptions = {}): RestartStrategy {
  const { factor = 2, attempts = Number.POSITIVE_INFINITY } = options
  const initialMs = parseDuration(options.initial ?? '1s')
  const mostMs = parseDuration(options.most ?? '1m')
  const resetMs = parseDuration(options.resetAfter ?? '1h')
  if (!(factor >= 1 && factor < Number.POSITIVE_INFINITY)) throw invalid('factor', factor, 'a number from 1')
  if (attempts !== Number.POSITIVE_INFINITY) checkCount('attempts', attempts)
  return {
    description: `exponential delay from ${initialMs} ms to ${mostMs} ms`,
    begin() {
      let delayMs = initialMs
      let restarts = 0
      let lastMs = Number.NEGATIVE_INFINITY
      return ({ atMs }) => {
        if (atMs - lastMs >= resetMs + delayMs) {
          delayMs = initialMs
          restarts = 0
        }
        lastMs = atMs
        if (restarts++ >= attempts) return undefined
        const current = Math.min(delayMs, mostMs)
        delayMs = Math.min(current * factor, mostMs)
        return current
      }
    },
  }
}

/**
 * Restarts as long as there are at most `failures` failures within any `interval`.
 * @throws SabotError INVALID_OPTION, INVALID_DURATION
 */
export function failureRate(failures: number, interval: Duration, delay: Duration): RestartStrategy {
  const most = checkCount('failures', failures)
  const intervalMs = parseDuration(interval)
  const delayMs = parseDuration(delay)
  return {
    description: `up to ${most} failures in ${intervalMs} ms, delay ${delayMs} ms`,
    begin() {
      let recent: number[] = []
      return ({ atMs }) => {
        recent = [...recent.filter(time => atMs - time < intervalMs), atMs]
        return recent.length <= most ? delayMs : undefined
      }
    },
  }
}

function checkCount(option: string, value: number): number {
  if (!Number.isInteger(value) || value < 0) throw invalid(option, value, 'a whole number from 0')
  return value
}

function invalid(option: string, value: unknown, allowed: string): SabotError {
  return new SabotError('INVALID_OPTION', `${option} is ${allowed}, not ${describeValue(value)}`, { option, value })
}
