/* The windows whose snapshots in old formats stand in test/golden: the same rows, for each kind of key. */
import { sliding } from '../../src/core/window-geometry.js'
import { KeyIndex, type KeyKind } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { WindowState } from '../../src/kernel/windows.js'

export const GOLDEN_KINDS = ['i32', 'bool', 'i64', 'f64', 'utf8', 'composite'] as const satisfies readonly KeyKind[]

const ROWS = 60
/** Every seventh key is null. */
const VALIDITY = bits(row => row % 7 !== 3)

export interface GoldenWindows {
  readonly index: KeyIndex
  readonly state: WindowState
}

function bits(isSet: (row: number) => boolean): Uint8Array {
  const bytes = new Uint8Array((ROWS + 7) >> 3)
  for (let row = 0; row < ROWS; row++) if (isSet(row)) bytes[row >> 3] = (bytes[row >> 3] ?? 0) | (1 << (row & 7))
  return bytes
}

const number = (row: number): number => ((row * 37) % 23) - 11

function code(index: KeyIndex, kind: (typeof GOLDEN_KINDS)[number]): void {
  const rows = Array.from({ length: ROWS }, (_, row) => row)
  const numbers = Int32Array.from(rows, number)
  const texts = rows.map(row => `key-${'ü'.repeat(row % 5)}${number(row)}`)
  const encoded = texts.map(text => new TextEncoder().encode(text))
  const offsets = Int32Array.from([0, ...encoded.map(() => 0)])
  encoded.forEach((text, row) => {
    offsets[row + 1] = (offsets[row] ?? 0) + text.length
  })
  const utf8 = { offsets, bytes: Uint8Array.from(encoded.flatMap(text => [...text])) }
  if (kind === 'i32') index.codeInt32(numbers, VALIDITY)
  else if (kind === 'bool')
    index.codeBool(
      bits(row => number(row) > 0),
      ROWS,
      VALIDITY,
    )
  else if (kind === 'i64')
    index.codeInt64(
      BigInt64Array.from(rows, row => BigInt(number(row)) << 40n),
      VALIDITY,
    )
  else if (kind === 'f64')
    index.codeFloat64(
      Float64Array.from(rows, row => number(row) / 8),
      VALIDITY,
    )
  else if (kind === 'utf8') index.codeUtf8(utf8, VALIDITY)
  else {
    index.codeComposite(
      [
        { type: 'i32', values: numbers, validity: undefined },
        { type: 'utf8', values: utf8, validity: VALIDITY },
      ],
      ROWS,
    )
  }
}

export function emptyWindows(kernel: Kernel, kind: (typeof GOLDEN_KINDS)[number]): GoldenWindows {
  const index = new KeyIndex(kernel, { kind, maxParallelism: 16 })
  const specs = [
    { type: 'f64', minMax: true, nullable: true },
    { type: 'i64', minMax: false, nullable: false },
  ] as const
  return { index, state: new WindowState(kernel, index, sliding(12, 3, 1), specs) }
}

/** Keys came and went, windows have fired, and there are some open. */
export function goldenWindows(kernel: Kernel, kind: (typeof GOLDEN_KINDS)[number]): GoldenWindows {
  const windows = emptyWindows(kernel, kind)
  const { index, state } = windows
  for (let round = 0; round < 3; round++) {
    code(index, kind)
    const floats = Float64Array.from({ length: ROWS }, (_, row) => (row === 17 ? Number.NaN : number(row) * 1.5))
    const integers = BigInt64Array.from({ length: ROWS }, (_, row) => BigInt(row * 1000 + round))
    const timestamps = Float64Array.from({ length: ROWS }, (_, row) => round * 25 + ((row * 7) % 40) - 10)
    state.add(timestamps, [{ values: floats, validity: bits(row => row % 5 !== 0) }, { values: integers }])
    state.advance(round * 25 - 2)
    while (state.fire() !== undefined) {
      // What has fired is gone.
    }
    index.settle()
  }
  return windows
}

/** What fires when the watermark ends: bits of every value of every row. */
export function firedTo(windows: GoldenWindows): string[] {
  const { index, state } = windows
  const rows: string[] = []
  state.advance(Number.POSITIVE_INFINITY)
  for (let fired = state.fire(); fired !== undefined; fired = state.fire()) {
    const { count, starts, ends, rowCounts, columns } = fired
    const ids = Array.from(new Uint32Array(starts.buffer, fired.idsPointer, count))
    for (let row = 0; row < count; row++) {
      const values = columns.flatMap(({ nonNull, sum, min, max }) => {
        const known = nonNull[row] !== 0
        return [nonNull[row], sum[row], ...(known ? [min?.[row], max?.[row]] : [])]
      })
      rows.push([ids[row], index.groupOf(ids[row] ?? 0), starts[row], ends[row], rowCounts[row], ...values].join(' '))
    }
  }
  return rows
}
