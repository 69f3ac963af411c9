import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isJobView, type JobView, type OperatorView } from '../../src/node/http/job-views.js'
import { topLines } from '../../src/node/terminal/top-view.js'
import { compilePackage, root } from './package-under-test.js'
import { sabot, startSabot } from './processes.js'

const operator = (id: string, inputs: readonly string[], parts: Partial<OperatorView> = {}): OperatorView => ({
  id,
  kind: 'map',
  description: '',
  inputs,
  rowsIn: 0,
  rowsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  busyMs: 0,
  backpressuredMs: 0,
  alignmentMs: 0,
  idleMs: 0,
  watermark: null,
  watermarkLagMs: null,
  watermarkSinceMs: null,
  heldBy: null,
  inputWatermarks: [],
  checkpointBytes: 0,
  dropped: {},
  gauges: {},
  ...parts,
})

const view = (rowsIn: number, elapsedMs: number): JobView => ({
  name: 'hourly',
  status: 'running',
  rowsIn,
  rowsOut: 2,
  rowsExpected: 4_000,
  elapsedMs,
  takenAtMs: Date.parse('2026-01-01T10:00:04Z'),
  operators: [
    operator('clicks', [], { kind: 'source', rowsIn, rowsOut: rowsIn, busyMs: elapsedMs / 4, idleMs: elapsedMs / 4 }),
    operator('windows', ['clicks'], {
      rowsIn,
      watermark: Date.parse('2026-01-01T10:00:00Z'),
      heldBy: 'split 3 of clicks holds it',
      inputWatermarks: ['2', '3'].map(name => ({ name, status: 'active', watermark: 1, sinceMs: null })),
      dropped: { late: 3, other: 0 },
      gauges: { keys: 12, stateBytes: 4_096, openWindows: 2 },
    }),
    operator('out', ['windows', 'clicks'], { watermark: 'end' }),
  ],
  checkpoints: {
    completed: 2,
    failed: 1,
    lastId: 7,
    lastBytes: 2_048,
    lastWrittenBytes: 2_048,
    lastDurationMs: 30,
    lastAlignmentMs: 0,
    lastError: null,
  },
})

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const plain = (lines: readonly string[]) => lines.map(line => line.replace(/\u001b\[[0-9;]*m/g, ''))

describe('what sabot top shows', () => {
  it('is the graph with rates since the last look', () => {
    const first = { job: view(1_000, 2_000), atMs: 5_000 }
    const second = { job: view(1_600, 2_500), atMs: 5_500 }
    expect(plain(topLines(first, undefined)).at(3)).toMatch(/^clicks +1,000 +1,000 +500 +50 % +0 % +none yet$/)
    expect(plain(topLines(second, first))).toEqual([
      'hourly running · 1,600 rows in (40 %) · 2 out · 2.5 s',
      '2 checkpoints · the last is 7 (2.0 kB, 30 ms) · 1 failed',
      'operator      in    out  rows/s  busy  blocked  watermark                behind  state            aside',
      'clicks     1,600  1,600   1,200  50 %      0 %  none yet',
      '  windows  1,600      0   1,200                 2026-01-01 10:00:00 UTC  4.0 s   12 keys, 4.1 kB  3 late',
      '           split 3 of clicks holds it',
      '    out        0      0       0                 end of input',
    ])
  })

  it('knows an answer that is no job', () => {
    expect(isJobView(view(1, 1))).toBe(true)
    for (const value of [null, 1, [], {}, { name: 'x', status: 'y', operators: [] }])
      expect(isJobView(value)).toBe(false)
  })
})

describe('sabot top', () => {
  let directory = ''
  beforeAll(async () => {
    await compilePackage()
    directory = await mkdtemp(join(tmpdir(), 'sabot-top-'))
    const source = `
      import { iterable, job, ndjson } from '${join(root, 'build/test-package/src/index.js')}'
      export default job('endless', j => {
        const rows = async function* () {
          for (let n = 0; ; n++) {
            if (n % 100 === 0) await new Promise(resolve => setTimeout(resolve, 5))
            yield { n }
          }
        }
        j.from(iterable(rows)).to(ndjson('endless.ndjson'))
      })`
    await writeFile(join(directory, 'endless.mjs'), source)
  }, 120_000)
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it('looks at a job that runs with --http, whose log is JSON', async () => {
    const job = startSabot(['run', 'endless.mjs', '--http', '0', '--log', 'json'], directory)
    await job.says(/"event":"started"/)
    job.process.kill('SIGINT')
    const { code, stderr } = await job.ended
    const lines = stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, string>)
    const url = lines[0]?.httpUrl ?? ''
    expect(code).toBe(0)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(lines.map(({ event }) => event)).toEqual(['started', 'note', 'ended'])
    expect(lines.at(-1)).toMatchObject({ job: 'endless', status: 'stopped' })
  }, 60_000)

  it('prints once what it sees, and says when there is nothing to see', async () => {
    const job = startSabot(['run', 'endless.mjs', '--http', '127.0.0.1:0'], directory)
    let said = ''
    job.process.stderr?.on('data', text => {
      said += text
    })
    await job.says(/metrics at/)
    const url = /http:\/\/[\d.:]+/.exec(said)?.[0] ?? ''
    const { code, stdout } = await sabot(['top', url, '--once'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^endless running/)])
    expect(stdout).toContain('source-1')
    job.process.kill('SIGINT')
    await job.ended
    expect(await sabot(['top', url])).toMatchObject({ code: 2, stderr: expect.stringContaining('SERVER_UNREACHABLE') })
    expect(await sabot(['top', 'there'])).toMatchObject({ code: 2, stderr: expect.stringContaining('INVALID_URL') })
  }, 60_000)
})
