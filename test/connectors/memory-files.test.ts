import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { filesSuite } from './files-suite.js'

filesSuite('memory', async () => {
  const files = new MemoryFiles()
  return { files, path: name => name, reopen: async () => files, dispose: async () => {} }
})

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 20 }).map(bytes => ({ kind: 'append' as const, bytes })),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const }) },
  {
    weight: 1,
    arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map(share => ({ kind: 'truncate' as const, share })),
  },
)

describe('MemoryFiles', () => {
  it('keeps what was flushed and loses or tears some of the rest', async () => {
    const seen = { lost: 0, whole: 0, cut: 0, zeros: 0, vanished: 0 }
    for (let seed = 0; seed < 300; seed++) {
      const files = new MemoryFiles()
      const file = await files.openAppend('a')
      const flushed = seed % 4 !== 0
      if (flushed) {
        await file.append(Uint8Array.of(1, 2, 3))
        await file.flush()
      }
      await file.append(Uint8Array.of(4, 5, 6, 7))
      files.crash(seed)
      const left = files.get('a')
      if (!flushed && left === undefined) seen.vanished++
      if (!flushed) continue
      expect([...(left ?? [])].slice(0, 3)).toEqual([1, 2, 3])
      const rest = [...(left ?? [])].slice(3)
      if (rest.length === 0) seen.lost++
      else if (rest.join() === '4,5,6,7') seen.whole++
      else if (rest.includes(0)) seen.zeros++
      else seen.cut++
      await expect(file.append(Uint8Array.of(1))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0)
  })

  it('loses no flushed byte, whatever came before the crash', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), fc.integer(), async (operations, seed) => {
        const files = new MemoryFiles()
        const file = await files.openAppend('a')
        let current: number[] = []
        /** The least length since the last flush: truncations may have reached the disk, or not. */
        let safe: number[] = []
        for (const next of operations) {
          if (next.kind === 'append') {
            await file.append(next.bytes)
            current = [...current, ...next.bytes]
          } else if (next.kind === 'truncate') {
            const size = Math.floor(next.share * current.length)
            await file.truncate(size)
            current = current.slice(0, size)
            safe = safe.slice(0, size)
          } else {
            await file.flush()
            safe = current
          }
          expect([...(files.get('a') ?? [])]).toEqual(current)
        }
        files.crash(seed)
        expect([...(files.get('a') ?? [])].slice(0, safe.length)).toEqual(safe)
      }),
      { numRuns: 300 },
    )
  })

  it('crashes at the step that was asked for, once', async () => {
    const files = new MemoryFiles()
    files.crashAfter(2, 1)
    const file = await files.openAppend('a')
    await file.append(Uint8Array.of(1))
    await file.flush()
    await expect(file.append(Uint8Array.of(2))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    expect(files.crashCount).toBe(1)
    const again = await files.openAppend('a')
    await again.append(Uint8Array.of(3))
    await again.flush()
    expect(files.operationCount).toBe(5)
  })

  it('has one writer a file, and space up to its capacity', async () => {
    const files = new MemoryFiles({ capacityBytes: 3 })
    const file = await files.openAppend('a')
    await expect(files.openAppend('a')).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    await file.append(Uint8Array.of(1, 2, 3))
    await expect(file.append(Uint8Array.of(4))).rejects.toThrow('no space is left')
    expect(file.sizeBytes).toBe(3)
    await file.close()
    await expect(file.append(Uint8Array.of())).rejects.toThrow('closed')
    await (await files.openAppend('a')).close()
  })
})
