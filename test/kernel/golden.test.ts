/* Snapshots of old formats are read for good. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { builds } from './builds.js'
import { emptyWindows, firedTo, GOLDEN_KINDS, goldenWindows } from './golden-windows.js'

const golden = (kind: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../golden/windows-v1-${kind}.bin`, import.meta.url)))

describe.each(builds)('windows in a snapshot of version 1, $name build', build => {
  it.each(GOLDEN_KINDS)('go on as they would have then, with keys of kind %s', kind => {
    const kernel = build.create()
    const restored = emptyWindows(kernel, kind)
    restored.state.restore(golden(kind))
    restored.index.settle()
    const now = goldenWindows(kernel, kind)
    // Ids, groups and watermark too: the new format says it all.
    expect(restored.state.snapshot()).toEqual(now.state.snapshot())
    expect(firedTo(restored)).toEqual(firedTo(now))
  })

  it('go to subtasks by key group', () => {
    const kernel = build.create()
    const [low, high] = [
      [0, 6],
      [7, 15],
    ].map(([first, last]) => {
      const part = emptyWindows(kernel, 'utf8')
      part.state.restore(golden('utf8'), first, last)
      return part
    })
    if (low === undefined || high === undefined) throw new TypeError('two parts')
    // Rows of one window come by id, and ids are kept.
    const order = (row: string): string[] => row.split(' ').map(field => field.padStart(12))
    const byEnd = (a: string, b: string): number => {
      const [[idA = ''], [idB = '']] = [order(a), order(b)]
      const [endA = '', endB = ''] = [order(a)[3], order(b)[3]]
      return endA === endB ? (idA < idB ? -1 : 1) : endA < endB ? -1 : 1
    }
    const both = [...firedTo(low), ...firedTo(high)].sort(byEnd)
    expect(both).toEqual([...firedTo(goldenWindows(kernel, 'utf8'))].sort(byEnd))
  })

  it('are refused where a byte is not what was written', () => {
    const kernel = build.create()
    const part = golden('i32')
    for (let at = 0; at < part.length; at += 5) {
      const flipped = part.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at & 7))
      const target = emptyWindows(kernel, 'i32')
      expect(() => target.state.restore(flipped)).toThrow(/snapshot/i)
      target.state.destroy()
      target.index.destroy()
    }
  })
})
