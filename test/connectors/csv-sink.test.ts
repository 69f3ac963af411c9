import { describe, expect, it } from 'vitest'
import { type CsvSinkOptions, csv, csvFile } from '../../src/connectors/index.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { readAll, throughJSON } from './reading.js'
import { batchOf, numbered, oddRows, sinkContext } from './writing.js'

const text = (files: MemoryFiles): string => new TextDecoder().decode(files.get('out'))
const lines = (from: number, to: number): string =>
  numbered(from, to)
    .map(row => `${row.n},${row.text}\n`)
    .join('')

describe('csvFile()', () => {
  it('writes a header and the selected rows, and a fresh file on a fresh start', async () => {
    const files = new MemoryFiles()
    for (let run = 0; run < 2; run++) {
      const writer = await csvFile('out').open(sinkContext(undefined, files))
      await writer.write(batchOf(0, 3))
      await writer.write(oddRows(3, 8))
      await writer.finish()
      await writer.close()
      expect(text(files)).toBe(`n,text\n${lines(0, 4)}${lines(5, 6)}${lines(7, 8)}`)
    }
    expect((await readAll(csv('out', { n: 'i32', text: 'utf8' }), { files })).rows).toHaveLength(6)
  })

  it('goes on behind what was prepared, with one header, wherever the checkpoint was', async () => {
    for (const before of [0, 2, 20_000]) {
      const files = new MemoryFiles()
      const writer = await csvFile('out').open(sinkContext(undefined, files))
      if (before > 0) await writer.write(batchOf(0, before))
      const state = throughJSON(await writer.prepare(1))
      await writer.commit(1)
      await writer.write(batchOf(before, before + 9))
      await writer.finish()
      await writer.close()

      const again = await csvFile('out').open(sinkContext(state, files))
      await again.write(batchOf(before, before + 4))
      await again.finish()
      await again.close()
      expect(text(files)).toBe(`n,text\n${lines(0, before + 4)}`)
    }
  })

  it('writes in other dialects', async () => {
    const write = async (options: CsvSinkOptions): Promise<string> => {
      const files = new MemoryFiles()
      const writer = await csvFile('out', options).open(sinkContext(undefined, files))
      await writer.write(batchOf(7, 9))
      await writer.finish()
      await writer.close()
      return text(files)
    }
    expect(await write({ delimiter: '\t', lineEnd: '\r\n' })).toBe('n\ttext\r\n7\trow 7\r\n8\trow 8\r\n')
    expect(await write({ header: false, delimiter: ' ' })).toBe('7 "row 7"\n8 "row 8"\n')
    await expect(write({ quote: ',' })).rejects.toThrow(TypeError)
  })

  it('refuses the state of another file', async () => {
    const state = { path: 'other', sizeBytes: 0 }
    await expect(csvFile('out').open(sinkContext(state))).rejects.toMatchObject({ code: 'SINK_CHANGED' })
    await expect(csvFile('out').open(sinkContext(7))).rejects.toMatchObject({ code: 'SINK_CHANGED' })
  })
})
