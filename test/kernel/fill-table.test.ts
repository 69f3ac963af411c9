import { describe, expect, it } from 'vitest'
import { tumbling } from '../../src/core/window-geometry.js'
import { KeyIndex, type KeyKind } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { WindowState } from '../../src/kernel/windows.js'
import { sameBytes } from '../platform/same-bytes.js'
import { builds } from './builds.js'
import { utf8Of } from './key-cases.js'

/** So many that the table is filled in several parts (1 to 2 MB, parts of 128 kB). */
const KEYS = 60_000
const BATCH_ROWS = 20_000

interface Windows {
  readonly index: KeyIndex
  readonly state: WindowState
}

function open(kernel: Kernel, kind: KeyKind, seed: bigint): Windows {
  const index = new KeyIndex(kernel, { kind, seed })
  return {
    index,
    state: new WindowState(kernel, index, tumbling(1000), [{ type: 'f64', minMax: false, nullable: false }]),
  }
}

function code(index: KeyIndex, from: number, rows: number): Uint32Array {
  const numbers = Array.from({ length: rows }, (_, row) => Math.imul(from + row, 0x9e3779b1) >>> 1)
  if (index.kind === 'i32') return index.codeInt32(Int32Array.from(numbers))
  if (index.kind === 'i64') return index.codeInt64(BigInt64Array.from(numbers, BigInt))
  return index.codeUtf8(utf8Of(numbers.map(String)))
}

function fill({ index, state }: Windows): void {
  for (let from = 0; from < KEYS; from += BATCH_ROWS) {
    code(index, from, BATCH_ROWS)
    state.add(new Float64Array(BATCH_ROWS), [{ values: new Float64Array(BATCH_ROWS) }])
  }
}

/** Free memory that new regions of any size will be cut from holds anything but zeros. */
function soil(kernel: Kernel): void {
  const regions: number[] = []
  for (let bytes = 1024; bytes <= 1 << 23; bytes += bytes >> 2) {
    const region = kernel.allocate(bytes)
    kernel.u8.fill(0xa5, region, region + bytes)
    regions.push(region)
  }
  for (const region of regions) kernel.release(region)
}

describe.each(builds)('the table of a restored key index ($name)', ({ create }) => {
  const cases = [
    { kind: 'i32', seed: 0n },
    { kind: 'i32', seed: 7n },
    { kind: 'i64', seed: 0n },
    { kind: 'utf8', seed: 0n },
  ] as const
  it.each(cases)('finds every key and no other: $kind, seed $seed', ({ kind, seed }) => {
    const kernel = create()
    const before = open(kernel, kind, seed)
    fill(before)
    const snapshot = before.state.snapshot()
    before.state.destroy()
    before.index.destroy()
    soil(kernel)
    const { index, state } = open(kernel, kind, seed)
    state.restore(snapshot)
    expect(index.settle()).toBe(0)
    expect(index.count).toBe(KEYS)
    for (let from = 0; from < KEYS; from += BATCH_ROWS) {
      const ids = code(index, from, BATCH_ROWS)
      expect(ids.every((id, row) => id === from + row)).toBe(true)
    }
    // What is not there takes the next ids, and goes again.
    expect([...code(index, KEYS, 3)]).toEqual([KEYS, KEYS + 1, KEYS + 2])
    expect(index.settle()).toBe(3)
    expect(sameBytes(state.snapshot(), snapshot)).toBe(true)
  })
})
