import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SabotError } from '../../src/core/errors.js'
import { describeCheckpoint, describeInLine, sizeOf } from '../../src/node/cli/describe-checkpoint.js'
import { parseJobSpecifier } from '../../src/node/cli/load.js'
import {
  describeProgress,
  describeResult,
  droppedByReason,
  eventTimeOf,
  resultToJSON,
} from '../../src/node/cli/progress.js'
import { describeError, errorToJSON } from '../../src/node/cli/report-error.js'
import { emptyOperatorMetrics } from '../../src/runtime/empty-metrics.js'
import type { JobMetrics, JobResult, OperatorMetrics } from '../../src/runtime/job-handle.js'
import type { CheckpointManifest, PartEntry } from '../../src/state/manifest.js'

describe('parseJobSpecifier', () => {
  it.each([
    ['job.ts', 'job.ts', undefined],
    ['jobs.ts:hourly', 'jobs.ts', 'hourly'],
    ['jobs.ts:$größe', 'jobs.ts', '$größe'],
    ['C:\\jobs\\a.ts', 'C:\\jobs\\a.ts', undefined],
    ['C:\\jobs\\a.ts:b', 'C:\\jobs\\a.ts', 'b'],
    ['jobs.ts:1', 'jobs.ts:1', undefined],
    ['jobs.ts:', 'jobs.ts:', undefined],
  ])('%s', (specifier, file, exportName) => {
    expect(parseJobSpecifier(specifier)).toEqual({ file, exportName })
  })

  it('takes a file that is there for the file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sabot-cli-'))
    const path = join(directory, 'a:b')
    await writeFile(path, '')
    expect(parseJobSpecifier(path)).toEqual({ file: path, exportName: undefined })
    await rm(directory, { recursive: true })
  })
})

const operator = (init: Partial<OperatorMetrics>): OperatorMetrics => ({
  ...emptyOperatorMetrics('source-1', 'source'),
  ...init,
})

const metrics: JobMetrics = {
  rowsIn: 1_500_000,
  rowsOut: 1200,
  rowsExpected: 3_000_000,
  elapsedMs: 2000,
  takenAtMs: 0,
  operators: [
    operator({}),
    operator({
      id: 'hourly',
      kind: 'window-aggregate',
      watermark: Date.UTC(2001, 0, 2),
      dropped: { late: 1234, 'invalid-timestamp': 0 },
    }),
    operator({ id: 'ndjson-1', kind: 'ndjson', watermark: Date.UTC(2001, 0, 1) }),
  ],
  checkpoints: {
    completed: 2,
    failed: 0,
    lastId: 7,
    lastBytes: 34_567,
    lastWrittenBytes: 34_567,
    lastDurationMs: 3.4,
    lastAlignmentMs: 0,
    lastError: undefined,
  },
}

const result: JobResult = {
  status: 'finished',
  error: undefined,
  metrics,
  resumedFrom: 5,
  restarts: 0,
  lastCheckpoint: 7,
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const plain = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, '')

describe('progress', () => {
  it('tells rows, rate, watermark, what was set aside, and the checkpoint', () => {
    const line = plain(describeProgress('flights')(metrics))
    expect(line).toBe(
      'flights 1,500,000 rows (50 %) · 750,000 rows/s · watermark 2001-01-01 00:00:00 UTC · late 1,234 · checkpoint 7',
    )
  })
  it('takes the rate of the last two seconds', () => {
    const describe = describeProgress('flights')
    describe({ ...metrics, rowsIn: 0, elapsedMs: 1000 })
    describe({ ...metrics, rowsIn: 0, elapsedMs: 10_000 })
    expect(plain(describe({ ...metrics, rowsIn: 2000, elapsedMs: 12_000 }))).toContain('· 1,000 rows/s')
  })
  it('reads event time and reasons from all operators', () => {
    expect(eventTimeOf(metrics)).toBe(Date.UTC(2001, 0, 1))
    expect(eventTimeOf({ ...metrics, operators: [operator({})] })).toBe(Number.NEGATIVE_INFINITY)
    expect(droppedByReason(metrics)).toEqual([['late', 1234]])
  })
  it('sums up a result', () => {
    expect(describeResult('flights', result).map(plain)).toEqual([
      'flights finished: 1,500,000 rows in, 1,200 out, 2.0 s (750,000 rows/s)',
      '  resumed from checkpoint 5',
      '  hourly: 1,234 rows late',
      '  2 checkpoints; the last is 7 (34.6 kB, 3 ms)',
    ])
  })
  it('gives a result as JSON, with times that JSON can hold', () => {
    const error = new SabotError('A_CODE', 'a message', { field: 'x' }, { cause: new Error('a cause') })
    const json = JSON.parse(JSON.stringify(resultToJSON('flights', { ...result, status: 'failed', error })))
    expect(json).toMatchObject({
      job: 'flights',
      status: 'failed',
      rowsIn: 1_500_000,
      resumedFrom: 5,
      error: { code: 'A_CODE', message: 'a message', details: { field: 'x' }, cause: { message: 'a cause' } },
    })
    expect(json.operators.map((each: { watermark: unknown }) => each.watermark)).toEqual([
      null,
      '2001-01-02T00:00:00.000Z',
      '2001-01-01T00:00:00.000Z',
    ])
  })
})

