/* The rows of the kernel and graph benchmarks. bench/native/window.c makes the same rows by the same draws. */

export const BATCH_ROWS = 8192

export interface KeyedRows {
  readonly keys: Int32Array<ArrayBuffer>
  /** Ascending, one ms a row, from 0. */
  readonly timestamps: Float64Array<ArrayBuffer>
  /** Whole numbers from 0 to 999. */
  readonly values: Float64Array<ArrayBuffer>
}

export type KeyForm = 'coded' | 'raw'

/**
 * `rowCount` rows of `keyCount` keys, each as likely as any other. Coded keys are 0, 1, 2, ...; raw keys are scattered
 * over 31 bits (small integers in every engine, so that no peer has to box them).
 */
export function makeRows(rowCount: number, keyCount: number, form: KeyForm): KeyedRows {
  const keys = new Int32Array(rowCount)
  const timestamps = new Float64Array(rowCount)
  const values = new Float64Array(rowCount)
  let state = 2463534242
  const draw = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  for (let row = 0; row < rowCount; row++) {
    const id = draw() % keyCount
    // An odd factor: no two ids share a key.
    keys[row] = form === 'coded' ? id : Math.imul(id, 0x9e3779b1) & 0x7fffffff
    timestamps[row] = row
    values[row] = draw() % 1000
  }
  return { keys, timestamps, values }
}
