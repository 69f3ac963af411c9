import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Dictionary } from '../../src/core/dictionary.js'
import { KeyIndex } from '../../src/kernel/keys.js'
import { builds } from './builds.js'
import { readBlock, readBlocks, writeBlocks } from './key-blocks.js'
import { type Key, keyCases, utf8Of } from './key-cases.js'

const TRUNCATED = -12
const CORRUPT = -15

function samples(keyCase: (typeof keyCases)[number], size: number): Key[] {
  return [...new Set(fc.sample(keyCase.key, { numRuns: size, seed: 7 }))]
}

describe.each(builds)('key index ($name)', ({ name, create }) => {
  it.each(keyCases)('leaves everything as it was when memory runs out: $name', keyCase => {
    const keys = samples(keyCase, 1_500)
    const whole = create()
    const index = new KeyIndex(whole, { kind: keyCase.kind })
    const ids = [...keyCase.code(index, keys)]
    // From a ceiling that is too low for anything upwards, until nothing is refused.
    let refusals = 0
    for (let limit = 10_000, isRefused = true; isRefused; limit += Math.max(640, Math.ceil(limit / 24))) {
      const kernel = create({ memoryLimitBytes: limit })
      let small: KeyIndex
      try {
        small = new KeyIndex(kernel, { kind: keyCase.kind })
      } catch (error) {
        expect(error).toMatchObject({ code: 'MEMORY_LIMIT' })
        continue
      }
      isRefused = false
      let at = 0
      for (; at < keys.length && !isRefused; at += 100) {
        try {
          keyCase.code(small, keys.slice(at, at + 100))
        } catch (error) {
          expect(error).toMatchObject({ code: 'MEMORY_LIMIT' })
          isRefused = true
          refusals++
        }
      }
      // Whatever was coded before the refused row is there, and nothing else.
      const { count } = small
      expect(small.highWater).toBe(count)
      kernel.exports.setMemoryLimit(64_000_000)
      expect(keyCase.read(small, Uint32Array.from(ids.slice(0, count)))).toEqual(keys.slice(0, count))
      // With more memory it goes on as if nothing had been.
      expect([...keyCase.code(small, keys)]).toEqual(ids)
    }
    expect(refusals).toBeGreaterThan(3)
  })

  it('keeps keys apart whose hashes collide', () => {
    const kernel = create()
    // Among 300,000 strings some pairs share their 32-bit hash (about ten are expected).
    const count = name === 'checked' ? 100_000 : 300_000
    const index = new KeyIndex(kernel, { kind: 'utf8' })
    for (let from = 0; from < count; from += 10_000) {
      const keys = Array.from({ length: 10_000 }, (_, n) => `collide-${from + n}`)
      const ids = index.codeUtf8(utf8Of(keys))
      expect(ids[0]).toBe(from)
      expect(ids[9_999]).toBe(from + 9_999)
    }
    expect(index.count).toBe(count)
    expect(index.settle()).toBe(count)
    expect(index.count).toBe(0)
  })

  it.each(['i32', 'i64', 'utf8'] as const)('keeps its laws where the table is larger than the cache: %s', kind => {
    const index = new KeyIndex(create(), { kind })
    const count = name === 'simd' ? 400_000 : 200_000
    const code = (from: number, rows: number): Uint32Array => {
      const numbers = Int32Array.from({ length: rows }, (_, n) => (from + n) * 7_919)
      if (kind === 'i32') return index.codeInt32(numbers)
      if (kind === 'i64') return index.codeInt64(BigInt64Array.from(numbers, n => BigInt(n) << 20n))
      return index.codeUtf8(utf8Of(Array.from(numbers, n => `${n}`)))
    }
    const isRange = (ids: Uint32Array, from: number) => ids.every((id, n) => id === from + n)
    // The first thousand goes; the rest stays, however large the table becomes.
    for (let from = 0; from < count; from += 50_000) {
      const ids = code(from, 50_000)
      expect(isRange(ids, from)).toBe(true)
      for (const id of ids) if (id >= 1_000) index.retain(id)
    }
    expect(index.settle()).toBe(1_000)
    expect(isRange(code(count, 1_000), 0)).toBe(true)
    for (let from = 50_000; from < count; from += 50_000) expect(isRange(code(from, 50_000), from)).toBe(true)
    expect(isRange(code(0, 1_000), count)).toBe(true)
    expect(index.settle()).toBe(2_000)
    for (let id = 1_000; id < count; id++) index.drop(id)
    expect(index.settle()).toBe(count - 1_000)
    expect([index.count, index.highWater]).toEqual([0, 0])
    expect(isRange(code(7, 10_000), 0)).toBe(true)
  })

  it('does not grow while keys come and go', () => {
    const kernel = create()
    for (const kind of ['i32', 'utf8'] as const) {
      const index = new KeyIndex(kernel, { kind })
      let peak = 0
      for (let round = 0; round < 300; round++) {
        const numbers = Int32Array.from({ length: 500 }, (_, n) => round * 250 + n)
        const texts = Array.from(numbers, n => `key-${n}-${'x'.repeat(n % 50)}`)
        const ids = kind === 'i32' ? index.codeInt32(numbers) : index.codeUtf8(utf8Of(texts))
        // The upper half lives for one more round.
        for (const id of ids.slice(250)) index.retain(id)
        index.settle()
        expect(index.count).toBe(250)
        for (const id of ids.slice(250)) index.drop(id)
        if (round < 100) peak = Math.max(peak, kernel.bytesInUse)
        else expect(kernel.bytesInUse).toBeLessThanOrEqual(peak)
      }
      expect(index.highWater).toBeLessThanOrEqual(750)
      index.destroy()
    }
  })

  it('forgets exactly the codes of a freed id, twice-listed entries too', () => {
    const index = new KeyIndex(create(), { kind: 'utf8' })
    const [first, second] = [index.bindDictionary(), index.bindDictionary()]
    first.extend(utf8Of(['a', 'b', 'a', 'c']))
    second.extend(utf8Of(['c', 'a']))
    expect([...first.code(Int32Array.of(0, 1, 2, 3))]).toEqual([0, 1, 0, 2])
    expect([...second.code(Int32Array.of(1, 0))]).toEqual([0, 2])
    for (const id of [1, 2]) index.retain(id)
    expect(index.settle()).toBe(1)
    // "z" takes the id that "a" had; no code may lead to it.
    expect([...index.codeUtf8(utf8Of(['z']))]).toEqual([0])
    index.retain(0)
    expect([...first.code(Int32Array.of(2, 0, 1))]).toEqual([3, 3, 1])
    expect([...second.code(Int32Array.of(1, 0))]).toEqual([3, 2])
    first.destroy()
    first.destroy()
    expect(() => first.code(Int32Array.of(0))).toThrow(TypeError)
    expect([...second.code(Int32Array.of(1))]).toEqual([3])
  })

  it('refuses a dictionary code that is not there, and says where', () => {
    const index = new KeyIndex(create(), { kind: 'utf8' })
    const dictionary = Dictionary.of(['a', 'b'])
    for (const code of [2, -1, 2147483647]) {
      expect(() => index.codeDictionary(dictionary, Int32Array.of(0, 1, code))).toThrow(
        expect.objectContaining({ code: 'UNKNOWN_DICTIONARY_CODE', details: expect.objectContaining({ row: 2 }) }),
      )
    }
    // A null row's code is not looked at.
    expect([...index.codeDictionary(dictionary, Int32Array.of(7, 1), Uint8Array.of(0b10))]).toEqual([2, 1])
  })

  it('follows a stream of dictionaries without keeping them all', () => {
    const kernel = create()
    const index = new KeyIndex(kernel, { kind: 'utf8' })
    let inUse = 0
    for (let n = 0; n < 40; n++) {
      const dictionary = Dictionary.of([`only-${n % 4}`, 'shared'])
      const ids = index.codeDictionary(dictionary, Int32Array.of(1, 0, 1))
      expect(ids[0]).toBe(0)
      expect(ids[2]).toBe(0)
      if (n === 12) inUse = kernel.bytesInUse
      if (n > 12) expect(kernel.bytesInUse).toBe(inUse)
    }
    expect(index.count).toBe(5)
  })

  it('takes slices of strings, and refuses offsets that do not fit', () => {
    const index = new KeyIndex(create(), { kind: 'utf8' })
    const { offsets, bytes } = utf8Of(['zero', 'one', 'two'])
    expect([...index.codeUtf8({ offsets: offsets.subarray(1), bytes })]).toEqual([0, 1])
    const ids = index.writeIds(Uint32Array.of(0, 1))
    expect(new TextDecoder().decode(index.readUtf8(ids, 2).bytes.slice())).toBe('onetwo')
    expect(() => index.codeUtf8({ offsets: Int32Array.of(0, 99), bytes })).toThrow(TypeError)
    for (const [middle, row] of [
      [1, 1],
      [-1, 1],
      [2_000_000_000, 1],
    ]) {
      const wrong = { offsets: Int32Array.of(0, 3, middle ?? 0, 5), bytes }
      const error = { code: 'KERNEL_ARGUMENT', details: expect.objectContaining({ row }) }
      expect(() => index.codeUtf8(wrong)).toThrow(expect.objectContaining(error))
      const pairs = new KeyIndex(create(), { kind: 'composite' })
      expect(() => pairs.codeComposite([{ type: 'utf8', values: wrong }], 3)).toThrow(expect.objectContaining(error))
    }
  })

  it('refuses columns and components of another type', () => {
    const kernel = create()
    const index = new KeyIndex(kernel, { kind: 'i32' })
    for (const call of [
      () => index.codeInt64(BigInt64Array.of(1n)),
      () => index.codeUtf8(utf8Of(['a'])),
      () => index.codeComposite([], 0),
      () => index.bindDictionary(),
      () => index.readUtf8(index.writeIds(Uint32Array.of(0)), 1),
      () => new KeyIndex(kernel, { kind: 'i32', maxParallelism: 0 }),
      () => new KeyIndex(kernel, { kind: 'i32', maxParallelism: 32_769 }),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'KERNEL_ARGUMENT' }))
    }
    const pairs = new KeyIndex(kernel, { kind: 'composite' })
    const [id = 0] = pairs.codeComposite([{ type: 'i32', values: Int32Array.of(5) }], 1)
    const at = pairs.writeIds(Uint32Array.of(id))
    expect(pairs.readComponent(at, 1, 0, 'i32').values[0]).toBe(5)
    expect(() => pairs.readComponent(at, 1, 0, 'i64')).toThrow(expect.objectContaining({ code: 'KERNEL_ARGUMENT' }))
    expect(() => pairs.readUtf8Component(at, 1, 1)).toThrow(expect.objectContaining({ code: 'KERNEL_ARGUMENT' }))
    index.destroy()
    expect(() => index.count).toThrow('This key index is destroyed')
  })

  it('writes the same keys for any hash seed', () => {
    const kernel = create()
    const keyCase = keyCases.find(each => each.name === 'utf8')
    if (keyCase === undefined) throw new Error('no case of strings')
    const keys = samples(keyCase, 400)
    const blocks = [0n, 1n, 2n ** 64n - 1n].map(seed => {
      const index = new KeyIndex(kernel, { kind: 'utf8', seed })
      for (const id of keyCase.code(index, keys)) index.retain(id)
      index.settle()
      return writeBlocks(kernel, index)
    })
    expect(blocks[1]).toEqual(blocks[0])
    expect(blocks[2]).toEqual(blocks[0])
  })

  it('puts the keys of two snapshots under ids that are free', () => {
    const kernel = create()
    const part = (from: number) => {
      const index = new KeyIndex(kernel, { kind: 'i32', maxParallelism: 1 })
      for (const id of index.codeInt32(Int32Array.from({ length: 100 }, (_, n) => from + n))) index.retain(id)
      index.settle()
      return writeBlocks(kernel, index)
    }
    const merged = new KeyIndex(kernel, { kind: 'i32', maxParallelism: 1 })
    expect(readBlocks(kernel, merged, part(0), 100)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    expect(readBlocks(kernel, merged, part(1_000), 100)).toEqual(Array.from({ length: 100 }, (_, n) => 100 + n))
    expect(merged.count).toBe(200)
    // A key that is already there is no key of this snapshot.
    expect(readBlock(kernel, merged, part(50).bytes, 100).status).toBe(CORRUPT)
  })

  it('refuses a block whose ids do not fit the map of its caller', () => {
    const kernel = create()
    const index = new KeyIndex(kernel, { kind: 'i32', maxParallelism: 1 })
    for (const id of index.codeInt32(Int32Array.of(5, 6, 7))) index.retain(id)
    index.settle()
    const { bytes } = writeBlocks(kernel, index)
    const into = new KeyIndex(kernel, { kind: 'i32', maxParallelism: 1 })
    expect(readBlock(kernel, into, bytes, 2).status).toBe(CORRUPT)
    expect(into.count).toBe(0)
    expect(readBlock(kernel, into, bytes, 3).status).toBe(bytes.length)
  })

  it('remembers free ids when a block makes it grow', () => {
    const kernel = create()
    const index = new KeyIndex(kernel, { kind: 'i32', maxParallelism: 1 })
    const ids = index.codeInt32(Int32Array.from({ length: 3_000 }, (_, n) => n))
    for (const id of ids) if (id > 2_000) index.retain(id)
    index.settle()
    const { bytes } = writeBlocks(kernel, index)
    const into = new KeyIndex(kernel, { kind: 'i32', maxParallelism: 1 })
    for (const id of into.codeInt32(Int32Array.of(-1, -2, -3, -4, -5))) if (id !== 1 && id !== 3) into.retain(id)
    into.settle()
    expect(readBlock(kernel, into, bytes, 3_000).status).toBe(bytes.length)
    expect([...into.codeInt32(Int32Array.of(-10, -11, -12, 2_500))]).toEqual([1, 3, 5, 2_500])
  })

  it.each(keyCases)('refuses or reads a damaged block, and never reads beyond it: $name', keyCase => {
    const kernel = create()
    const index = new KeyIndex(kernel, { kind: keyCase.kind, maxParallelism: 1 })
    for (const id of keyCase.code(
      index,
      samples(keyCase, 40).filter(key => (key?.length ?? 0) < 100),
    ))
      index.retain(id)
    index.settle()
    const { bytes } = writeBlocks(kernel, index)
    const idMapLength = index.highWater
    const read = (block: Uint8Array) => {
      const into = new KeyIndex(kernel, { kind: keyCase.kind, maxParallelism: 1 })
      const { status } = readBlock(kernel, into, block, idMapLength)
      into.destroy()
      return status
    }
    expect(read(bytes)).toBe(bytes.length)
    for (let length = 0; length < bytes.length; length++) expect(read(bytes.subarray(0, length))).toBe(TRUNCATED)
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    })
    // The counts and the offsets are where it hurts most.
    const heads = fc.tuple(fc.nat(31), fc.constantFrom(0, 1, 127, 128, 255)).map(pair => [pair])
    fc.assert(
      fc.property(fc.oneof(damage, heads), changes => {
        const block = bytes.slice()
        for (const [at, value] of changes) block[at] = value
        const status = read(block)
        expect(status === bytes.length || (status < 0 && status >= CORRUPT) || status > 0).toBe(true)
        expect(status).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 300 },
    )
    const inUse = kernel.bytesInUse
    read(bytes)
    expect(kernel.bytesInUse).toBe(inUse)
  })
})
