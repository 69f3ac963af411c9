/* Random programs on a key index, checked step by step against a Map. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyIndex } from '../../src/kernel/keys.js'
import type { Kernel } from '../../src/kernel/module.js'
import { type Build, builds } from './builds.js'
import { readBlocks, writeBlocks } from './key-blocks.js'
import { flinkMurmur, type Key, type KeyCase, keyCases } from './key-cases.js'

/** What a key index is, in the plainest way. */
class Model {
  readonly ids = new Map<Key, number>()
  readonly counts = new Map<number, number>()

  code(key: Key): number {
    const known = this.ids.get(key)
    if (known !== undefined) return known
    let id = 0
    while (this.counts.has(id)) id++
    this.ids.set(key, id)
    this.counts.set(id, 0)
    return id
  }

  settle(): number {
    let freed = 0
    for (const [key, id] of this.ids) {
      if (this.counts.get(id) !== 0) continue
      this.ids.delete(key)
      this.counts.delete(id)
      freed++
    }
    return freed
  }

  add(id: number, by: number): void {
    this.counts.set(id, (this.counts.get(id) ?? 0) + by)
  }
}

type Step =
  | { readonly op: 'code'; readonly keys: readonly Key[] }
  | { readonly op: 'retain' | 'drop'; readonly picks: readonly number[] }
  | { readonly op: 'settle' | 'restore' }

function stepsOf({ key }: KeyCase): fc.Arbitrary<Step[]> {
  const picks = fc.array(fc.nat(), { maxLength: 30 })
  return fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ op: fc.constant('code' as const), keys: fc.array(key, { maxLength: 40 }) }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('retain' as const, 'drop' as const), picks }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('settle' as const, 'restore' as const) }) },
    ),
    { minLength: 1, maxLength: 14 },
  )
}

class Run {
  index: KeyIndex
  private readonly kernel: Kernel
  private readonly model = new Model()
  private readonly keyCase: KeyCase
  private readonly maxParallelism: number
  private readonly seed: bigint

  constructor(kernel: Kernel, keyCase: KeyCase, maxParallelism: number, seed: bigint) {
    this.kernel = kernel
    this.keyCase = keyCase
    this.maxParallelism = maxParallelism
    this.seed = seed
    this.index = this.create()
  }

  step(step: Step): void {
    const { model, index } = this
    switch (step.op) {
      case 'code':
        expect([...this.keyCase.code(index, step.keys)]).toEqual(step.keys.map(key => model.code(key)))
        break
      case 'retain':
        for (const id of this.pick(step.picks, 0)) {
          index.retain(id)
          model.add(id, 1)
        }
        break
      case 'drop':
        for (const pick of step.picks) {
          const [id] = this.pick([pick], 1)
          if (id === undefined) continue
          index.drop(id)
          model.add(id, -1)
        }
        break
      case 'settle':
        expect(index.settle()).toBe(model.settle())
        break
      case 'restore':
        this.restore()
        break
    }
    this.check()
  }

  private create(): KeyIndex {
    const { maxParallelism, seed } = this
    return new KeyIndex(this.kernel, { kind: this.keyCase.kind, maxParallelism, seed })
  }

  private pick(picks: readonly number[], least: number): number[] {
    const ids = [...this.model.counts].filter(([, count]) => count >= least).map(([id]) => id)
    return ids.length === 0 ? [] : picks.map(pick => ids[pick % ids.length] ?? 0)
  }

  /** The index is exchanged for one restored from its snapshot. */
  private restore(): void {
    this.index.settle()
    this.model.settle()
    const blocks = writeBlocks(this.kernel, this.index)
    const restored = this.create()
    const ids = readBlocks(this.kernel, restored, blocks, this.index.highWater)
    for (const id of this.model.counts.keys()) expect(ids[id]).toBe(id)
    for (const [id, count] of this.model.counts) for (let n = 0; n < count; n++) restored.retain(id)
    expect(restored.settle()).toBe(0)
    expect(writeBlocks(this.kernel, restored)).toEqual(blocks)
    this.index.destroy()
    this.index = restored
  }

  private check(): void {
    const { index, model } = this
    const used = [...model.counts.keys()]
    expect(index.count).toBe(used.length)
    expect(index.highWater).toBe(Math.max(-1, ...used) + 1)
    const keys = [...model.ids.keys()]
    const ids = Uint32Array.from(model.ids.values())
    expect(this.keyCase.read(index, ids)).toEqual(keys)
    const groups = keys.map(key => flinkMurmur(this.keyCase.javaHash(key)) % this.maxParallelism)
    expect(Array.from(ids, id => index.groupOf(id))).toEqual(groups)
    const probes = Array.from({ length: index.highWater + 3 }, (_, id) => id)
    expect(probes.filter(id => index.has(id))).toEqual(used.sort((a, b) => a - b))
  }
}

function runs(build: Build): number {
  return build.name === 'checked' ? 40 : 60
}

describe.each(builds)('key index against a Map ($name)', build => {
  it.each(keyCases)('$name', keyCase => {
    const kernel = build.create()
    fc.assert(
      fc.property(
        stepsOf(keyCase),
        fc.constantFrom(1, 2, 128, 32_768),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (steps, maxParallelism, seed) => {
          const before = kernel.bytesInUse
          const run = new Run(kernel, keyCase, maxParallelism, seed)
          for (const step of steps) run.step(step)
          run.index.destroy()
          expect(kernel.bytesInUse).toBe(before)
        },
      ),
      { numRuns: runs(build) },
    )
  })
})
