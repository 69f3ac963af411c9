import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diffParts } from '../../src/state/part-diff.js'
import { applyPatch } from '../../src/state/part-patch.js'
import { sameBytes } from '../platform/same-bytes.js'

function patchOf(base: Uint8Array, next: Uint8Array, mostBytes = Number.POSITIVE_INFINITY): Uint8Array | undefined {
  const steps = diffParts(base, next, mostBytes)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

function made(base: Uint8Array, next: Uint8Array): Uint8Array {
  const patch = patchOf(base, next)
  if (patch === undefined) throw new Error('no patch')
  if (patch.length === 0) return base
  return applyPatch(base.slice(), patch)
}

/** Bytes that look random, the same each time. */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state >>> 24
  })
}

const joined = (...pieces: Uint8Array[]): Uint8Array => Uint8Array.from(pieces.flatMap(piece => [...piece]))

describe('changes of a part', () => {
  it('make any bytes out of any others', () => {
    const bytes = fc.uint8Array({ maxLength: 300, max: 3 })
    fc.assert(
      fc.property(bytes, bytes, (base, next) => {
        expect([...made(base, next)]).toEqual([...next])
      }),
      { numRuns: 500 },
    )
  })

  it('make what comes of edits at any places, wherever the bytes begin in memory', () => {
    const edit = fc.record({
      at: fc.nat(4000),
      removed: fc.nat(80),
      inserted: fc.uint8Array({ maxLength: 80 }),
    })
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 12 }), fc.nat(3), fc.nat(9), (edits, offset, seed) => {
        const base = noise(4000, seed)
        const bytes = [...base]
        for (const { at, removed, inserted } of edits) bytes.splice(at, removed, ...inserted)
        const memory = new Uint8Array(bytes.length + offset)
        memory.set(bytes, offset)
        const next = memory.subarray(offset)
        expect([...made(base, next)]).toEqual(bytes)
        expect(patchOf(base, next)?.length).toBeLessThan(24 + 8 + edits.length * 200)
      }),
      { numRuns: 200 },
    )
  })

  it('of scattered numbers take little more than these', () => {
    const base = new Float64Array(600_000)
    const random = noise(8 * base.length)
    for (let index = 0; index < base.length; index++) base[index] = (random[index] ?? 0) + index / 7
    const next = base.slice()
    let changed = 0
    for (let index = 3; index < next.length; index += 100) {
      next[index] = (next[index] as number) * 1.37
      changed += 1
    }
    const patch = patchOf(new Uint8Array(base.buffer), new Uint8Array(next.buffer)) as Uint8Array
    expect(patch.length).toBeLessThan(changed * (8 + 5) + 100)
    // And they are made in the place of the base.
    const place = new Uint8Array(base.buffer.slice(0))
    expect(applyPatch(place, patch)).toBe(place)
    expect(sameBytes(place, new Uint8Array(next.buffer))).toBe(true)
  })

  it('of numbers between which others were put take little more than these', () => {
    // Small whole numbers: mostly zeros, which look alike where they have moved.
    const base = Int32Array.from({ length: 200_000 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 20)
    const next = [...base]
    for (let index = 190_000; index > 0; index -= 20_000) next.splice(index, 0, 7, 8, 9)
    const patch = patchOf(new Uint8Array(base.buffer), new Uint8Array(Int32Array.from(next).buffer)) as Uint8Array
    expect(patch.length).toBeLessThan(10 * 1000)
    expect(made(new Uint8Array(base.buffer), new Uint8Array(Int32Array.from(next).buffer)).length).toBe(4 * next.length)
  })

  it('of text in which numbers grow longer take little more than these', () => {
    const values = Array.from({ length: 20_000 }, (_, index) => [index, index % 13, `name ${index}`])
    const before = new TextEncoder().encode(JSON.stringify(values))
    for (let index = 50; index < values.length; index += 100) values[index] = [index, 123_456_789, `name ${index}`]
    const after = new TextEncoder().encode(JSON.stringify(values))
    const patch = patchOf(before, after) as Uint8Array
    expect(patch.length).toBeLessThan(after.length * 0.02)
    expect(sameBytes(applyPatch(before, patch), after)).toBe(true)
  })

  it('find what has moved as a whole', () => {
    const [a, b, c] = [noise(50_000, 1), noise(70_000, 2), noise(30_000, 3)] as const
    const patch = patchOf(joined(a, b, c), joined(c, a, b)) as Uint8Array
    expect(patch.length).toBeLessThan(200)
    expect(sameBytes(applyPatch(joined(a, b, c), patch), joined(c, a, b))).toBe(true)
  })

  it('are not made where they would be longer than is wanted', () => {
    expect(patchOf(noise(100_000, 1), noise(100_000, 2), 50_000)).toBeUndefined()
    const base = noise(100_000)
    const next = base.map((byte, index) => (index % 20 === 0 ? byte ^ 1 : byte))
    expect(patchOf(base, next, 10_000)).toBeUndefined()
    expect(patchOf(base, next, 100_000)?.length).toBeLessThan(100_000)
  })

  it('are none where nothing has changed', () => {
    expect(patchOf(noise(1000), noise(1000))).toEqual(new Uint8Array())
    expect(patchOf(noise(0), noise(0))).toEqual(new Uint8Array())
    expect(patchOf(noise(1000), noise(1000).subarray(0, 999))).not.toEqual(new Uint8Array())
  })

  it('are made in bounded steps', () => {
    const base = noise(8 << 20)
    let steps = 0
    for (const _ of { [Symbol.iterator]: () => diffParts(base, base.slice(), 1000) }) steps += 1
    expect(steps).toBeGreaterThanOrEqual(7)
  })

  it('are refused for another base, and where they are no changes or damaged', () => {
    const base = noise(1000)
    const patch = patchOf(base, noise(1200)) as Uint8Array
    const refused = (bytes: Uint8Array, of = base) => {
      try {
        return applyPatch(of.slice(), bytes).length
      } catch (cause) {
        return (cause as { code?: string }).code
      }
    }
    expect(refused(patch, base.subarray(1))).toBe('SNAPSHOT_MISMATCH')
    expect(refused(new Uint8Array(30))).toBe('SNAPSHOT_FOREIGN')
    expect(refused(new Uint8Array(3))).toBe('SNAPSHOT_FOREIGN')
    expect(refused(patch.slice(0, -1))).toBe('SNAPSHOT_TRUNCATED')
    expect(refused(joined(patch, Uint8Array.of(1, 0, 0)))).toBe('SNAPSHOT_CORRUPT')
    expect(refused(joined(patch, new Uint8Array(12).fill(255)))).toBe('SNAPSHOT_CORRUPT')
    const later = patch.slice()
    later[4] = 2
    expect(refused(later)).toBe('SNAPSHOT_VERSION')
  })

  it('that are hostile end in an error of Sabot, or in bytes', () => {
    const base = noise(200)
    const patch = patchOf(base, noise(40, 5)) as Uint8Array
    fc.assert(
      fc.property(fc.nat(patch.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = patch.slice()
        bad[at] = (bad[at] ?? 0) ^ flip
        try {
          expect(applyPatch(base.slice(), bad)).toBeInstanceOf(Uint8Array)
        } catch (cause) {
          expect((cause as { name?: string }).name).toBe('SabotError')
        }
      }),
    )
  })
})
