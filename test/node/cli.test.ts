/* The command line as people use it: as a process, on modules outside of any project. */
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFlights, writeFlights } from './flight-data.js'
import { compilePackage, root } from './package-under-test.js'
import { sabot, startSabot } from './processes.js'

const FLIGHTS_JOB = join(root, 'examples/flights.ts')

const MODULES: Readonly<Record<string, string>> = {
  'one.ts': `
    import { job, memory, ndjson } from 'sabot'
    import { rows } from './rows'
    type Unused = number
    const output: string = 'out.ndjson'
    export const copy = job('copy', j => {
      j.from(memory(rows)).to(ndjson(j.parameter('output', output)))
    })
    export const other = 1`,
  'rows.ts': `export const rows: { n: number }[] = [{ n: 1 }, { n: 2 }, { n: 3 }]`,
  'two.ts': `
    import { job, memory, stdout } from 'sabot'
    export const first = job('first', j => { j.from(memory([{ n: 1 }])).to(stdout()) })
    export const second = job('second', j => { j.from(memory([{ n: 2 }])).to(stdout()) })`,
  'awaits.ts': `
    const { job, memory, stdout } = await import('sabot')
    export default job('awaits', j => { j.from(memory([{ n: 7 }])).to(stdout()) })
    export const another = job('another', j => { j.from(memory([{ n: 8 }])).to(stdout()) })`,
  'plain.mjs': `
    import { job, memory, stdout } from 'sabot'
    export default job('plain', j => { j.from(memory([{ n: 9 }])).to(stdout()) })`,
  'fails.ts': `
    import { job, memory, stdout } from 'sabot'
    export default job('fails', j => {
      j.from(memory([{ n: 1 }, { n: 2 }])).map(row => { if (row.n === 2) throw new Error('two is too much'); return row }).to(stdout())
    })`,
  'endless.ts': `
    import { iterable, job, ndjson } from 'sabot'
    export default job('endless', j => {
      const rows = async function* () {
        for (let n = 0; ; n++) {
          if (n % 100 === 0) await new Promise(resolve => setTimeout(resolve, 5))
          yield { n }
        }
      }
      j.from(iterable(rows)).to(ndjson(j.parameter('output', 'endless.ndjson')))
    })`,
  'none.ts': `export const a = 1`,
  'empty.ts': ``,
  'syntax.ts': `export const a = = 1`,
  'throws.ts': `throw new Error('my own fault')`,
  'missing.ts': `import 'no-such-package'`,
  'common.js': `const { job } = require('sabot')`,
  'notes.txt': `not a module`,
}

let directory = ''
const path = (name: string): string => join(directory, name)
const lines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

beforeAll(async () => {
  await compilePackage()
  directory = await mkdtemp(join(tmpdir(), 'sabot-cli-'))
  for (const [name, text] of Object.entries(MODULES)) await writeFile(path(name), text)
  writeFlights(path('flights.parquet'), makeFlights(20_000, 1))
}, 180_000)

afterAll(() => rm(directory, { recursive: true }))

