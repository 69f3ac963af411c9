/** Numbers as whole steps from the least of them. */
export interface WholeSteps {
  readonly numbers: Uint32Array
  /** The largest of them. */
  readonly most: number
}

const MOST_STEPS = 2 ** 32 - 1

/**
 * The keys counted in their largest common step from the least, where all are integers that are exact and 32 bits hold
 * the counts; else undefined, with the keys as they were. Times of whole minutes come out as minutes. The counts stand
 * in the first half of the keys' room.
 */
export function stepsOf(keys: Float64Array): WholeSteps | undefined {
  const { length } = keys
  let least = Number.POSITIVE_INFINITY
  let largest = Number.NEGATIVE_INFINITY
  for (let row = 0; row < length; row++) {
    const key = keys[row] ?? 0
    if (key !== Math.floor(key)) return undefined
    if (key < least) least = key
    if (key > largest) largest = key
  }
  if (!Number.isSafeInteger(least) || !Number.isSafeInteger(largest) || !Number.isSafeInteger(largest - least)) {
    return undefined
  }
  let step = 0
  for (let row = 0; row < length; row++) {
    const distance = (keys[row] ?? 0) - least
    if (step === 0 || distance % step !== 0) step = commonStep(distance, step)
  }
  const most = (largest - least) / step
  if (!(most <= MOST_STEPS)) return undefined
  // A count is written where its key, or one before it, has been read.
  const numbers = new Uint32Array(keys.buffer, keys.byteOffset, length)
  for (let row = 0; row < length; row++) numbers[row] = ((keys[row] ?? 0) - least) / step
  return { numbers, most }
}

function commonStep(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
