/* The commands in this process, on jobs that need no file: what they do, print and return. cli.test.ts runs the program. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { count, type Job, job, memory, ndjson, SabotError, type Sink, stdout, tumbling } from '../../src/index.js'
import { checkpointCommand } from '../../src/node/cli/checkpoint.js'
import { explainCommand } from '../../src/node/cli/explain.js'
import { runCommand } from '../../src/node/cli/run.js'
import { observed } from '../runtime/streams.js'

/** Colours are there where a terminal, or CI, wants them. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')

const loaded = vi.hoisted(() => ({ job: undefined as unknown }))
vi.mock('../../src/node/cli/load.js', async importOriginal => ({
  ...(await importOriginal<typeof import('../../src/node/cli/load.js')>()),
  loadJob: () => Promise.resolve(loaded.job),
}))

let directory = ''
let printed = ''
let told = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sabot-commands-'))
  printed = ''
  told = ''
  const taking =
    (take: (text: string) => void) =>
    (chunk: unknown, ...rest: unknown[]) => {
      take(typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk as Uint8Array))
      const done = rest.at(-1)
      if (typeof done === 'function') done()
      return true
    }
  vi.spyOn(process.stdout, 'write').mockImplementation(
    taking(text => {
      printed += text.replaceAll(COLOURS, '')
    }),
  )
  vi.spyOn(process.stderr, 'write').mockImplementation(
    taking(text => {
      told += text.replaceAll(COLOURS, '')
    }),
  )
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(directory, { recursive: true })
})

/** Runs a command; its exit code. */
async function command(create: typeof runCommand, ...args: string[]): Promise<number> {
  let code = -1
  const created = create(exitCode => {
    code = exitCode
  }).exitOverride()
  for (const child of created.commands) child.exitOverride()
  await created.parseAsync(args, { from: 'user' })
  return code
}

const rows = Array.from({ length: 100 }, (_, n) => ({ key: `k${n % 3}`, at: n * 10 }))

function counting(onRead: (read: number) => void | Promise<void> = () => {}): Job {
  return job('counting', j => {
    j.from(observed(memory(rows), onRead))
      .withTimestamps('at', { outOfOrderness: j.duration('bound', '5ms') })
      .keyBy('key')
      .window(tumbling(100))
      .aggregate({ n: count() })
      .to(ndjson(join(directory, 'out.ndjson')))
  })
}

describe('sabot run', () => {
  it('runs a job and tells how it went', async () => {
    loaded.job = counting()
    expect(await command(runCommand, 'job.ts', '--set', 'bound=10ms')).toBe(0)
    expect(printed).toBe('')
    expect(told).toContain('counting finished: 100 rows in, 30 out')
    expect((await readFile(join(directory, 'out.ndjson'), 'utf8')).split('\n')).toHaveLength(31)
  })

  it('with --json prints the result and nothing else; what the job prints goes beside it', async () => {
    loaded.job = job('printing', j => j.from(memory([{ a: 1 }])).to(stdout()))
    expect(await command(runCommand, 'job.ts', '--json')).toBe(0)
    expect(JSON.parse(printed)).toMatchObject({ status: 'finished' })
    expect(told).toContain('{"a":1}')
  })

  it('returns 1 and the error of a job that failed', async () => {
    loaded.job = counting(() => {
      throw new SabotError('SOURCE_FAILED', 'the cable is cut')
    })
    expect(await command(runCommand, 'job.ts', '--json')).toBe(1)
    expect(JSON.parse(printed)).toMatchObject({ status: 'failed', error: { code: 'SOURCE_FAILED' } })
    expect(told).toContain('the cable is cut')
  })

  it('stops on a signal with a last checkpoint, resumes from it, and begins anew without --resume', async () => {
    const checkpoints = join(directory, 'checkpoints')
    const args = ['job.ts', '--checkpoint-dir', checkpoints, '--checkpoint-interval', '1h']
    loaded.job = counting(read => {
      if (read === 0) process.emit('SIGINT', 'SIGINT')
    })
    expect(await command(runCommand, ...args)).toBe(0)
    expect(told).toContain('draining and taking a last checkpoint')
    expect(told).toContain('counting stopped')
    expect((await readdir(checkpoints)).length).toBe(1)
    loaded.job = counting()
    expect(await command(runCommand, ...args, '--resume')).toBe(0)
    expect(told).toContain('resumed from checkpoint 1')
    expect((await readFile(join(directory, 'out.ndjson'), 'utf8')).split('\n')).toHaveLength(31)
    expect(await command(runCommand, ...args)).toBe(0)
    expect(told).toContain('starting from the beginning: 1 checkpoint of an earlier run removed')
  })

  it('says when there is nothing to resume from, and what it passes over', async () => {
    const checkpoints = join(directory, 'checkpoints')
    const args = ['job.ts', '--resume', '--checkpoint-dir', checkpoints]
    loaded.job = counting(read => {
      if (read === 0) process.emit('SIGTERM', 'SIGTERM')
    })
    expect(await command(runCommand, ...args)).toBe(0)
    expect(told).toContain('no checkpoint in')
    const [folder = ''] = await readdir(checkpoints)
    await writeFile(join(checkpoints, folder, 'manifest'), 'torn')
    loaded.job = counting()
    expect(await command(runCommand, ...args)).toBe(1)
    expect(told).toContain('NO_VALID_CHECKPOINT')
  })

  it('refuses an interval without a place', async () => {
    loaded.job = counting()
    await expect(command(runCommand, 'job.ts', '--checkpoint-interval', '1s')).rejects.toMatchObject({
      code: 'NO_CHECKPOINT_STORAGE',
    })
  })
})