describe('errors on the terminal', () => {
  const error = new SabotError('STORAGE_UNWRITABLE', 'a cannot be written', {}, { cause: new Error('disk is full') })
  it('are code, message and causes, with stacks only when asked', () => {
    const text = plain(describeError(error, false))
    expect(text).toMatch(/^error STORAGE_UNWRITABLE: a cannot be written\n {2}because: disk is full/)
    expect(text).not.toContain('cli-parts.test')
    expect(plain(describeError(error, true))).toContain('cli-parts.test')
  })
  it('do not say twice what the message has said', () => {
    const repeated = new SabotError('A', 'it failed: disk is full', {}, { cause: new Error('disk is full') })
    expect(plain(describeError(repeated, false))).not.toContain('because')
  })
  it('may be anything that was thrown', () => {
    expect(plain(describeError('text', false))).toContain('error: text')
    expect(errorToJSON('text')).toEqual({ code: 'ERROR', message: 'text' })
  })
})

const manifest: CheckpointManifest = {
  job: 'flights',
  checkpointId: 12,
  createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  environment: 'browser',
  abiVersion: 1,
  parameters: { bound: '2h' },
  operators: [
    {
      id: 'source-1',
      kind: 'source',
      rowsIn: 9000,
      rowsOut: 9000,
      settings: { source: 'replay' },
      state: 4096,
      parts: [],
    },
    {
      id: 'hourly',
      kind: 'window-aggregate',
      rowsIn: 9000,
      rowsOut: 1,
      settings: { sizeMs: 3_600_000 },
      state: { watermark: Date.UTC(2001, 0, 1), openWindows: 2048, stateBytes: 2048 },
      parts: [{ name: 'hourly.state', sizeBytes: 34_567, xxh64: '0123456789abcdef' }],
    },
    { id: 'map-1', kind: 'map', rowsIn: 1, rowsOut: 0, settings: {}, state: null, parts: [] },
  ],
}

describe('what a checkpoint holds', () => {
  it('in a line', () => {
    expect(sizeOf(manifest)).toBe(34_567)
    expect(plain(describeInLine(manifest))).toBe(
      '    12  2026-01-02 03:04:05 UTC  flights  taken in browser  3 operators  34.6 kB',
    )
  })
  it('in words', () => {
    expect(describeCheckpoint(manifest).map(plain)).toEqual([
      'checkpoint 12 of job flights',
      '  taken 2026-01-02 03:04:05 UTC in browser, kernel ABI 1',
      '  3 operators, 34.6 kB of binary state',
      '  parameters: bound=2h',
      '  source-1: 9,000 rows in, 9,000 out',
      '    settings: source: replay',
      '    state: 4,096',
      '  hourly (window-aggregate): 9,000 rows in, 1 out',
      '    settings: size: 1h',
      '    watermark: 2001-01-01 00:00:00 UTC',
      '    open windows: 2,048',
      '    state bytes: 2.0 kB',
      '    part hourly.state: 34.6 kB xxh64 0123456789abcdef',
      '  map-1: 1 row in, 0 out',
      '    keeps nothing',
    ])
  })
  it('with what it shares', () => {
    const xxh64 = '0123456789abcdef'
    const parts: PartEntry[] = [
      { name: 'hourly.state@7', sizeBytes: 500_000, xxh64, shared: 'base' },
      { name: 'hourly.state@8', sizeBytes: 4_000, xxh64, shared: 'delta' },
      { name: 'hourly.state@12', sizeBytes: 3_000, xxh64, shared: 'delta' },
      { name: 'hourly.keys@12', sizeBytes: 20_000, xxh64, shared: 'base' },
      { name: 'hourly.small', sizeBytes: 10, xxh64 },
    ]
    const operators = manifest.operators.map(each => (each.id === 'hourly' ? { ...each, parts } : each))
    const lines = describeCheckpoint({ ...manifest, operators }).map(plain)
    expect(lines[3]).toBe('  23.0 kB written for it, 504.0 kB shared with checkpoints before it')
    expect(lines.filter(line => /^ {4,}(part|base|changes) /.test(line))).toEqual([
      `    part hourly.state: a base and 2 deltas, shared`,
      `      base of checkpoint 7: 500.0 kB xxh64 ${xxh64}`,
      `      changes of checkpoint 8: 4.0 kB xxh64 ${xxh64}`,
      `      changes of checkpoint 12: 3.0 kB xxh64 ${xxh64}`,
      `    part hourly.keys: a base, shared`,
      `      base of checkpoint 12: 20.0 kB xxh64 ${xxh64}`,
      `    part hourly.small: 10 B xxh64 ${xxh64}`,
    ])
    expect(plain(describeInLine({ ...manifest, operators }))).toMatch(/ 527\.0 kB, 23\.0 kB of them its own$/)
  })
})