describe.concurrent('sabot run', () => {
  it('runs the only job of a TypeScript module and says what came of it', async () => {
    const { code, stdout, stderr } = await sabot(['run', 'one.ts', '--set', 'output=one.ndjson'], directory)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('copy finished: 3 rows in, 3 out')
    expect(lines(await readFile(path('one.ndjson'), 'utf8'))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  it.each([
    ['two.ts:second', [{ n: 2 }]],
    ['awaits.ts', [{ n: 7 }]],
    ['awaits.ts:another', [{ n: 8 }]],
    ['plain.mjs', [{ n: 9 }]],
  ])('runs %s', async (specifier, rows) => {
    const { code, stdout, stderr } = await sabot(['run', specifier], directory)
    expect(code, stderr).toBe(0)
    expect(lines(stdout)).toEqual(rows)
  })

  it('runs the shortest example', async () => {
    const { code, stdout, stderr } = await sabot(['run', join(root, 'examples/visits.ts')], directory)
    expect(code, stderr).toBe(0)
    const rows = lines(stdout).map(row => row as { page: string; windowStart: string; visits: number })
    expect(rows.map(({ page, windowStart, visits }) => `${windowStart} ${page} ${visits}`).sort()).toEqual([
      '2026-01-01T10:00:00.000Z docs 2',
      '2026-01-01T10:00:00.000Z home 1',
      '2026-01-01T10:01:00.000Z home 2',
    ])
    expect(stderr).toMatch(/1 row late/)
  })

  it('prints one JSON object with --json, and the rows of the job elsewhere', async () => {
    const { code, stdout, stderr } = await sabot(['run', 'plain.mjs', '--json'], directory)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ job: 'plain', status: 'finished', rowsIn: 1, rowsOut: 1 })
    expect(stderr).toContain('{"n":9}')
  })

  it('ends with 1 when the job fails, and names code and cause', async () => {
    const { code, stderr } = await sabot(['run', 'fails.ts'], directory)
    expect(code).toBe(1)
    expect(stderr).toMatch(/fails failed/)
    expect(stderr).toMatch(/error [A-Z_]+: .*two is too much/s)
    expect(stderr).not.toContain('at ')
    const verbose = await sabot(['run', 'fails.ts', '--verbose'], directory)
    expect(verbose.stderr).toMatch(/at .*fails\.ts/)
  })

  it('ends with 1 when the input is not there', async () => {
    const set = [
      '--set',
      'input=nowhere.parquet',
      '--set',
      `output=${path('x.ndjson')}`,
      '--set',
      `late=${path('y.ndjson')}`,
    ]
    const { code, stderr } = await sabot(['run', FLIGHTS_JOB, ...set], directory)
    expect(code).toBe(1)
    expect(stderr).toMatch(/FILE_NOT_FOUND.*nowhere\.parquet/)
    const json = await sabot(['run', FLIGHTS_JOB, ...set, '--json'], directory)
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 'failed', error: { code: 'FILE_NOT_FOUND' } })
  })

  it.each([
    ['no arguments', [], /Usage: sabot/],
    ['an unknown command', ['frob'], /unknown command 'frob'/],
    ['an unknown option', ['run', 'one.ts', '--frob'], /unknown option '--frob'/],
    ['no file', ['run'], /missing required argument/],
    ['a file too many', ['run', 'one.ts', 'two.ts'], /too many arguments/],
    ['a missing file', ['run', 'nowhere.ts'], /NO_SUCH_FILE.*nowhere\.ts/],
    ['a directory', ['run', '.'], /NOT_A_MODULE.*directory/],
    ['what is no module', ['run', 'notes.txt'], /NOT_A_MODULE.*notes\.txt/],
    ['a module without a job', ['run', 'none.ts'], /NO_JOB.*none\.ts.*exports a\b/],
    ['an empty module', ['run', 'empty.ts'], /NO_JOB/],
    ['a module of two jobs', ['run', 'two.ts'], /SEVERAL_JOBS.*first, second/],
    ['an export that is not there', ['run', 'two.ts:third'], /NO_SUCH_EXPORT.*third.*first, second/],
    ['an export that is no job', ['run', 'one.ts:other'], /NO_SUCH_EXPORT.*not a job/],
    ['a syntax error', ['run', 'syntax.ts'], /MODULE_FAILED.*syntax\.ts/],
    ['a module that throws', ['run', 'throws.ts'], /MODULE_FAILED.*my own fault/],
    ['CommonJS without an installation', ['run', 'common.js'], /MODULE_FAILED.*common\.js.*\.mjs/],
    ['a missing package', ['run', 'missing.ts'], /MODULE_FAILED.*no-such-package/],
    ['a bad duration', ['run', 'one.ts', '--resume', '--checkpoint-interval', 'soon'], /"soon" is not a duration/],
    ['an interval without a directory', ['run', 'one.ts', '--checkpoint-interval', '1s'], /add --checkpoint-dir/],
    ['a setting without a value', ['run', 'one.ts', '--set', 'output'], /--set key=value/],
    ['an unknown setting', ['run', 'one.ts', '--set', 'ouput=x'], /UNKNOWN_PARAMETER.*Did you mean output/],
    [
      'a checkpoint directory that is a file',
      ['run', 'one.ts', '--checkpoint-dir', 'notes.txt'],
      /STORAGE_UNREADABLE.*notes\.txt/,
    ],
  ])('ends with 2 for %s', async (_what, args, message) => {
    const { code, stdout, stderr } = await sabot(args, directory)
    expect(stderr + stdout).toMatch(message)
    expect(code).toBe(2)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  it('begins from the start when there is nothing to resume from, and says so', async () => {
    const set = ['--set', 'output=resume.ndjson']
    const { code, stderr } = await sabot(['run', 'one.ts', '--resume', ...set], directory)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/no checkpoint in \.sabot.copy: starting from the beginning/)
    expect(lines(await readFile(path('resume.ndjson'), 'utf8'))).toHaveLength(3)
  })

  it('stops at Ctrl-C with a last checkpoint, and goes on from there', async () => {
    const args = ['run', 'endless.ts', '--resume', '--checkpoint-dir', 'endless', '--set', 'output=endless.ndjson']
    const started = startSabot(args, directory)
    await until(async () => existsSync(path('endless.ndjson')))
    await new Promise(resolve => setTimeout(resolve, 300))
    started.process.kill('SIGINT')
    const first = await started.ended
    expect(first.code, first.stderr).toBe(0)
    expect(first.stderr).toMatch(/endless stopped/)
    const before = lines(await readFile(path('endless.ndjson'), 'utf8')).length

    const again = startSabot([...args, '--json'], directory)
    await until(async () => lines(await readFile(path('endless.ndjson'), 'utf8').catch(() => '{}')).length > before)
    again.process.kill('SIGTERM')
    const second = await again.ended
    expect(second.code, second.stderr).toBe(0)
    expect(second.stderr).toMatch(/resumed from checkpoint \d+ in endless/)
    expect(JSON.parse(second.stdout)).toMatchObject({ status: 'stopped', resumedFrom: expect.any(Number) })
    const rows = lines(await readFile(path('endless.ndjson'), 'utf8'))
    expect(rows).toEqual(rows.map((_, n) => ({ n })))
    expect(rows.length).toBeGreaterThan(before)
  })

  it('quits at once at the second Ctrl-C', async () => {
    const { process, ended } = startSabot(['run', 'endless.ts', '--set', 'output=quit.ndjson'], directory)
    await until(async () => existsSync(path('quit.ndjson')))
    process.kill('SIGINT')
    process.kill('SIGINT')
    const { code } = await ended
    // The job may have drained between the two.
    expect([0, 130]).toContain(code)
  })
})