describe('the flags of sabot run', () => {
  const checkpoints = (): string => join(directory, 'checkpoints')
  const keeping = (...args: string[]): string[] => ['job.ts', '--checkpoint-dir', checkpoints(), ...args]

  /** State of some size, a checkpoint when most of it is there, and how often a sink was told to commit. */
  function large(commits: number[]): Job {
    const keys = Array.from({ length: 6000 }, (_, n) => ({ key: `key ${n}`, at: n }))
    const sink: Sink<unknown> = {
      kind: 'told',
      description: 'commits',
      guarantee: 'at-least-once',
      open: async () => ({
        write: () => {},
        prepare: async () => null,
        commit: async id => void commits.push(id),
        finish: async () => {},
        close: async () => {},
      }),
    }
    const paused = observed(memory(keys), async read => {
      if (read > 0) await new Promise(resolve => setTimeout(resolve, 60))
    })
    return job('large', j => {
      j.from(paused)
        .withTimestamps('at', { outOfOrderness: 0 })
        .keyBy('key')
        .window(tumbling('1h'))
        .aggregate({ n: count() })
        .to(sink)
    })
  }

  it('--no-incremental writes all of the state each time, without shared parts', async () => {
    for (const [flag, folders] of [
      [[], ['shared']],
      [['--incremental'], ['shared']],
      [['--no-incremental'], []],
    ] as const) {
      loaded.job = large([])
      const args = keeping('--checkpoint-interval', '10ms', ...flag)
      expect(await command(runCommand, ...args)).toBe(0)
      expect((await readdir(checkpoints())).join()).toMatch(/chk-\d/)
      const shared = (await readdir(checkpoints())).filter(name => name === 'shared')
      expect([flag, shared]).toEqual([flag, folders])
      await rm(checkpoints(), { recursive: true })
    }
  })

  it('--commit-interval makes fewer checkpoints visible', async () => {
    const [each, first]: [number[], number[]] = [[], []]
    loaded.job = large(each)
    expect(await command(runCommand, ...keeping('--checkpoint-interval', '10ms'))).toBe(0)
    loaded.job = large(first)
    expect(await command(runCommand, ...keeping('--checkpoint-interval', '10ms', '--commit-interval', '1h'))).toBe(0)
    expect(each.length).toBeGreaterThan(1)
    expect(first).toEqual([1])
  })

  it('--max-parallelism is the number of key groups, which bounds the parallelism', async () => {
    loaded.job = counting(read => {
      if (read === 0) process.emit('SIGINT', 'SIGINT')
    })
    expect(await command(runCommand, ...keeping('--max-parallelism', '4'))).toBe(0)
    expect(await command(checkpointCommand, 'inspect', checkpoints(), '--json')).toBe(0)
    expect(JSON.parse(printed)).toMatchObject({ maxParallelism: 4 })
    await expect(command(runCommand, ...keeping('--max-parallelism', '4', '--parallelism', '5'))).rejects.toMatchObject(
      {
        code: 'INVALID_PARALLELISM',
        message: expect.stringContaining('parallelism 5 is more than its 4 key groups'),
      },
    )
  })

  it('--buffer-timeout reaches the job, which says what it may be', async () => {
    loaded.job = counting()
    expect(await command(runCommand, 'job.ts', '--buffer-timeout', '0ms')).toBe(0)
    await expect(command(runCommand, 'job.ts', '--buffer-timeout', '2m')).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/bufferTimeoutMs .* from 0 to 60000, not 120000/),
    })
  })

  it('are refused where they make no sense', async () => {
    loaded.job = counting()
    for (const [flag, value] of [
      ['--max-parallelism', '0'],
      ['--max-parallelism', '32769'],
      ['--max-parallelism', '2.5'],
      ['--commit-interval', 'soon'],
      ['--buffer-timeout', '-1ms'],
    ] as const) {
      await expect(command(runCommand, ...keeping(`${flag}=${value}`)), flag).rejects.toMatchObject({
        code: 'commander.invalidArgument',
      })
      expect(told).toContain(`option '${flag} <`)
    }
    for (const args of [['--commit-interval', '1s'], ['--incremental'], ['--no-incremental']]) {
      await expect(command(runCommand, 'job.ts', ...args)).rejects.toMatchObject({
        code: 'NO_CHECKPOINT_STORAGE',
        message: expect.stringContaining(`${args[0]} needs a place for checkpoints`),
      })
    }
  })
})

