/*
 * Key groups: the unit in which keyed state is kept and moved between subtasks. A key's group never changes; which
 * subtask owns the group follows from the parallelism alone. The formulas are Flink's
 * (org.apache.flink.runtime.state.KeyGroupRangeAssignment), so that ranges are contiguous and differ by one at most.
 */

/** Key groups [start, end], both included. */
export interface KeyGroupRange {
  readonly start: number
  readonly end: number
  /** How many groups the job has in all. Default: DEFAULT_MAX_PARALLELISM. */
  readonly of?: number
}

/** The most key groups that a job may have. */
export const MAX_KEY_GROUPS = 32_768

/** How many key groups a job has unless it says otherwise; Flink's default for small jobs. */
export const DEFAULT_MAX_PARALLELISM = 128

/** What the only subtask of an operator has. */
export const ALL_KEY_GROUPS: KeyGroupRange = { start: 0, end: DEFAULT_MAX_PARALLELISM - 1 }

function checkParallelism(parallelism: number, maxParallelism: number): void {
  if (!Number.isInteger(maxParallelism) || maxParallelism < 1 || maxParallelism > MAX_KEY_GROUPS) {
    throw new TypeError(`maxParallelism must be a whole number from 1 to ${MAX_KEY_GROUPS}, not ${maxParallelism}`)
  }
  if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > maxParallelism) {
    throw new TypeError(
      `parallelism must be a whole number from 1 to maxParallelism ${maxParallelism}, not ${parallelism}`,
    )
  }
}

/**
 * The key groups that subtask `index` of `parallelism` owns.
 * Law: the ranges of all subtasks follow one another and cover [0, maxParallelism - 1].
 */
export function keyGroupRange(index: number, parallelism: number, maxParallelism: number): KeyGroupRange {
  checkParallelism(parallelism, maxParallelism)
  if (!Number.isInteger(index) || index < 0 || index >= parallelism) {
    throw new TypeError(`A subtask's index must be a whole number below parallelism ${parallelism}, not ${index}`)
  }
  const start = Math.floor((index * maxParallelism + parallelism - 1) / parallelism)
  const end = Math.floor(((index + 1) * maxParallelism - 1) / parallelism)
  return { start, end }
}

/**
 * The subtask that owns a key group.
 * Law: keyGroupRange(operatorIndex(g, p, m), p, m) contains g.
 */
export function operatorIndex(keyGroup: number, parallelism: number, maxParallelism: number): number {
  checkParallelism(parallelism, maxParallelism)
  if (!Number.isInteger(keyGroup) || keyGroup < 0 || keyGroup >= maxParallelism) {
    throw new TypeError(`A key group must be a whole number below maxParallelism ${maxParallelism}, not ${keyGroup}`)
  }
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}
