import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Region } from '../../src/kernel/memory.js'
import { instantiateKernel } from '../../src/kernel/module.js'
import { builds } from './builds.js'

const PAGE = 65_536

describe.each(builds)('memory ($name)', ({ name, create }) => {
  it('hands out regions that are aligned, padded and apart, and takes them back', () => {
    const kernel = create()
    const steps = fc.array(fc.record({ size: fc.integer({ min: 0, max: 20_000 }), freed: fc.nat() }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, program => {
        const before = kernel.bytesInUse
        const live: { pointer: number; size: number; mark: number }[] = []
        program.forEach(({ size, freed }, step) => {
          const pointer = kernel.allocate(size)
          expect(pointer % 64).toBe(0)
          expect(pointer + size + 64).toBeLessThanOrEqual(kernel.buffer.byteLength)
          const mark = (step % 250) + 1
          kernel.u8.fill(mark, pointer, pointer + size)
          live.push({ pointer, size, mark })
          if (freed % 3 === 0) {
            const [gone] = live.splice(freed % live.length, 1)
            if (gone !== undefined) kernel.release(gone.pointer)
          }
        })
        for (const { pointer, size, mark } of live) {
          expect(kernel.u8.subarray(pointer, pointer + size).every(byte => byte === mark)).toBe(true)
          kernel.release(pointer)
        }
        expect(kernel.bytesInUse).toBe(before)
      }),
      { numRuns: 60 },
    )
  })

  it('uses again what was released', () => {
    const kernel = create()
    const sizes = Array.from({ length: 200 }, (_, n) => 64 + n * 97)
    const round = () => {
      for (const pointer of sizes.map(size => kernel.allocate(size))) kernel.release(pointer)
    }
    round()
    const bytes = kernel.buffer.byteLength
    for (let n = 0; n < 50; n++) round()
    expect(kernel.buffer.byteLength).toBe(bytes)
  })

  it('refuses beyond its ceiling with a clear error, and goes on', () => {
    const kernel = create({ memoryLimitBytes: 4 * 1024 * 1024 })
    const regions: number[] = []
    const fill = () => {
      for (;;) regions.push(kernel.allocate(100_000))
    }
    expect(fill).toThrow(expect.objectContaining({ code: 'MEMORY_LIMIT' }))
    expect(fill).toThrow('The memory ceiling of 4194304 bytes is reached while allocating a region')
    expect(regions.length).toBeGreaterThan(25)
    expect(regions.length).toBeLessThan(42)
    if (name !== 'checked') expect(kernel.buffer.byteLength).toBeLessThanOrEqual(4 * 1024 * 1024)
    kernel.release(regions.pop() ?? 0)
    expect(kernel.allocate(100_000)).toBeGreaterThan(0)
  })

  // From 3.75 GiB on the size class would be 4 GiB.
  it.each([4_026_531_713, 4_200_000_000, 4_294_901_760, 4_294_967_295])('refuses a region of %d bytes', bytes => {
    const kernel = create({ memoryLimitBytes: 2 ** 32 })
    const size = kernel.buffer.byteLength
    expect(() => kernel.allocate(bytes)).toThrow(expect.objectContaining({ code: 'MEMORY_LIMIT' }))
    expect(kernel.buffer.byteLength).toBe(size)
    const pointer = kernel.allocate(1_000)
    expect(kernel.allocate(1_000)).not.toBe(pointer)
  })

  it('renews views when memory grew, and counts it', () => {
    const kernel = create()
    const { u8, epoch } = kernel
    expect(kernel.u8).toBe(u8)
    kernel.allocate(kernel.buffer.byteLength + PAGE)
    expect(u8.length).toBe(0)
    expect(kernel.u8.length).toBe(kernel.buffer.byteLength)
    expect(kernel.epoch).toBe(epoch + 1)
    expect(kernel.epoch).toBe(epoch + 1)
  })

  it('keeps a region that is large enough', () => {
    const kernel = create()
    const region = new Region(kernel)
    const first = region.write(new Uint8Array(5_000).fill(7))
    const inUse = kernel.bytesInUse
    for (let n = 0; n < 100; n++) expect(region.write(new Float64Array(n))).toBe(first)
    expect(kernel.bytesInUse).toBe(inUse)
    region.release()
    region.release()
    expect(kernel.bytesInUse).toBeLessThan(inUse)
  })
})

describe('the checked build', () => {
  const [, , checked] = builds

  it('traps on a region that is released twice', () => {
    const kernel = checked?.create()
    const pointer = kernel?.allocate(10) ?? 0
    kernel?.release(pointer)
    expect(() => kernel?.release(pointer)).toThrow(WebAssembly.RuntimeError)
  })

  it('traps on a store into memory that is not handed out', () => {
    const kernel = checked?.create()
    const pointer = kernel?.allocate(64) ?? 0
    const keys = kernel?.exports.keysCreate(0, 0, 0, 1) ?? 0
    kernel?.exports.keysCode32(keys, pointer, 0, 0, 1, pointer)
    kernel?.release(pointer)
    expect(() => kernel?.exports.keysCode32(keys, pointer, 0, 0, 1, pointer)).toThrow(WebAssembly.RuntimeError)
  })
})

describe('instantiateKernel', () => {
  const bytes = readFileSync(new URL('../../build/sabot.wasm', import.meta.url))

  it('takes bytes as well as a module', () => {
    expect(instantiateKernel(Uint8Array.from(bytes)).exports.abiVersion()).toBe(1)
  })

  it('refuses a module that is not a kernel', () => {
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    expect(() => instantiateKernel(empty)).toThrow(expect.objectContaining({ code: 'KERNEL_ABI' }))
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a ceiling of %d bytes', memoryLimitBytes => {
    expect(() => instantiateKernel(Uint8Array.from(bytes), { memoryLimitBytes })).toThrow(TypeError)
  })

  it.each(['sabot.wasm', 'sabot.scalar.wasm', 'sabot.checked.wasm'])('%s imports nothing', file => {
    const module = new WebAssembly.Module(readFileSync(new URL(`../../build/${file}`, import.meta.url)))
    expect(WebAssembly.Module.imports(module)).toEqual([])
  })
})
