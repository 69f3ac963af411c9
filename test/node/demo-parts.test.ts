import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { countLines, type HourlyResult, readResults } from '../../src/node/demo/hourly-result.js'
import { LatestHour } from '../../src/node/demo/latest-hour.js'
import { observedFiles } from '../../src/node/demo/observed-files.js'
import { panelLines, totalLines } from '../../src/node/demo/panel.js'
import { printJson } from '../../src/node/demo/print-json.js'
import { emptyOperatorMetrics } from '../../src/runtime/empty-metrics.js'
import type { JobMetrics } from '../../src/runtime/job-handle.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'

const HOURS = ['2001-01-01T00:00:00.000Z', '2001-01-01T01:00:00.000Z', '2001-01-01T02:00:00.000Z']

function resultOf(hour: number, origin: string, flights = 1, meanDelay = 0): HourlyResult {
  return { origin, windowStart: HOURS[hour] ?? '', flights, meanDelay, worstDelay: 9, delayedShare: 0.5 }
}

const lineOf = (result: HourlyResult): string => `${JSON.stringify({ ...result, windowEnd: 'x' })}\n`
const encode = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('the result file of the demo', () => {
  it('is read by hour and airport, without the fields that are not asked for', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sabot-demo-'))
    const path = join(directory, 'a.ndjson')
    const results = [resultOf(1, 'ORD'), resultOf(0, 'SFO'), resultOf(1, 'JFK'), resultOf(0, 'Ωmega')]
    await writeFile(path, results.map(lineOf).join(''))
    expect(await readResults(path)).toEqual([results[1], results[3], results[2], results[0]])
    expect(await countLines(path)).toBe(4)
    await rm(directory, { recursive: true })
  })

  it('becomes one JSON object, however slowly it is read', async () => {
    const results = Array.from({ length: 5000 }, (_, row) => resultOf(row % 3, `A${row}`))
    const stream = new PassThrough({ highWaterMark: 1000 })
    const read = text(stream)
    await printJson(stream, { rows: 3, onTime: 2, late: 1, windows: 5000 }, results)
    stream.end()
    expect(JSON.parse(await read)).toEqual({ rows: 3, onTime: 2, late: 1, windows: 5000, results })

    const empty = new PassThrough()
    const nothing = text(empty)
    await printJson(empty, { rows: 0, onTime: 0, late: 0, windows: 0 }, [])
    empty.end()
    expect(JSON.parse(await nothing)).toEqual({ rows: 0, onTime: 0, late: 0, windows: 0, results: [] })
  })
})

describe('LatestHour', () => {
  it('gives the last hour, wherever the bytes were cut', () => {
    const results = [resultOf(0, 'A'), resultOf(1, 'B'), resultOf(2, 'C'), resultOf(2, 'Ωmega')]
    const bytes = encode(results.map(lineOf).join(''))
    for (const size of [1, 7, 100, 1000]) {
      const latest = new LatestHour()
      expect(latest.results()).toEqual([])
      for (let from = 0; from < bytes.length; from += size) latest.append(bytes.slice(from, from + size))
      expect(
        latest
          .results()
          .map(({ origin }) => origin)
          .sort(),
      ).toEqual(['C', 'Ωmega'])
    }
  })

  it('forgets what is old', () => {
    const kept = 1000
    const latest = new LatestHour(kept)
    for (let row = 0; row < 500; row++) latest.append(encode(lineOf(resultOf(row < 497 ? 0 : 1, `A${row}`))))
    expect(
      latest
        .results()
        .map(({ origin }) => origin)
        .sort(),
    ).toEqual(['A497', 'A498', 'A499'])
    const large = new LatestHour(kept)
    large.append(encode(Array.from({ length: 500 }, (_, row) => lineOf(resultOf(0, `A${row}`))).join('')))
    const origins = large.results().map(({ origin }) => origin)
    expect(origins[0]).toBe('A499')
    expect(origins.length).toBeLessThan(10)
  })
})

describe('observedFiles', () => {
  it('shows what is appended and changes nothing', async () => {
    const files = new MemoryFiles()
    const seen: string[] = []
    const file = await observedFiles(files, (path, bytes) => seen.push(`${path} ${bytes}`)).openAppend('a')
    await file.append(Uint8Array.of(1, 2))
    await file.append(Uint8Array.of(3))
    await file.truncate(2)
    expect(file.sizeBytes).toBe(2)
    await file.flush()
    await file.close()
    expect(seen).toEqual(['a 1,2', 'a 3'])
    expect([...(files.get('a') ?? [])]).toEqual([1, 2])
  })
})

const metrics: JobMetrics = {
  rowsIn: 1_500_000,
  rowsOut: 10,
  rowsExpected: 3_000_000,
  elapsedMs: 1500,
  takenAtMs: 0,
  operators: [
    {
      ...emptyOperatorMetrics('hourly', 'window-aggregate'),
      rowsIn: 1,
      rowsOut: 1,
      watermark: Date.UTC(2001, 2, 2, 11),
      dropped: { late: 1234 },
      gauges: { openWindows: 312 },
    },
  ],
  checkpoints: {
    completed: 1,
    failed: 0,
    lastId: 4,
    lastBytes: 2000,
    lastWrittenBytes: 2000,
    lastDurationMs: 3,
    lastAlignmentMs: 0,
    lastError: undefined,
  },
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const plain = (line: string): string => line.replaceAll(/\u001b\[\d+m/g, '')

describe('the panel of the demo', () => {
  it('tells progress, watermark, windows, late records, and airports', () => {
    const latest = [resultOf(0, 'ORD', 60, 5), resultOf(0, 'JFK', 40, 30.25), resultOf(0, 'XYZ', 1, 900)]
    const lines = panelLines(metrics, 812_000, latest).map(plain)
    expect(lines[0]).toMatch(/^█{20}░{20} 50 % {2}1,500,000 rows {2}812,000 rows\/s$/)
    expect(lines[1]).toBe('watermark 2001-03-02 11:00:00 UTC · 312 windows open · checkpoint 4 (2.0 kB, 3 ms)')
    expect(lines[2]).toBe('records set aside: 1,234 late')
    expect(lines[4]).toMatch(/^hour from 2001-01-01 00:00:00 UTC +busiest +most delayed$/)
    expect(lines[5]).toMatch(/ORD 60 flights +JFK 30\.3 min, 50 % delayed$/)
    expect(lines[6]).toMatch(/JFK 40 flights +ORD 5\.0 min/)
    expect(lines[7]).toMatch(/XYZ 1 flight$/)
    expect(panelLines(metrics, 0, []).map(plain)[4]).toMatch(/^no hour is complete yet/)
  })

  it('ends with totals', () => {
    const result = {
      status: 'finished',
      error: undefined,
      metrics,
      resumedFrom: 3,
      restarts: 0,
      lastCheckpoint: 4,
    } as const
    const lines = totalLines({ rows: 100, onTime: 99, late: 1, windows: 7 }, result, { output: 'a', late: 'b' }).map(
      plain,
    )
    expect(lines).toEqual([
      'finished in 1.5 s: 1,500,000 rows read, 1,000,000 rows/s',
      '  100 flights = 99 on time + 1 late (1.00 %)',
      '  7 windows (airport and hour) in a',
      '  late records in b',
      '  resumed from checkpoint 3',
      '  1 checkpoint taken',
    ])
  })
})
