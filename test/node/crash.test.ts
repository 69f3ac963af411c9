/*
 * Processes that are killed: whatever the moment, the files that the job leaves are those of an undisturbed run.
 */
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFlights, writeFlights } from './flight-data.js'
import { compilePackage, root } from './package-under-test.js'
import { type Ended, sabot, startSabot } from './processes.js'

const FLIGHTS_JOB = join(root, 'examples/flights.ts')
const WHOLE_FILE = join(root, 'node_modules/vega-datasets/data/flights-3m.parquet')
const FLIGHTS = 250_000
const KILLS = 30
const KILLS_ON_WHOLE_FILE = 4

let directory = ''

beforeAll(async () => {
  await compilePackage()
  directory = await mkdtemp(join(tmpdir(), 'sabot-crash-'))
  writeFlights(join(directory, 'flights.parquet'), makeFlights(FLIGHTS, 7))
}, 180_000)

afterAll(() => rm(directory, { recursive: true }))

const args = (input: string, folder: string, interval: string): string[] => [
  'run',
  FLIGHTS_JOB,
  '--resume',
  ...['--checkpoint-dir', join(folder, 'checkpoints'), '--checkpoint-interval', interval],
  ...['--set', `input=${input}`, '--set', `output=${join(folder, 'hourly.ndjson')}`],
  ...['--set', `late=${join(folder, 'late.ndjson')}`],
]

async function undisturbed(name: string, input: string): Promise<Buffer[]> {
  const folder = join(directory, name)
  await mkdir(folder)
  const { code, stderr } = await sabot(args(input, folder, '1h'))
  expect(code, stderr).toBe(0)
  return results(folder)
}

const results = (folder: string): Promise<Buffer[]> =>
  Promise.all(['hourly.ndjson', 'late.ndjson'].map(file => readFile(join(folder, file))))

/** Fulfilled with the end, or with undefined as soon as the run has a checkpoint of its own. */
async function firstCheckpoint(folder: string, ended: Promise<Ended>): Promise<Ended | undefined> {
  const checkpoints = join(folder, 'checkpoints')
  const names = (): string => (existsSync(checkpoints) ? readdirSync(checkpoints).join() : '')
  const before = names()
  let end: Ended | undefined
  void ended.then(value => {
    end = value
  })
  while (end === undefined && names() === before) await new Promise(resolve => setTimeout(resolve, 2))
  return end
}

interface Tally {
  kills: number
  resumed: number
  rounds: number
}

/** Runs, kills and resumes until `kills` runs were killed and the last one has finished; each finish is compared. */
async function killAndResume(
  name: string,
  input: string,
  kills: number,
  interval: string,
  spreadMs: number,
): Promise<Tally> {
  const expected = await undisturbed(`${name}-undisturbed`, input)
  expect(expected.map(bytes => bytes.length > 0)).toEqual([true, true])
  const tally = { kills: 0, resumed: 0, rounds: 0 }
  while (tally.kills < kills) {
    tally.rounds += 1
    const folder = join(directory, `${name}-${tally.rounds}`)
    await mkdir(folder)
    for (let attempt = 0; ; attempt++) {
      const { process: child, ended } = startSabot(args(input, folder, interval))
      if (tally.kills < kills) {
        // Every third time before the first checkpoint, else some time behind it.
        if (attempt % 3 !== 0) await firstCheckpoint(folder, ended)
        await new Promise(resolve => setTimeout(resolve, Math.random() * (attempt % 3 === 0 ? 900 : spreadMs)))
        child.kill('SIGKILL')
      }
      const { code, signal, stderr } = await ended
      if (stderr.includes('resumed from checkpoint')) tally.resumed += 1
      if (signal === 'SIGKILL') {
        tally.kills += 1
        continue
      }
      expect(code, stderr).toBe(0)
      break
    }
    const actual = await results(folder)
    for (const [index, bytes] of actual.entries()) expect(expected[index]?.equals(bytes)).toBe(true)
    await rm(folder, { recursive: true })
  }
  return tally
}

describe('a job that is killed and resumed', () => {
  it(`leaves the files of an undisturbed run, over ${KILLS} kills at random moments`, async () => {
    const { kills, resumed } = await killAndResume('small', join(directory, 'flights.parquet'), KILLS, '50ms', 200)
    expect(kills).toBeGreaterThanOrEqual(KILLS)
    expect(resumed).toBeGreaterThan(KILLS / 4)
  }, 300_000)

  it('does so on three million flights', async () => {
    const { kills, resumed } = await killAndResume('whole', WHOLE_FILE, KILLS_ON_WHOLE_FILE, '100ms', 1500)
    expect(kills).toBeGreaterThanOrEqual(KILLS_ON_WHOLE_FILE)
    expect(resumed).toBeGreaterThan(0)
  }, 300_000)

  it('leaves them when Ctrl-C stops it and it is resumed', async () => {
    const input = join(directory, 'flights.parquet')
    const expected = await undisturbed('ctrl-c-undisturbed', input)
    const folder = join(directory, 'ctrl-c')
    await mkdir(folder)
    let stops = 0
    for (;;) {
      const { process: child, ended, says } = startSabot(args(input, folder, '1h'))
      await says(/no checkpoint|resumed from/)
      await new Promise(resolve => setTimeout(resolve, stops * 60))
      if (stops < 3) child.kill('SIGINT')
      const { code, stderr } = await ended
      expect(code, stderr).toBe(0)
      if (stderr.includes('flights finished')) break
      expect(stderr).toContain('flights stopped')
      stops += 1
    }
    expect(stops).toBeGreaterThan(0)
    const actual = await results(folder)
    for (const [index, bytes] of actual.entries()) expect(expected[index]?.equals(bytes)).toBe(true)
  }, 120_000)
})
