import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { iterable } from '../../src/connectors/iterable.js'
import { schema } from '../../src/core/schema.js'
import { nextTurn } from '../platform/next-turn.js'
import { contextOf, readAll } from './reading.js'

const NUMBERS = schema({ n: 'i32' })
const never = new Promise<never>(() => {})

async function* numbers(count: number) {
  for (let n = 0; n < count; n++) yield { n }
}

async function turn(): Promise<void> {
  await nextTurn()
}

describe('iterable', () => {
  it('hands over a partial batch rather than wait for the next row', async () => {
    let deliver = () => {}
    const gate = new Promise<void>(resolve => {
      deliver = resolve
    })
    async function* rows() {
      yield* numbers(5)
      await gate
      yield { n: 5 }
      yield { n: 6 }
      await never
    }
    const reader = await iterable(rows(), { schema: NUMBERS }).open(contextOf())
    expect(await reader.read()).toMatchObject({ position: 5, batch: { length: 5 } })
    let arrived = false
    const second = reader.read().then(next => {
      arrived = true
      return next
    })
    await turn()
    expect(arrived).toBe(false)
    deliver()
    expect((await second)?.batch.toRows()).toEqual([{ n: 5 }, { n: 6 }])
    await reader.close()
  })

  it('fills batches from iterators whose rows are at hand', async () => {
    async function* through(rows: AsyncIterable<{ n: number }>) {
      for await (const row of rows) yield row
    }
    const chain = through(through(through(through(numbers(100)))))
    expect((await readAll(iterable(chain), { batchRows: 30 })).batches.map(({ length }) => length)).toEqual([
      30, 30, 30, 10,
    ])
    const fewer = iterable(numbers(10), { batchRows: 4 })
    expect((await readAll(fewer, { batchRows: 30 })).batches.map(({ length }) => length)).toEqual([4, 4, 2])
  })

  it('reads streams of Node and of the web', async () => {
    const rows = Array.from({ length: 40 }, (_, n) => ({ n }))
    expect((await readAll(iterable(Readable.from(rows)))).rows).toEqual(rows)
    const stream = new ReadableStream<{ n: number }>({
      start: controller => {
        for (const row of rows) controller.enqueue(row)
        controller.close()
      },
    })
    expect((await readAll(iterable(stream))).rows).toEqual(rows)
  })

  it('ends a read that waits when it is closed', async () => {
    async function* silent() {
      await never
      yield { n: 0 }
    }
    const reader = await iterable(silent()).open(contextOf())
    const read = reader.read()
    await turn()
    await reader.close()
    expect(await read).toBeUndefined()
  })

  it('lets go of the iterator when it is closed early', async () => {
    let released = 0
    function* rows() {
      try {
        for (let n = 0; ; n++) yield { n }
      } finally {
        released += 1
      }
    }
    const reader = await iterable(rows).open(contextOf({ batchRows: 10 }))
    await reader.read()
    await reader.close()
    expect(released).toBe(1)
  })

  it('hands over the rows before a failure, then names the row', async () => {
    const boom = new Error('boom')
    async function* rows() {
      yield* numbers(3)
      throw boom
    }
    for (const source of [iterable(rows()), iterable(rows)]) {
      const reader = await source.open(contextOf())
      expect((await reader.read())?.batch.length).toBe(3)
      await expect(reader.read()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { row: 3 }, cause: boom })
    }
    function* sync() {
      yield { n: 1 }
      throw boom
    }
    const reader = await iterable(sync()).open(contextOf())
    expect((await reader.read())?.batch.length).toBe(1)
    await expect(reader.read()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { row: 1 }, cause: boom })
    const resumed = iterable(rows).open(contextOf({ position: { row: 9, schema: { fields: [] } } }))
    await expect(resumed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: boom })
  })

  it('names what is no object, and values that do not fit the first batch', async () => {
    const mixed: object[] = [{ n: 1 }, { n: 2 }, { n: 'three' }]
    const reader = await iterable(mixed, { batchRows: 2 }).open(contextOf())
    expect((await reader.read())?.batch.length).toBe(2)
    await expect(reader.read()).rejects.toMatchObject({ code: 'TYPE_MISMATCH', details: { field: 'n', position: 2 } })
    const scalars = [{ n: 1 }, null] as { n: number }[]
    const other = await iterable(scalars).open(contextOf())
    await other.read()
    await expect(other.read()).rejects.toMatchObject({ code: 'TYPE_MISMATCH', details: { position: 1 } })
  })

  it('is read once, unless a function makes it', async () => {
    const once = iterable(numbers(3))
    expect(once.replayable).toBe(false)
    expect((await readAll(once)).rows).toHaveLength(3)
    await expect(once.open(contextOf())).rejects.toMatchObject({ code: 'SOURCE_NOT_REPLAYABLE' })
    await expect(iterable(numbers(3)).open(contextOf({ position: 1 }))).rejects.toMatchObject({
      code: 'SOURCE_NOT_REPLAYABLE',
    })
    const again = iterable(() => numbers(3))
    expect((await readAll(again)).rows).toEqual((await readAll(again)).rows)
  })

  it('keeps the inferred schema in its position', async () => {
    const rows = [{ a: 1 }, { a: 2 }, { a: null, b: 'x' }, { a: null, b: 'y' }]
    const source = iterable(() => rows, { batchRows: 2 })
    const whole = await readAll(source)
    expect(whole.rows).toEqual([{ a: 1 }, { a: 2 }, { a: null }, { a: null }])
    // Inferred anew from what is left, `a` would be no number and `b` a field.
    expect((await readAll(source, { position: whole.batches[0]?.position })).rows).toEqual([{ a: null }, { a: null }])
  })

  it('refuses a position behind its end, or of another kind', async () => {
    const source = iterable(() => numbers(3), { schema: NUMBERS })
    await expect(source.open(contextOf({ position: 4 }))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    await expect(source.open(contextOf({ position: 'x' }))).rejects.toMatchObject({ code: 'POSITION_INVALID' })
    await expect(iterable(() => numbers(3)).open(contextOf({ position: 1 }))).rejects.toMatchObject({
      code: 'POSITION_INVALID',
    })
    expect(() => iterable([], { batchRows: 0 })).toThrow(TypeError)
  })
})
