/*
 * SIGKILL of the whole process at random moments of a job's life. Whoever reads the committed files sees, at any time,
 * rows of a run that nobody disturbed, none of them twice; in the end there are all of them.
 *
 * SABOT_KILLS says how many kills in all, SABOT_KILL_SEED from which seed their moments come.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomBelow, seededRandom } from '../../src/testing/seeded-random.js'
import { setting } from '../platform/setting.js'
import { jobsModule, KILLED_JOBS, type KilledJob, lifeScript, ROWS } from './killed-jobs.js'
import { compilePackage } from './package-under-test.js'
import { type Started, startNode } from './processes.js'

const KILLS = setting('SABOT_KILLS', 12)
const SEED = setting('SABOT_KILL_SEED', 1)
/** Every fifth kill strikes at any moment from the start of the process on, others after the job has begun. */
const EARLY = 5

let directory = ''

beforeAll(async () => {
  await compilePackage()
  directory = mkdtempSync(join(tmpdir(), 'sabot-kills-'))
  writeFileSync(join(directory, 'jobs.mjs'), jobsModule(false))
  writeFileSync(join(directory, 'jobs.own.mjs'), jobsModule(true))
  writeFileSync(join(directory, 'life.mjs'), lifeScript())
}, 180_000)
afterAll(() => rmSync(directory, { recursive: true }))

function live(job: KilledJob, folder: string, parallelism: number, mode: 'killed' | 'undisturbed'): Started {
  return startNode([join(directory, 'life.mjs'), job, folder, String(parallelism), mode])
}

/** The lines of each file that whoever reads the folder takes for committed. */
function committed(folder: string): Map<string, readonly string[]> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const parts = files.filter(file => /(^|[/\\])part-[^/\\]*$/.test(file))
  return new Map(parts.map(file => [file, lines(join(folder, file))]))
}

const lines = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)

interface Output {
  readonly parts: readonly string[]
  readonly [file: string]: readonly string[]
}

/** What it wrote in all: rows of rolling files in any order, and other files as they are. */
function output(folder: string): Output {
  const single = readdirSync(folder).filter(file => file.endsWith('.ndjson'))
  return {
    ...Object.fromEntries(single.map(file => [file, lines(join(folder, file))])),
    parts: [...committed(folder).values()].flat().sort(),
  }
}

/** Rows that are too many: none of these, or seen more often. */
function unexpected(rows: readonly string[], expected: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const row of expected) left.set(row, (left.get(row) ?? 0) + 1)
  return rows.filter(row => {
    const times = left.get(row) ?? 0
    left.set(row, times - 1)
    return times <= 0
  })
}

interface Life {
  readonly wholeMs: number
  /** From the moment when it began to work. */
  readonly workMs: number
}

describe(`a job whose process is killed at random moments, by seed ${SEED}`, () => {
  it.concurrent.each(Object.keys(KILLED_JOBS) as KilledJob[])('%s', { timeout: 900_000 }, async name => {
    const { share, parallelism } = KILLED_JOBS[name]
    const random = seededRandom(SEED * 31 + Object.keys(KILLED_JOBS).indexOf(name))
    const kills = Math.max(1, Math.round(KILLS * share))

    const calm = join(directory, `${name}-undisturbed`)
    mkdirSync(calm)
    const { code, stderr } = await live(name, calm, 1, 'undisturbed').ended
    expect(code, stderr).toBe(0)
    const expected = output(calm)
    expect(Object.values(expected).flat().length).toBeGreaterThan(500)

    const measured = join(directory, `${name}-measured`)
    mkdirSync(measured)
    let life = await measure(live(name, measured, parallelism, 'killed'))
    expect(output(measured)).toEqual(expected)

    const tally = { kills: 0, resumed: 0 }
    for (let round = 0; tally.kills < kills; round++) {
      const folder = join(directory, `${name}-${round}`)
      mkdirSync(folder)
      let seen: ReadonlyMap<string, readonly string[]> = new Map()
      for (let hasFinished = false; !hasFinished; ) {
        const started = live(name, folder, parallelism, 'killed')
        if (tally.kills < kills) await killAtRandom(started, life, random)
        const ended = await started.ended
        if (/^began \d/m.test(ended.stderr)) tally.resumed += 1
        if (ended.signal === 'SIGKILL') tally.kills += 1
        else expect(ended.code, ended.stderr).toBe(0)
        hasFinished = ended.signal !== 'SIGKILL'
        // The machine was slower while it was measured: moments behind the end kill nothing.
        if (hasFinished) life = { wholeMs: life.wholeMs * 0.9, workMs: life.workMs * 0.8 }
        const found = committed(folder)
        expect(unexpected([...found.values()].flat(), expected.parts), name).toEqual([])
        // What the end of the input made final is taken back where the process dies before it has ended, and is written
        // again: by one subtask the same bytes, by several in another order.
        for (const [file, rows] of parallelism === 1 ? seen : []) {
          expect(found.get(file) ?? rows, `${name}: ${file} has changed`).toEqual(rows)
        }
        seen = new Map([...seen, ...found])
      }
      expect(output(folder), `${name}, round ${round}`).toEqual(expected)
      rmSync(folder, { recursive: true })
    }
    expect(tally.kills).toBe(kills)
    if (kills >= 12) expect(tally.resumed).toBeGreaterThan(kills / 4)
  })

  it('counts each row once in what it is compared with', () => {
    const folder = join(directory, 'windows-undisturbed')
    const { parts, 'late.ndjson': late = [] } = output(folder)
    const inWindows = parts.reduce((sum, line) => sum + (JSON.parse(line) as { n: number }).n, 0)
    expect(late.length).toBeGreaterThan(0)
    expect(inWindows + late.length).toBe(ROWS)
  })
})

async function measure({ says, ended }: Started): Promise<Life> {
  const startedAt = performance.now()
  await says(/^began/m)
  const begunAt = performance.now()
  const { code, stderr } = await ended
  expect(code, stderr).toBe(0)
  return { wholeMs: performance.now() - startedAt, workMs: performance.now() - begunAt }
}

async function killAtRandom(started: Started, { wholeMs, workMs }: Life, random: () => number): Promise<void> {
  const isEarly = randomBelow(random, EARLY) === 0
  const moment = random()
  if (!isEarly) await started.says(/^began/m)
  await Promise.race([started.ended, pause(moment * (isEarly ? wholeMs : workMs))])
  started.process.kill('SIGKILL')
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