describe('sabot explain', () => {
  it('shows the operators of a job as text and as JSON', async () => {
    const text = await sabot(['explain', FLIGHTS_JOB], directory)
    expect(text.code, text.stderr).toBe(0)
    expect(text.stdout).toMatch(/tumbling 1h/)
    const json = await sabot(['explain', FLIGHTS_JOB, '--json', '--set', 'bound=48h'], directory)
    expect(JSON.parse(json.stdout)).toMatchObject({ name: 'flights', parameters: { bound: '48h' } })
  })

  it('ends quietly when its reader has seen enough', async () => {
    const { process, ended } = startSabot(['explain', FLIGHTS_JOB], directory)
    process.stdout?.destroy()
    const { code, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe('sabot checkpoint', () => {
  const settings = (name: string): string[] =>
    ['input=flights.parquet', `output=${name}.ndjson`, `late=${name}.late.ndjson`].flatMap(set => ['--set', set])

  beforeAll(async () => {
    const args = ['run', FLIGHTS_JOB, '--resume', '--checkpoint-dir', 'checkpoints', '--checkpoint-interval', '5ms']
    const { code, stderr } = await sabot([...args, ...settings('a')], directory)
    if (code !== 0) throw new Error(stderr)
  })

  it('lists them', async () => {
    const text = await sabot(['checkpoint', 'ls', 'checkpoints'], directory)
    expect(text.code, text.stderr).toBe(0)
    expect(text.stdout).toMatch(/^ +\d+ {2}\d{4}-.* UTC {2}flights {2}taken in node {2}\d+ operators/)
    const json = await sabot(['checkpoint', 'ls', 'checkpoints', '--json'], directory)
    const found = JSON.parse(json.stdout)
    expect(found.length).toBeGreaterThan(0)
    expect(found.length).toBe(text.stdout.trim().split('\n').length)
    expect(found[0].manifest.job).toBe('flights')
  })

  it('tells what one holds', async () => {
    const { code, stdout } = await sabot(['checkpoint', 'inspect', 'checkpoints'], directory)
    expect(code).toBe(0)
    expect(stdout).toMatch(/checkpoint \d+ of job flights/)
    expect(stdout).toMatch(/watermark: 2001-/)
    expect(stdout).toContain('a.ndjson')
  })

  it('verifies every byte', async () => {
    await cp(path('checkpoints'), path('damaged'), { recursive: true })
    const whole = await sabot(['checkpoint', 'verify', 'checkpoints'], directory)
    expect(whole.code).toBe(0)
    expect(whole.stdout).toMatch(/checkpoint \d+: whole/)

    const manifest = JSON.parse((await sabot(['checkpoint', 'inspect', 'damaged', '--json'], directory)).stdout)
    const folder = `chk-${String(manifest.checkpointId).padStart(8, '0')}`
    const [part] = manifest.operators.flatMap((operator: { parts: { name: string }[] }) => operator.parts)
    const file = join(path('damaged'), folder, `${part.name}.part`)
    const bytes = await readFile(file)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await writeFile(file, bytes)
    const damaged = await sabot(['checkpoint', 'verify', 'damaged'], directory)
    expect(damaged.code).toBe(1)
    expect(damaged.stdout).toMatch(/damaged\n.*part/)
  })

  it('carries one to another directory, where the job goes on', async () => {
    const manifest = JSON.parse((await sabot(['checkpoint', 'inspect', 'checkpoints', '--json'], directory)).stdout)
    const id = String(manifest.checkpointId)
    const exported = await sabot(['checkpoint', 'export', 'checkpoints', id, 'moved.chk'], directory)
    expect(exported.code, exported.stderr).toBe(0)
    const again = await sabot(['checkpoint', 'export', 'checkpoints', id, 'moved.chk'], directory)
    expect(again.code).toBe(2)
    const imported = await sabot(['checkpoint', 'import', 'moved.chk', 'elsewhere'], directory)
    expect(imported.code, imported.stderr).toBe(0)

    const before = await readFile(path('a.ndjson'))
    const resumed = await sabot(
      ['run', FLIGHTS_JOB, '--resume', '--checkpoint-dir', 'elsewhere', ...settings('a')],
      directory,
    )
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(resumed.stderr).toContain(`resumed from checkpoint ${id}`)
    expect((await readFile(path('a.ndjson'))).equals(before)).toBe(true)
  })

  it('refuses a directory that holds the checkpoints of another job', async () => {
    for (const resume of [[], ['--resume']]) {
      const { code, stderr } = await sabot(['run', 'one.ts', '--checkpoint-dir', 'checkpoints', ...resume], directory)
      expect(stderr).toMatch(/CHECKPOINT_OF_OTHER_JOB.*flights.*copy/)
      expect(code).toBeGreaterThan(0)
    }
    expect((await sabot(['checkpoint', 'ls', 'checkpoints'], directory)).stdout).toContain('flights')
  })

  it('removes the checkpoints of an earlier run when the job begins anew', async () => {
    await cp(path('checkpoints'), path('anew'), { recursive: true })
    const args = ['run', FLIGHTS_JOB, '--checkpoint-dir', 'anew', '--checkpoint-interval', '1h', ...settings('b')]
    const { code, stderr } = await sabot(args, directory)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/starting from the beginning: \d+ checkpoints? of an earlier run/)
    expect((await sabot(['checkpoint', 'ls', 'anew'], directory)).stdout).toContain('no checkpoints')
  })

  it.each([
    ['a missing directory', ['ls', 'nowhere'], /NO_SUCH_DIRECTORY.*nowhere/],
    ['a number that is not there', ['inspect', 'checkpoints', '999999'], /CHECKPOINT_NOT_FOUND.*999999.*It has/],
    ['what is no number', ['inspect', 'checkpoints', 'newest'], /CHECKPOINT_NOT_FOUND.*newest/],
    ['an empty directory', ['verify', 'nothing-here'], /CHECKPOINT_NOT_FOUND/],
    ['a foreign file', ['import', 'notes.txt', 'foreign'], /CHECKPOINT_CORRUPT/],
    ['a missing file', ['import', 'nowhere.chk', 'foreign'], /FILE_UNREADABLE.*nowhere\.chk/],
    ['no subcommand', [], /Usage: sabot checkpoint/],
  ])('ends with 2 for %s', async (_what, args, message) => {
    await mkdir(path('nothing-here'), { recursive: true })
    const { code, stdout, stderr } = await sabot(['checkpoint', ...args], directory)
    expect(stderr + stdout).toMatch(message)
    expect(code).toBe(2)
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 20))
}
