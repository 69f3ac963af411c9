/* sabot cat and sabot convert in this process: what a process shows stands in cli-data.test.ts. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { catCommand } from '../../src/node/cli/cat.js'
import { convertCommand } from '../../src/node/cli/convert.js'

let directory = ''
let printed = ''
let told = ''
const path = (name: string): string => join(directory, name)

/** A stream's write that keeps the text, and calls back as a stream does. */
function taking(take: (text: string) => void) {
  return (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    take(typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk))
    for (const each of rest) if (typeof each === 'function') each()
    return true
  }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sabot-data-'))
  await writeFile(path('in.csv'), 'n,at\n1,2024-05-01T10:00:00Z\n2,2024-05-01T09:00:00Z\n3,\n')
  await writeFile(path('bad.ndjson'), '{"n":1}\n{"n":}\n{"n":3}\n')
  await writeFile(path('late.ndjson'), '{"n":1}\n'.repeat(20_000).concat('{"n":\n'))
  await writeFile(path('rows.data'), 'n;m\n1;2\n')
})

afterAll(() => rm(directory, { recursive: true }))

beforeEach(() => {
  printed = ''
  told = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(
    taking(text => {
      printed += text
    }),
  )
  vi.spyOn(process.stderr, 'write').mockImplementation(
    taking(text => {
      told += text
    }),
  )
})

afterEach(() => {
  vi.restoreAllMocks()
})

async function run(command: (done: (exitCode: number) => void) => Command, ...args: string[]): Promise<number> {
  let exitCode = -1
  const program = command(code => {
    exitCode = code
  }).exitOverride()
  await program.parseAsync(args, { from: 'user' })
  return exitCode
}

describe('cat', () => {
  it('shows rows, a number of them, a schema, and statistics', async () => {
    expect(await run(catCommand, path('in.csv'))).toBe(0)
    expect(printed).toBe(
      '{"n":1,"at":"2024-05-01T10:00:00.000Z"}\n{"n":2,"at":"2024-05-01T09:00:00.000Z"}\n{"n":3,"at":null}\n',
    )
    printed = ''
    expect(await run(catCommand, path('in.csv'), path('late.ndjson'), '--head', '5')).toBe(0)
    expect(printed.split('\n')).toHaveLength(6)
    printed = ''
    expect(await run(catCommand, path('in.csv'), '--schema', '--stats')).toBe(0)
    expect(printed).toMatch(/^\{\n {2}n: nullable\('i32'\),\n {2}at: nullable\('timestamp'\),\n\}\nrows +3\n/)
    expect(printed).toMatch(/without a time +1 row\n.*by up to 1h\n.*outOfOrderness: '1h'/s)
  })

  it('reads back what convert compressed', async () => {
    expect(await run(convertCommand, path('in.csv'), path('packed.ndjson.gz'))).toBe(0)
    expect((await readFile(path('packed.ndjson.gz')))[0]).toBe(0x1f)
    printed = ''
    expect(await run(catCommand, path('packed.ndjson.gz'), '--head', '1')).toBe(0)
    expect(printed).toBe('{"n":1,"at":"2024-05-01T10:00:00.000Z"}\n')
  })

  it('shows the rows of a range of time', async () => {
    expect(await run(catCommand, path('in.csv'), '--from', '2024-05-01T09:30:00Z')).toBe(0)
    expect(printed).toBe('{"n":1,"at":"2024-05-01T10:00:00.000Z"}\n')
    printed = ''
    expect(await run(convertCommand, path('in.csv'), path('in.parquet'))).toBe(0)
    printed = ''
    expect(await run(catCommand, path('in.parquet'), '--from', '2024-05-01', '--to', '2024-05-01T09:30:00Z')).toBe(0)
    expect(printed).toBe('{"n":2,"at":"2024-05-01T09:00:00.000Z"}\n')
    printed = ''
    expect(await run(catCommand, path('in.csv'), '--to', '3', '--time', 'n')).toBe(0)
    expect(printed.split('\n')).toHaveLength(3)
    await expect(run(catCommand, path('in.csv'), '--from', '2024-05-02', '--to', '2024-05-01')).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    await expect(run(catCommand, path('in.csv'), '--from', 'noon')).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    })
  })

  it('gives the rows before one that is invalid, and its line; or leaves it out', async () => {
    expect(await run(catCommand, path('late.ndjson'))).toBe(1)
    expect(printed.split('\n').length).toBeGreaterThan(8000)
    expect(told).toMatch(/RECORD_INVALID.*Line 20001: |RECORD_INVALID.*Line 20001 /)
    told = ''
    expect(await run(catCommand, path('bad.ndjson'), '--skip-invalid')).toBe(0)
    expect(told).toBe('1 invalid record left out\n')
  })

  it('refuses what it is not made for, before it reads', async () => {
    await expect(run(catCommand, path('rows.data'))).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' })
    await expect(run(catCommand, path('none.csv'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    await expect(run(catCommand, path('in.csv'), '--stats', '--time', 'm')).rejects.toMatchObject({
      code: 'NO_SUCH_COLUMN',
    })
    await expect(run(catCommand, path('in.csv'), '--head', '-1')).rejects.toThrow(/whole number/)
    expect(printed).toBe('')
  })
})

describe('convert', () => {
  it('writes other formats and delimiters', async () => {
    expect(await run(convertCommand, path('rows.data'), path('a.tsv'), '--from', 'csv', '--delimiter', ';')).toBe(0)
    expect(await readFile(path('a.tsv'), 'utf8')).toBe('n\tm\n1\t2\n')
    expect(await run(convertCommand, path('a.tsv'), path('a.ndjson'))).toBe(0)
    expect(await readFile(path('a.ndjson'), 'utf8')).toBe('{"n":1,"m":2}\n')
    expect(told).toMatch(/1 row in, 1 out/)
  })

  it.each(['parquet', 'arrow', 'arrows', 'avro', 'csv', 'ndjson'])(
    'writes .%s, which is read again and shown',
    async ending => {
      expect(await run(convertCommand, path('in.csv'), path(`there.${ending}`))).toBe(0)
      expect(await run(convertCommand, path(`there.${ending}`), path(`back-${ending}.csv`))).toBe(0)
      expect(await readFile(path(`back-${ending}.csv`), 'utf8')).toBe(
        'n,at\n1,2024-05-01T10:00:00.000Z\n2,2024-05-01T09:00:00.000Z\n3,\n',
      )
      expect(await run(catCommand, path(`there.${ending}`), '--stats')).toBe(0)
      expect(printed).toMatch(/rows +3\n.*by up to 1h/s)
    },
  )

  it('leaves no half of an output, and nothing overwritten', async () => {
    expect(await run(convertCommand, path('late.ndjson'), path('half.csv'))).toBe(1)
    expect(told).toMatch(/RECORD_INVALID/)
    expect(existsSync(path('half.csv'))).toBe(false)
    for (const [output, code] of [
      ['in.csv', 'FILE_EXISTS'],
      ['bad.ndjson', 'FILE_EXISTS'],
      ['b.avro.gz', 'FORMAT_UNKNOWN'],
      ['b.txt', 'FORMAT_UNKNOWN'],
    ] as const) {
      await expect(run(convertCommand, path('in.csv'), path(output))).rejects.toMatchObject({ code })
    }
    await expect(run(convertCommand, path('none.csv'), path('c.csv'))).rejects.toMatchObject({ code: 'NO_SUCH_FILE' })
  })
})
