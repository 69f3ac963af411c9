import { describeValue, SabotError } from '../core/errors.js'

/**
 * What a part may be called: letters, digits and _ . @ + = -, a letter, digit or _ first, no '.' last, at most 200
 * characters, and not what storages call files of their own. Such a name is a file name on every system and leads out
 * of no directory.
 */
const PART_NAME = /^[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,199}$/
const RESERVED: ReadonlySet<string> = new Set(['manifest', 'manifest.tmp'])

export function isPartName(name: string): boolean {
  return PART_NAME.test(name) && !name.endsWith('.') && !RESERVED.has(name)
}

/**
 * Every checkpoint storage calls this before it touches its medium.
 * @throws SabotError PART_NAME_INVALID
 */
export function assertPartName(name: string): void {
  if (isPartName(name)) return
  throw new SabotError(
    'PART_NAME_INVALID',
    `${describeValue(name)} cannot name a part of a checkpoint: it takes at most 200 letters, digits and _ . @ + = -, ` +
      "with a letter, digit or _ first and no '.' last",
    { name },
  )
}

/** @throws TypeError when `checkpointId` is not a whole number from 0 to 2^53 - 1. */
export function assertCheckpointId(checkpointId: number): void {
  if (Number.isSafeInteger(checkpointId) && checkpointId >= 0) return
  throw new TypeError(`A checkpoint id is a whole number from 0, not ${describeValue(checkpointId)}`)
}

/** What a storage answers to a write behind a manifest. */
export function checkpointExists(checkpointId: number, storage: string): SabotError {
  return new SabotError(
    'CHECKPOINT_EXISTS',
    `Checkpoint ${checkpointId} in ${storage} is complete and cannot be written again: remove it first`,
    { checkpointId, storage },
  )
}
