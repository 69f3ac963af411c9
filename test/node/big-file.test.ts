/* A file that is far larger than what is kept of it streams through in constant memory. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setting } from '../platform/setting.js'
import { compiled, compilePackage } from './package-under-test.js'

const MEGABYTES = setting('SABOT_BIG_FILE_MB', 96)
const BLOCK_ROWS = 10_000

/** Prints rows, windows and the most memory that the process had, in kB. */
const SCRIPT = `
const { callback, count, job, json, max, tumbling } = await import(process.argv[2])
const { run } = await import(process.argv[3])
let rows = 0
let windows = 0
const pipeline = job('big', j => {
  j.from(json(process.argv[4], { user: 'utf8', at: 'timestamp', amount: 'f64' }))
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('user')
    .window(tumbling('10s'))
    .aggregate({ n: count(), most: max('amount') })
    .to(callback(row => { windows += 1; rows += Number(row.n) }))
})
const { status, error } = await run(pipeline)
if (error !== undefined) throw error
console.log(JSON.stringify({ status, rows, windows, peakKilobytes: process.resourceUsage().maxRSS }))
`

let directory = ''

beforeAll(async () => {
  await compilePackage()
  directory = mkdtempSync(join(tmpdir(), 'sabot-big-'))
  writeFileSync(join(directory, 'run.mjs'), SCRIPT)
}, 180_000)
afterAll(() => rmSync(directory, { recursive: true }))

/** Writes blocks of rows until the file has so many bytes; how many rows. */
function writeRows(path: string, bytes: number): number {
  const file = openSync(path, 'w')
  let rows = 0
  for (let written = 0; written < bytes; ) {
    let text = ''
    for (let index = 0; index < BLOCK_ROWS; index++, rows++) {
      text += `{"user":"user ${(rows * 7919) % 5003}","at":${1_700_000_000_000 + rows},"amount":${rows % 977}.25,"unread":"${'.'.repeat(40)}"}\n`
    }
    written += writeSync(file, text)
  }
  closeSync(file)
  return rows
}

function run(path: string): { status: string; rows: number; windows: number; peakKilobytes: number } {
  const urls = ['src/index.js', 'src/node/index.js'].map(file => pathToFileURL(compiled(file)).href)
  const { stdout, stderr } = spawnSync(process.execPath, [join(directory, 'run.mjs'), ...urls, path], {
    encoding: 'utf8',
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as ReturnType<typeof run>
}

describe('a large file', () => {
  it(`of ${MEGABYTES} MB takes no more memory than one of an eighth`, { timeout: 600_000 }, () => {
    const path = join(directory, 'rows.ndjson')
    const peaks = [MEGABYTES / 8, MEGABYTES].map(megabytes => {
      const written = writeRows(path, megabytes * 1_000_000)
      const { status, rows, windows, peakKilobytes } = run(path)
      expect({ status, rows }).toEqual({ status: 'finished', rows: written })
      expect(windows).toBeGreaterThan(1000)
      rmSync(path)
      return peakKilobytes / 1000
    })
    const [small = 0, large = 0] = peaks
    // What the collector leaves lying for a while differs from run to run.
    expect(large - small).toBeLessThan(64)
  })
})
