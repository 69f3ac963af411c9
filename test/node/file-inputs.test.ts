/* What only Node has of inputs: servers, the standard input, pipes, directories on a disk. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { json, parquet } from '../../src/connectors/index.js'
import { nodeEnvironment, nodeFiles } from '../../src/node/index.js'
import { contextOf, expectResumable, readAll } from '../connectors/reading.js'

const LINES = Array.from({ length: 2000 }, (_, n) => `{"n":${n}}\n`).join('')
const numbers = (rows: readonly unknown[]): unknown[] => rows.map(row => (row as { n: number }).n)
const ALL = Array.from({ length: 2000 }, (_, n) => n)

describe('URLs', () => {
  let server: Server
  let url = ''
  let etag = ''
  let requests: string[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.headers.range ?? 'whole')
      const packed = request.url?.endsWith('.gz') === true
      const content = packed ? gzipSync(LINES) : Buffer.from(LINES)
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
      if (request.url?.includes('missing')) response.writeHead(404).end()
      else if (range && !request.url?.includes('whole')) {
        const [from, to] = [Number(range[1]), Math.min(Number(range[2]), content.length - 1)]
        response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${content.length}`, etag })
        response.end(content.subarray(from, to + 1))
      } else {
        response.writeHead(200)
        for (let at = 0; at < content.length; at += 5000) response.write(content.subarray(at, at + 5000))
        response.end()
      }
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => new Promise(resolve => server.close(resolve)))
  beforeEach(() => {
    etag = '"1"'
    requests = []
  })
  const clock = nodeEnvironment().clock
  const files = nodeFiles()

  it('are read in ranges and from every position, compressed too', async () => {
    for (const path of [`${url}/a.ndjson`, `${url}/a.ndjson.gz`]) {
      const { rows } = await expectResumable(json(path, { n: 'i32' }), { files, clock, batchRows: 700 })
      expect(numbers(rows)).toEqual(ALL)
      expect(requests).not.toContain('whole')
    }
  })

  it('are not resumed when the server has another version', async () => {
    const source = json(`${url}/a.ndjson`, { n: 'i32' })
    const { batches } = await readAll(source, { files, clock, batchRows: 700 })
    etag = '"2"'
    const rest = readAll(source, { files, clock, position: batches[0]?.position })
    await expect(rest).rejects.toMatchObject({ code: 'SOURCE_CHANGED', message: expect.stringContaining('"2"') })
  })

  it('are read once where the server has no ranges, and refused by name on resuming', async () => {
    for (const path of [`${url}/whole.ndjson`, `${url}/whole.ndjson.gz`]) {
      const source = json(path, { n: 'i32' })
      const { rows, batches } = await readAll(source, { files, clock, batchRows: 700 })
      expect(numbers(rows)).toEqual(ALL)
      const rest = readAll(source, { files, clock, position: batches[0]?.position })
      await expect(rest).rejects.toMatchObject({
        code: 'SOURCE_NOT_REPLAYABLE',
        message: expect.stringContaining(path),
      })
    }
    const missing = readAll(json(`${url}/missing`, { n: 'i32' }), { files, clock })
    await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })

  it('are read into memory for formats whose end tells the beginning', async () => {
    const damaged = parquet(`${url}/whole.parquet`).open(contextOf({ files, clock }))
    await expect(damaged).rejects.toMatchObject({ code: 'PARQUET_INVALID' })
    expect(requests).toEqual(['bytes=0-0'])
  })
})

describe('files on a disk', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sabot-inputs-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('are found by patterns, absolute and relative', async () => {
    await mkdir(join(directory, 'in/day=2'), { recursive: true })
    await writeFile(join(directory, 'in/b.ndjson'), '{"n":2}\n')
    await writeFile(join(directory, 'in/a.ndjson'), '{"n":1}\n')
    await writeFile(join(directory, 'in/day=2/c.ndjson'), '{"n":3}\n')
    const files = nodeFiles({ baseDirectory: directory })
    for (const path of [
      'in',
      'in/**/*.ndjson',
      '**/*.ndjson',
      `${directory}/in`,
      `${directory}/{in,out}/**/*.ndjson`,
    ]) {
      expect(numbers((await expectResumable(json(path, { n: 'i32' }), { files })).rows), path).toEqual([1, 2, 3])
    }
  })

  it('are followed over a rename, with their inode as identity', async () => {
    const path = join(directory, 'app.log')
    const files = nodeFiles()
    await writeFile(path, '{"n":1}\n')
    const source = json(path, { n: 'i32' }, { follow: true, pollMs: 5 })
    const { clock } = nodeEnvironment()
    const reader = await source.open(contextOf({ files, clock }))
    const first = await reader.read()
    expect(numbers(first?.batch.toRows() ?? [])).toEqual([1])
    await reader.close()
    await writeFile(path, '{"n":1}\n{"n":2}\n')
    await files.directories?.rename(path, `${path}.1`)
    await writeFile(path, '{"n":3}\n')
    const resumed = await source.open(contextOf({ files, clock, position: first?.position }))
    const rows = [...((await resumed.read())?.batch.toRows() ?? []), ...((await resumed.read())?.batch.toRows() ?? [])]
    expect(numbers(rows)).toEqual([2, 3])
    await resumed.close()
  })

  it.skipIf(process.platform === 'win32')('may be pipes', async () => {
    const path = join(directory, 'pipe')
    execFileSync('mkfifo', [path])
    const writing = writeFile(path, LINES)
    const { clock } = nodeEnvironment()
    const { rows } = await readAll(json(path, { n: 'i32' }), { files: nodeFiles(), clock })
    expect(numbers(rows)).toEqual(ALL)
    await writing
  })
})
