import { describe, expect, it } from 'vitest'
import { tumbling } from '../../src/core/window-geometry.js'
import { xxh64 } from '../../src/kernel/hash.js'
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

  it('keeps the ids of keys between which some are free and one is null, of all key groups or some', () => {
    const kernel = create()
    const before = open(kernel, 'i32', 0n)
    const rows = 20_000
    const nullRow = 700
    const keys = Int32Array.from({ length: rows }, (_, row) => Math.imul(row, 0x9e3779b1))
    const valid = new Uint8Array(rows / 8).fill(0xff)
    valid[nullRow >> 3] = 0xff & ~(1 << (nullRow & 7))
    before.index.codeInt32(keys, valid)
    // Ids that no window holds: one of each thousand, the words between are whole.
    const held = Array.from({ length: rows }, (_, row) => row).filter(row => row % 1000 !== 7)
    const heldValid = new Uint8Array((held.length + 7) >> 3).fill(0xff)
    const nullAt = held.indexOf(nullRow)
    heldValid[nullAt >> 3] = 0xff & ~(1 << (nullAt & 7))
    before.index.codeInt32(
      Int32Array.from(held, row => keys[row] as number),
      heldValid,
    )
    before.state.add(new Float64Array(held.length), [{ values: new Float64Array(held.length) }])
    const snapshot = before.state.snapshot()
    for (const [first, last] of [
      [0, 127],
      [0, 63],
      [64, 127],
    ] as const) {
      const { index, state } = open(kernel, 'i32', 0n)
      state.restore(snapshot, first, last)
      const expected = held.filter(id => before.index.groupOf(id) >= first && before.index.groupOf(id) <= last)
      expect(index.count).toBe(expected.length)
      expect(index.settle()).toBe(0)
      const wrong = expected.filter(
        id => !index.has(id) || (id !== nullRow && index.codeInt32(keys.subarray(id, id + 1))[0] !== id),
      )
      expect(wrong).toEqual([])
      const nullHeld = expected.includes(nullRow)
      expect(index.codeInt32(Int32Array.of(0), Uint8Array.of(0))[0] === nullRow).toBe(nullHeld)
      expect(state.openWindows).toBe(1)
    }
  })

  it('refuses a snapshot in which a key comes twice, or has a key group that there is not', () => {
    const kernel = create()
    const damage = (change: (key: DataView, groups: DataView) => void): Uint8Array => {
      const before = open(kernel, 'i32', 0n)
      fill(before)
      const bytes = before.state.snapshot()
      before.state.destroy()
      before.index.destroy()
      const view = new DataView(bytes.buffer)
      const directory = 64 + view.getUint32(24, true)
      const section = Number(view.getBigUint64(directory + 8, true))
      const size = Number(view.getBigUint64(directory + 16, true))
      const groups = section + 16 + 8 * Math.ceil(KEYS / 64)
      change(new DataView(bytes.buffer, groups + KEYS), new DataView(bytes.buffer, groups))
      view.setBigUint64(directory + 24, xxh64(kernel, bytes.subarray(section, section + size), 0n), true)
      const params = bytes.subarray(64, directory + 64)
      view.setBigUint64(56, xxh64(kernel, params, xxh64(kernel, bytes.subarray(0, 56), 0n)), true)
      return bytes
    }
    const restored = (bytes: Uint8Array) => () => open(kernel, 'i32', 0n).state.restore(bytes)
    expect(restored(damage(() => {}))).not.toThrow()
    const twice = damage(keys => keys.setInt32(4 * 40_000, keys.getInt32(4 * 100, true), true))
    expect(restored(twice)).toThrow(expect.objectContaining({ code: 'SNAPSHOT_CORRUPT' }))
    const foreign = damage((_, groups) => groups.setUint8(40_000, 128))
    expect(restored(foreign)).toThrow(expect.objectContaining({ code: 'SNAPSHOT_CORRUPT' }))
  })
})