describe('sabot explain', () => {
  it('tells the graph in words and in JSON', async () => {
    loaded.job = counting()
    expect(await command(explainCommand, 'job.ts')).toBe(0)
    expect(printed).toContain('tumbling 100ms by key: n = count()')
    printed = ''
    expect(await command(explainCommand, 'job.ts', '--json', '--set', 'bound=1h')).toBe(0)
    expect(JSON.parse(printed)).toMatchObject({ name: 'counting', parameters: { bound: '1h' } })
  })
})

describe('sabot checkpoint', () => {
  async function checkpointed(): Promise<string> {
    const checkpoints = join(directory, 'checkpoints')
    // When the rows have been worked off, and before the end is told: then there are windows.
    loaded.job = counting(async read => {
      if (read === 0) return
      for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
      process.emit('SIGINT', 'SIGINT')
    })
    expect(await command(runCommand, 'job.ts', '--checkpoint-dir', checkpoints)).toBe(0)
    printed = ''
    return checkpoints
  }

  it('lists, inspects and verifies', async () => {
    const checkpoints = await checkpointed()
    expect(await command(checkpointCommand, 'ls', checkpoints)).toBe(0)
    expect(printed).toContain('counting  taken in node')
    expect(await command(checkpointCommand, 'inspect', checkpoints)).toBe(0)
    expect(printed).toMatch(/open windows: \d/)
    expect(await command(checkpointCommand, 'verify', checkpoints)).toBe(0)
    expect(printed).toContain('checkpoint 1: whole')
    for (const args of [
      ['ls', checkpoints],
      ['inspect', checkpoints, '1'],
      ['verify', checkpoints, '1'],
    ]) {
      printed = ''
      expect(await command(checkpointCommand, ...args, '--json')).toBe(0)
      expect(JSON.parse(printed)).toBeTypeOf('object')
    }
  })

  it('finds damage, and says where', async () => {
    const checkpoints = await checkpointed()
    const [folder = ''] = await readdir(checkpoints)
    const part = (await readdir(join(checkpoints, folder))).find(name => name.includes('windows')) ?? ''
    const bytes = await readFile(join(checkpoints, folder, part))
    bytes[100] = (bytes[100] ?? 0) ^ 1
    await writeFile(join(checkpoints, folder, part), bytes)
    expect(await command(checkpointCommand, 'verify', checkpoints)).toBe(1)
    expect(printed).toContain('damaged')
    expect(printed).toContain('window-aggregate-1.windows')
    await writeFile(join(checkpoints, folder, 'manifest'), 'torn')
    printed = ''
    expect(await command(checkpointCommand, 'ls', checkpoints)).toBe(0)
    expect(printed).toContain('does not begin like a manifest')
  })

  it('carries a checkpoint in one file', async () => {
    const checkpoints = await checkpointed()
    const [file, elsewhere] = [join(directory, 'chk.sabot'), join(directory, 'elsewhere')]
    expect(await command(checkpointCommand, 'export', checkpoints, '1', file)).toBe(0)
    await expect(command(checkpointCommand, 'export', checkpoints, '1', file)).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
    })
    expect(await command(checkpointCommand, 'import', file, elsewhere)).toBe(0)
    expect(await command(checkpointCommand, 'verify', elsewhere)).toBe(0)
    await expect(command(checkpointCommand, 'import', join(directory, 'none'), elsewhere)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    })
  })

  it('refuses what is not there', async () => {
    const checkpoints = await checkpointed()
    const cases: [string[], string][] = [
      [['ls', join(directory, 'nowhere')], 'NO_SUCH_DIRECTORY'],
      [['inspect', checkpoints, '7'], 'CHECKPOINT_NOT_FOUND'],
      [['verify', directory], 'CHECKPOINT_NOT_FOUND'],
    ]
    for (const [args, code] of cases) await expect(command(checkpointCommand, ...args)).rejects.toMatchObject({ code })
  })
})
