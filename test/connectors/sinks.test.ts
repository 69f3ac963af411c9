import { describe, expect, it } from 'vitest'
import { asyncIterable } from '../../src/connectors/async-iterable.js'
import { callback } from '../../src/connectors/callback.js'
import { collect } from '../../src/connectors/collect.js'
import { stdout } from '../../src/connectors/stdout.js'
import { toReadableStream, writable } from '../../src/connectors/web-streams.js'
import type { Json } from '../../src/core/json.js'
import { nextTurn } from '../platform/next-turn.js'
import { throughJSON } from './reading.js'
import { batchOf, type Numbered, numbered, oddRows, sinkContext } from './writing.js'

async function turn(): Promise<void> {
  await nextTurn()
}

/** Whether a promise is settled after a turn of the event loop. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const mark = () => {
    settled = true
  }
  promise.then(mark, mark)
  await turn()
  return !settled
}

describe('collect', () => {
  it('collects the selected rows as plain objects', async () => {
    const sink = collect<Numbered>()
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 2))
    await writer.write(oddRows(2, 6))
    await writer.finish()
    expect(sink.rows).toEqual([...numbered(0, 2), ...numbered(3, 4), ...numbered(5, 6)])
    expect(Object.getPrototypeOf(sink.rows[0])).toBe(Object.prototype)
  })

  it('cuts what is behind the checkpoint, and all on a fresh start', async () => {
    const sink = collect<Numbered>()
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 3))
    const state = throughJSON(await writer.prepare(1))
    await writer.write(batchOf(3, 9))
    await writer.close()
    const resumed = await sink.open(sinkContext(state))
    await resumed.write(batchOf(3, 5))
    expect(sink.rows).toEqual(numbered(0, 5))
    expect(sink.missingRows).toBe(0)
    await (await sink.open(sinkContext())).write(batchOf(7, 8))
    expect(sink.rows).toEqual(numbered(7, 8))
  })

  it('tells how many rows went with an earlier process, over several resumptions', async () => {
    const sink = collect<Numbered>()
    const writer = await sink.open(sinkContext(4))
    expect([sink.missingRows, sink.rows.length]).toEqual([4, 0])
    await writer.write(batchOf(4, 6))
    const state = await writer.prepare(2)
    expect(state).toBe(6)
    await writer.write(batchOf(6, 9))
    const again = await sink.open(sinkContext(state))
    await again.write(batchOf(6, 8))
    expect(sink.rows).toEqual(numbered(4, 8))
    expect(sink.missingRows).toBe(4)
    await sink.open(sinkContext(2))
    expect([sink.missingRows, sink.rows.length]).toEqual([2, 0])
    await expect(sink.open(sinkContext('x'))).rejects.toMatchObject({ code: 'POSITION_INVALID' })
  })
})

describe('callback', () => {
  it('calls with each selected row, or with each batch', async () => {
    const rows: unknown[] = []
    const writer = await callback<Numbered>(row => void rows.push(row)).open(sinkContext())
    await writer.write(oddRows(0, 4))
    expect(rows).toEqual([...numbered(1, 2), ...numbered(3, 4)])
    const sizes: number[] = []
    const batches = await callback<Numbered>({ batch: batch => void sizes.push(batch.length) }).open(sinkContext())
    await batches.write(batchOf(0, 4))
    expect(sizes).toEqual([4])
  })

  it('waits for each promise before the next call', async () => {
    const started: number[] = []
    const release: (() => void)[] = []
    const sink = callback<Numbered>(({ n }) => {
      started.push(n)
      return new Promise<void>(resolve => release.push(resolve))
    })
    const written = Promise.resolve((await sink.open(sinkContext())).write(batchOf(0, 2)))
    expect(await isPending(written)).toBe(true)
    expect(started).toEqual([0])
    release[0]?.()
    expect(await isPending(written)).toBe(true)
    expect(started).toEqual([0, 1])
    release[1]?.()
    await written
  })

  it('names the row that it fails at, counted over resumptions', async () => {
    const boom = new Error('boom')
    const sink = callback<Numbered>(async ({ n }) => {
      if (n === 3) throw boom
    })
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 2))
    const resumed = await sink.open(sinkContext(await writer.prepare(1)))
    const failing = Promise.resolve(resumed.write(batchOf(2, 6)))
    await expect(failing).rejects.toMatchObject({ code: 'SINK_FAILED', details: { row: 3 }, cause: boom })
    await expect(failing).rejects.toThrow('at row 3 (n: 3, text: "row 3"): boom')
    const thrower = await callback<Numbered>({
      batch: () => {
        throw boom
      },
    }).open(sinkContext(7))
    await expect(thrower.write(batchOf(0, 2))).rejects.toThrow('batch of 2 rows from row 7: boom')
  })
})

describe('stdout', () => {
  it('writes a JSON object a line', async () => {
    let text = ''
    const context = sinkContext(undefined, undefined, async bytes => {
      text += new TextDecoder().decode(bytes)
    })
    const writer = await stdout().open(context)
    await writer.write(batchOf(0, 2))
    expect(text).toBe('{"n":0,"text":"row 0"}\n{"n":1,"text":"row 1"}\n')
  })
})

describe('asyncIterable', () => {
  it('gives all rows to its reader, whoever comes first', async () => {
    const sink = asyncIterable<Numbered>()
    const rows: Numbered[] = []
    const reading = (async () => {
      for await (const row of sink) rows.push(row)
    })()
    await turn()
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 3))
    await turn()
    await writer.write(oddRows(3, 9))
    await writer.finish()
    await writer.close()
    await reading
    expect(rows.map(({ n }) => n)).toEqual([0, 1, 2, 3, 5, 7])
  })

  it('holds the job up while more rows wait than it should', async () => {
    const sink = asyncIterable<Numbered>({ bufferRows: 2 })
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 2))
    const held = Promise.resolve(writer.write(batchOf(2, 5)))
    expect(await isPending(held)).toBe(true)
    const reader = sink[Symbol.asyncIterator]()
    await reader.next()
    await reader.next()
    expect(await isPending(held)).toBe(true)
    await reader.next()
    await held
  })

  it('completes a checkpoint when its rows are taken', async () => {
    const sink = asyncIterable<Numbered>()
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 2))
    const prepared = writer.prepare(1)
    const reader = sink[Symbol.asyncIterator]()
    await reader.next()
    expect(await isPending(prepared)).toBe(true)
    await reader.next()
    expect(await prepared).toBeNull()
  })

  it('lets the job go on when the reader leaves', async () => {
    const sink = asyncIterable<Numbered>({ bufferRows: 1 })
    const writer = await sink.open(sinkContext())
    const held = Promise.resolve(writer.write(batchOf(0, 5)))
    for await (const row of sink) {
      expect(row).toEqual(numbered(0, 1)[0])
      break
    }
    await held
    await writer.write(batchOf(5, 50))
    await writer.prepare(1)
    await writer.finish()
    await writer.close()
  })

  it('answers several calls of next() at once', async () => {
    const sink = asyncIterable<Numbered>()
    const reader = sink[Symbol.asyncIterator]()
    const results = Promise.all([reader.next(), reader.next(), reader.next()])
    await turn()
    const writer = await sink.open(sinkContext())
    await writer.write(batchOf(0, 2))
    await writer.finish()
    expect((await results).map(({ done }) => done)).toEqual([false, false, true])
  })

  it('ends with an error when the job ends before its input', async () => {
    const sink = asyncIterable<Numbered>({ bufferRows: 1 })
    const writer = await sink.open(sinkContext())
    const held = Promise.resolve(writer.write(batchOf(0, 2)))
    await writer.close()
    await held
    const reader = sink[Symbol.asyncIterator]()
    expect((await reader.next()).value).toEqual({ n: 0, text: 'row 0' })
    expect((await reader.next()).value).toEqual({ n: 1, text: 'row 1' })
    await expect(reader.next()).rejects.toMatchObject({ code: 'SINK_CLOSED' })
    const waiting = asyncIterable<Numbered>()
    const other = await waiting.open(sinkContext())
    const next = waiting[Symbol.asyncIterator]().next()
    await turn()
    await other.close()
    await expect(next).rejects.toMatchObject({ code: 'SINK_CLOSED' })
  })

  it('has one reader', () => {
    const sink = asyncIterable()
    sink[Symbol.asyncIterator]()
    expect(() => sink[Symbol.asyncIterator]()).toThrow(TypeError)
    expect(() => asyncIterable({ bufferRows: 0 })).toThrow(TypeError)
  })
})

describe('web streams', () => {
  it('writes rows into a WritableStream at its pace and closes it', async () => {
    const taken: Numbered[] = []
    const release: (() => void)[] = []
    let closed = false
    const stream = new WritableStream<Numbered>(
      {
        write: row => {
          taken.push(row)
          return new Promise<void>(resolve => release.push(resolve))
        },
        close: () => {
          closed = true
        },
      },
      { highWaterMark: 2 },
    )
    const writer = await writable(stream).open(sinkContext())
    const written = Promise.resolve(writer.write(batchOf(0, 4)))
    expect(await isPending(written)).toBe(true)
    expect(taken).toHaveLength(1)
    const prepared: Promise<Json> = written.then(() => writer.prepare(1))
    for (let row = 0; row < 4; row++) {
      expect(await isPending(prepared)).toBe(true)
      release[row]?.()
      await turn()
    }
    expect(await prepared).toBeNull()
    expect(taken).toEqual(numbered(0, 4))
    await writer.finish()
    await writer.close()
    expect(closed).toBe(true)
  })

  it('reports a stream that fails, and aborts one whose job ends early', async () => {
    const boom = new Error('boom')
    const failing = await writable(
      new WritableStream<Numbered>({
        write: () => {
          throw boom
        },
      }),
    ).open(sinkContext())
    const outcome = Promise.resolve(failing.write(batchOf(0, 9))).then(() => failing.prepare(1))
    await expect(outcome).rejects.toMatchObject({ code: 'SINK_FAILED', cause: boom })
    await failing.close()
    let reason: unknown
    const open = await writable(
      new WritableStream<Numbered>({
        abort: given => {
          reason = given
        },
      }),
    ).open(sinkContext())
    await open.write(batchOf(0, 1))
    await open.close()
    expect(reason).toMatchObject({ code: 'SINK_CLOSED' })
  })

  it('gives rows as a ReadableStream, which leaves when it is cancelled', async () => {
    const sink = asyncIterable<Numbered>({ bufferRows: 1 })
    const writer = await sink.open(sinkContext())
    const held = Promise.resolve(writer.write(batchOf(0, 3)))
    const stream = toReadableStream(sink, ReadableStream)
    const reader = stream.getReader()
    expect((await reader.read()).value).toEqual({ n: 0, text: 'row 0' })
    await reader.cancel()
    await held
    await writer.write(batchOf(3, 90))

    const whole = asyncIterable<Numbered>()
    const other = await whole.open(sinkContext())
    await other.write(batchOf(0, 3))
    await other.finish()
    const rows: unknown[] = []
    for await (const row of toReadableStream(whole, ReadableStream)) rows.push(row)
    expect(rows).toEqual(numbered(0, 3))
  })
})
