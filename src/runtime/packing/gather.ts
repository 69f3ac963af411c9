/*
 * Loops that gather rows, one for each kind of array: a loop that sees arrays of one kind is compiled for that kind, and
 * takes a third of the time. They leave out bounds that the caller keeps: rows are within the column, and there is room.
 * Those of numbers take four rows a turn, whose reads then do not wait for one another.
 */
import type { RowList } from './column-packer.js'

export function gatherIntegers(target: Int32Array, at: number, source: Int32Array, { rows, from, to }: RowList): void {
  const shift = at - from
  let index = from
  for (; index + 4 <= to; index += 4) {
    const first = source[rows[index] as number] as number
    const second = source[rows[index + 1] as number] as number
    const third = source[rows[index + 2] as number] as number
    const fourth = source[rows[index + 3] as number] as number
    const place = index + shift
    target[place] = first
    target[place + 1] = second
    target[place + 2] = third
    target[place + 3] = fourth
  }
  for (; index < to; index++) target[index + shift] = source[rows[index] as number] as number
}

export function gatherFloats(
  target: Float32Array,
  at: number,
  source: Float32Array,
  { rows, from, to }: RowList,
): void {
  const shift = at - from
  let index = from
  for (; index + 4 <= to; index += 4) {
    const first = source[rows[index] as number] as number
    const second = source[rows[index + 1] as number] as number
    const third = source[rows[index + 2] as number] as number
    const fourth = source[rows[index + 3] as number] as number
    const place = index + shift
    target[place] = first
    target[place + 1] = second
    target[place + 2] = third
    target[place + 3] = fourth
  }
  for (; index < to; index++) target[index + shift] = source[rows[index] as number] as number
}

export function gatherDoubles(
  target: Float64Array,
  at: number,
  source: Float64Array,
  { rows, from, to }: RowList,
): void {
  const shift = at - from
  let index = from
  for (; index + 4 <= to; index += 4) {
    const first = source[rows[index] as number] as number
    const second = source[rows[index + 1] as number] as number
    const third = source[rows[index + 2] as number] as number
    const fourth = source[rows[index + 3] as number] as number
    const place = index + shift
    target[place] = first
    target[place + 1] = second
    target[place + 2] = third
    target[place + 3] = fourth
  }
  for (; index < to; index++) target[index + shift] = source[rows[index] as number] as number
}

export function gatherBytes(target: Uint8Array, at: number, source: Uint8Array, { rows, from, to }: RowList): void {
  const shift = at - from
  for (let index = from; index < to; index++) target[index + shift] = source[rows[index] as number] as number
}

/** Values of 64 bits as two words each: a BigInt is never made. */
export function gatherWords(target: Int32Array, at: number, source: Int32Array, { rows, from, to }: RowList): void {
  let word = at * 2
  for (let index = from; index < to; index++) {
    const row = (rows[index] as number) * 2
    target[word] = source[row] as number
    target[word + 1] = source[row + 1] as number
    word += 2
  }
}
