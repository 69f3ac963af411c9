/*
 * Processes that write rolling files and are killed: whoever reads the files of the directory, at any time, sees rows
 * that are final, and in the end each row once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parquet } from '../../src/connectors/index.js'
import { filesOf } from '../connectors/file-contents.js'
import { readAll } from '../connectors/reading.js'
import { compilePackage } from './package-under-test.js'
import { startSabot } from './processes.js'

const ROWS = 400_000
const DAYS = 3
/** Of each format. */
const KILLS = 8

const JOB = `
import { fileSink, generator, job, schema } from 'sabot'

const shape = schema({ n: 'i32', day: 'utf8' })

export default job('files', j => {
  const format = j.parameter('format', 'ndjson')
  const compression = j.parameter('compression', '')
  j.from(generator(n => ({ n, day: 'd' + (n % ${DAYS}) }), { count: ${ROWS}, schema: shape })).to(
    fileSink(j.parameter('output', 'out'), {
      format,
      partitionBy: 'day',
      roll: { rows: 9000 },
      ...(compression === '' ? {} : { compression }),
    }),
  )
})
`

let directory = ''

beforeAll(async () => {
  await compilePackage()
  directory = await mkdtemp(join(tmpdir(), 'sabot-crash-files-'))
  await writeFile(join(directory, 'job.ts'), JOB)
}, 180_000)
afterAll(() => rm(directory, { recursive: true }))

function parts(output: string): string[] {
  if (!existsSync(output)) return []
  const files = readdirSync(output, { recursive: true, encoding: 'utf8' })
  return files.filter(file => /(^|[/\\])part-[^/\\]*$/.test(file)).sort()
}

async function numbersIn(path: string): Promise<number[]> {
  const bytes = readFileSync(path)
  if (path.endsWith('.parquet')) {
    const { rows } = await readAll(parquet('in', { n: 'i32' }), { files: filesOf({ in: new Uint8Array(bytes) }) })
    return (rows as { n: number }[]).map(({ n }) => n)
  }
  const text = path.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString()
  return text
    .trimEnd()
    .split('\n')
    .map(line => (JSON.parse(line) as { n: number }).n)
}

describe('rolling files of a job that is killed and resumed', () => {
  it.each([
    ['ndjson', ''],
    ['ndjson', 'gzip'],
    ['parquet', ''],
  ])('%s %s', { timeout: 300_000 }, async (format, compression) => {
    let kills = 0
    let resumed = 0
    for (let round = 0; kills < KILLS; round++) {
      const folder = join(directory, `${format}${compression}-${round}`)
      const output = join(folder, 'out')
      await mkdir(folder)
      /** What a reader has seen of each file. */
      const seen = new Map<string, number[]>()
      for (let attempt = 0; ; attempt++) {
        const { process: child, ended } = startSabot([
          ...['run', join(directory, 'job.ts'), '--resume', '--checkpoint-interval', '20ms'],
          ...['--checkpoint-dir', join(folder, 'checkpoints'), '--set', `output=${output}`],
          ...['--set', `format=${format}`, '--set', `compression=${compression}`],
        ])
        const stop = new Promise<void>(resolve => void ended.then(() => resolve()))
        if (kills < KILLS) {
          // Some time behind the first files that this run makes final; every third time at any moment.
          const before = parts(output).length
          let over = false
          void stop.then(() => {
            over = true
          })
          while (attempt % 3 !== 0 && !over && parts(output).length === before) await pause(3)
          await Promise.race([stop, pause(Math.random() * (attempt % 3 === 0 ? 800 : 120))])
          child.kill('SIGKILL')
        }
        const { code, signal, stderr } = await ended
        if (stderr.includes('resumed from checkpoint')) resumed += 1
        for (const file of parts(output)) {
          const numbers = await numbersIn(join(output, file))
          const earlier = seen.get(file)
          if (earlier !== undefined) expect(numbers).toEqual(earlier)
          seen.set(file, numbers)
        }
        if (signal === 'SIGKILL') {
          kills += 1
          continue
        }
        expect(code, stderr).toBe(0)
        break
      }
      const all = [...seen.values()].flat().sort((a, b) => a - b)
      expect(all.length).toBe(ROWS)
      expect(all.every((n, index) => n === index)).toBe(true)
      for (const [file, numbers] of seen) {
        const day = /day=d(\d)/.exec(file)?.[1]
        expect(numbers.every(n => String(n % DAYS) === day)).toBe(true)
      }
      await rm(folder, { recursive: true })
    }
    expect(resumed).toBeGreaterThan(KILLS / 4)
  })
})

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
