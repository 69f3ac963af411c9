import { PassThrough, Readable, Writable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { memory } from '../../src/connectors/memory.js'
import type { Json } from '../../src/core/json.js'
import { schema } from '../../src/core/schema.js'
import { nodeEnvironment } from '../../src/node/environment.js'
import { fromReadable, toReadable, toWritable } from '../../src/node/streams.js'
import type { Sink } from '../../src/operators/sink.js'
import type { Source } from '../../src/operators/source.js'
import { ManualClock } from '../../src/testing/manual-clock.js'

const { files, standardOutput, createKernel } = nodeEnvironment()
const clock = new ManualClock()
const kernel = createKernel()
const ROWS = Array.from({ length: 10 }, (_, n) => ({ n, text: `row ${n}` }))

async function readAll(source: Source<unknown>, position?: Json): Promise<{ rows: unknown[]; position: Json }> {
  const reader = await source.open({ position, batchRows: 4, files, kernel, clock })
  const rows: unknown[] = []
  let last: Json = null
  for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
    rows.push(...next.batch.toRows())
    last = next.position
  }
  await reader.close()
  return { rows, position: last }
}

async function batchesOf(rows: readonly object[]) {
  const reader = await memory(rows).open({ position: undefined, batchRows: 3, files, kernel, clock })
  const batches = []
  for (let next = await reader.read(); next !== undefined; next = await reader.read()) batches.push(next.batch)
  return batches
}

const open = (sink: Sink) => sink.open({ state: undefined, files, kernel, standardOutput, clock })

describe('fromReadable', () => {
  it('reads the objects of a stream once', async () => {
    const source = fromReadable(Readable.from(ROWS))
    expect(source.replayable).toBe(false)
    expect((await readAll(source)).rows).toEqual(ROWS)
    await expect(readAll(source)).rejects.toMatchObject({ code: 'SOURCE_NOT_REPLAYABLE' })
  })

  it('opens a stream anew where it can, and goes on from a position', async () => {
    const source = fromReadable(() => Readable.from(ROWS), { schema: schema({ n: 'i32', text: 'utf8' }) })
    expect(source.replayable).toBe(true)
    const reader = await source.open({ position: undefined, batchRows: 4, files, kernel, clock })
    const position = (await reader.read())?.position
    await reader.close()
    expect((await readAll(source, position)).rows).toEqual(ROWS.slice(4))
  })

  it('holds up the stream', async () => {
    let made = 0
    const stream = new Readable({
      objectMode: true,
      highWaterMark: 2,
      read() {
        this.push({ n: made++ })
      },
    })
    const reader = await fromReadable(stream).open({ position: undefined, batchRows: 4, files, kernel, clock })
    await reader.read()
    await nextTurn()
    const before = made
    await nextTurn()
    expect(made).toBe(before)
    expect(made).toBeLessThan(12)
    await reader.close()
    expect(stream.destroyed).toBe(true)
  })

  it('reports the failure of a stream', async () => {
    const stream = new Readable({ objectMode: true, read() {} })
    stream.push({ n: 1 })
    const reading = readAll(fromReadable(stream))
    await nextTurn()
    stream.destroy(new Error('the line is cut'))
    await expect(reading).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining('the line is cut'),
    })
  })

  it('takes no bytes for rows', () => {
    expect(() => fromReadable(new PassThrough())).toThrow(TypeError)
    expect(() => toWritable(new PassThrough())).toThrow(TypeError)
  })
})

describe('toReadable', () => {
  it('gives the rows of an iterable', async () => {
    async function* rows() {
      yield* ROWS
    }
    expect(await toReadable(rows()).toArray()).toEqual(ROWS)
  })
})

describe('toWritable', () => {
  it('writes rows in order, ends the stream, and prepares what has been handed on', async () => {
    const seen: unknown[] = []
    const stream = new Writable({
      objectMode: true,
      highWaterMark: 2,
      write(row, _encoding, done) {
        setImmediate(() => {
          seen.push(row)
          done()
        })
      },
    })
    const writer = await open(toWritable(stream))
    const [first, ...rest] = await batchesOf(ROWS)
    if (first) await writer.write(first)
    await writer.prepare(1)
    expect(seen).toEqual(ROWS.slice(0, 3))
    for (const batch of rest) await writer.write(batch)
    await writer.finish()
    await writer.close()
    expect(seen).toEqual(ROWS)
    expect(stream.writableFinished).toBe(true)
  })

  it('is held up by a stream that is full', async () => {
    const waiting: (() => void)[] = []
    const stream = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (_row, _encoding, done) => void waiting.push(done),
    })
    const writer = await open(toWritable(stream))
    const [batch] = await batchesOf([{ n: 1 }])
    let done = false
    const writing =
      batch &&
      Promise.resolve(writer.write(batch)).then(() => {
        done = true
      })
    await nextTurn()
    expect(done).toBe(false)
    waiting.shift()?.()
    await writing
    expect(done).toBe(true)
  })

  it.each([
    ['fails', (stream: Writable) => stream.destroy(new Error('the line is cut')), 'the line is cut'],
    ['is closed', (stream: Writable) => stream.destroy(), 'closed'],
  ])('reports a stream that %s, also while it waits', async (_what, end, reason) => {
    const stream = new Writable({ objectMode: true, highWaterMark: 1, write: () => {} })
    const writer = await open(toWritable(stream))
    const [batch] = await batchesOf([{ n: 1 }, { n: 2 }])
    const writing = batch && Promise.resolve(writer.write(batch))
    await nextTurn()
    end(stream)
    await expect(writing).rejects.toMatchObject({ code: 'SINK_FAILED', message: expect.stringContaining(reason) })
    await writer.close()
  })
})
