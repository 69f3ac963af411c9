import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tailFiles } from '../../src/browser/tail-files.js'
import type { Files } from '../../src/core/files.js'

/** Files that remember what they were given. */
function recordingFiles(written: Map<string, number[]>): Files {
  return {
    openRead: () => Promise.reject(new Error('not read here')),
    openAppend: async path => {
      const bytes = written.get(path) ?? []
      written.set(path, bytes)
      return {
        get sizeBytes() {
          return bytes.length
        },
        append: async added => void bytes.push(...added),
        flush: async () => {},
        truncate: async sizeBytes => void bytes.splice(sizeBytes),
        close: async () => {},
      }
    },
  }
}

describe('tails of files', () => {
  it('hold the newest bytes of what was appended, however it was cut, and change nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 25 }),
        async (pieces, size) => {
          const written = new Map<string, number[]>()
          const tails = tailFiles(recordingFiles(written), { 'a.txt': size })
          const file = await tails.files.openAppend('a.txt')
          for (const piece of pieces) {
            await file.append(piece)
            expect([...(tails.newest()['a.txt'] ?? [])]).toEqual((written.get('a.txt') ?? []).slice(-size))
          }
          expect(written.get('a.txt')).toEqual(pieces.flatMap(piece => [...piece]))
          expect(file.sizeBytes).toBe(written.get('a.txt')?.length)
        },
      ),
    )
  })

  it('are kept for the files that were asked for only', async () => {
    const tails = tailFiles(recordingFiles(new Map()), { 'a.txt': 10 })
    await (await tails.files.openAppend('b.txt')).append(Uint8Array.of(1))
    expect(tails.newest()).toEqual({ 'a.txt': new Uint8Array() })
  })
})
