/*
 * Why a function of the decoder gave up. They return position 0 then, and the innermost one says the reason here.
 */

/** A JSON_ reason, or one of the two below. */
export let fault: u32 = 0
/** Where it was noticed. */
export let faultAt: usize = 0

/** No memory: the record is taken back, and decoded again when there is some. */
export const FAULT_MEMORY: u32 = 0x1000
/** A dictionary is full: the record is taken back, and belongs to the next batch. */
export const FAULT_FULL: u32 = 0x1001

/** Returns 0, so that it can be returned. */
export function fail(reason: u32, at: usize): usize {
  fault = reason
  faultAt = at
  return 0
}

// @ts-ignore: decorator
@inline
export function isStop(reason: u32): bool {
  return reason >= FAULT_MEMORY
}
