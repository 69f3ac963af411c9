import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch } from '../../../src/core/batch.js'
import { Int32Column } from '../../../src/core/columns-fixed.js'
import { ObjectColumn } from '../../../src/core/columns-nested.js'
import { DictionaryColumn } from '../../../src/core/columns-text.js'
import { Dictionary } from '../../../src/core/dictionary.js'
import { Schema } from '../../../src/core/schema.js'
import { CHANNEL_CAPACITY, CHANNEL_ROWS, LocalChannel } from '../../../src/runtime/exchange-channel.js'
import { BatchDecoder, BatchEncoder, type WireBatch } from '../../../src/runtime/remote/batch-codec.js'
import { PeerLink } from '../../../src/runtime/remote/peer-link.js'
import { batchOf, rowsCase } from '../../core/arbitraries.js'

/** As postMessage does it. */
const sent = (wire: WireBatch): WireBatch => structuredClone(wire, { transfer: [...wire.buffers] })

const numbers = (values: readonly number[]): Batch =>
  new Batch({
    schema: Schema.of({ n: 'i32' }),
    columns: [new Int32Column(Int32Array.from(values))],
    rowCount: values.length,
  })

describe('batches between workers', () => {
  it('keep rows, times, kinds, split and who moved the watermark', () => {
    const encoder = new BatchEncoder()
    const decoder = new BatchDecoder()
    fc.assert(
      fc.property(rowsCase(), fc.nat(), fc.boolean(), (rows, seed, timed) => {
        const given = batchOf(rows)
        const { rowCount } = given
        const times = Float64Array.from({ length: rowCount }, (_, row) => row * 7 + seed)
        const marked = given.with({
          ...(timed && {
            timestamps: times,
            watermarks: times.map(time => time - 3),
            split: seed % 5,
            movers: { upTo: seed, before: null, behind: 1 },
          }),
          kinds: Uint8Array.from({ length: rowCount }, (_, row) => row % 4),
          selection: Uint32Array.from({ length: Math.ceil(rowCount / 2) }, (_, row) => row * 2),
        })
        const expected = marked.compact()
        const got = decoder.decode(sent(encoder.encode(marked)))
        expect(got.schema.equals(expected.schema)).toBe(true)
        expect(got.toRows()).toEqual(expected.toRows())
        expect([got.timestamps, got.watermarks, got.kinds, got.split, got.movers]).toEqual([
          expected.timestamps,
          expected.watermarks,
          expected.kinds,
          expected.split,
          expected.movers,
        ])
      }),
      { numRuns: 200 },
    )
  })

  it('send an entry of a dictionary once, and again when the dictionary was long out of use', () => {
    const encoder = new BatchEncoder()
    const decoder = new BatchDecoder()
    const schema = Schema.of({ s: 'utf8' })
    const of = (dictionary: Dictionary, words: readonly string[]): Batch => {
      const codes = Int32Array.from(words, word => dictionary.encode(word))
      return new Batch({ schema, columns: [new DictionaryColumn(codes, dictionary)], rowCount: words.length })
    }
    const through = (given: Batch): { rows: unknown[]; size: number } => {
      const wire = encoder.encode(given)
      const size = wire.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
      return { rows: decoder.decode(sent(wire)).toRows(), size }
    }
    const first = Dictionary.of([])
    const long = 'a word of some length '.repeat(20)
    expect(through(of(first, [long, 'b'])).size).toBeGreaterThan(400)
    const again = through(of(first, ['c', long]))
    expect(again.rows).toEqual([{ s: 'c' }, { s: long }])
    expect(again.size).toBeLessThan(100)
    for (let n = 0; n < 20; n++) through(of(Dictionary.of([]), [`other ${n}`]))
    expect(through(of(first, [long, 'b'])).rows).toEqual([{ s: long }, { s: 'b' }])
  })
})

interface Ends {
  readonly sender: PeerLink
  readonly receiver: PeerLink
  readonly failures: unknown[]
  readonly posts: () => number
}

function linked(): Ends {
  const handlers: ((message: unknown) => void)[] = []
  const failures: unknown[] = []
  let posts = 0
  const port = (own: number) => ({
    post(message: unknown, transfer: readonly unknown[]) {
      posts += 1
      const copy: unknown = structuredClone(message, { transfer: transfer as ArrayBuffer[] })
      queueMicrotask(() => handlers[1 - own]?.(copy))
    },
    onMessage: (handler: (message: unknown) => void) => {
      handlers[own] = handler
    },
    close: () => undefined,
  })
  const fail = (cause: unknown): void => void failures.push(cause)
  return { sender: new PeerLink(port(0), fail), receiver: new PeerLink(port(1), fail), failures, posts: () => posts }
}

const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0))

describe('channels between workers', () => {
  it('keep the order, bundle what is sent together, and stop the sender that is out of credit', async () => {
    const { sender, receiver, posts } = linked()
    const writer = sender.writer('a')
    const reader = receiver.reader('a')
    let wakes = 0
    writer.onSpace(() => {
      wakes += 1
    })
    for (let n = 0; n < 4; n++) writer.push({ kind: 'batch', batch: numbers([n]) })
    await settle()
    expect(posts()).toBe(1)
    for (let n = 4; !writer.isFull; n++) writer.push({ kind: 'watermark', timestamp: n })
    await settle()
    expect(reader.length).toBe(CHANNEL_CAPACITY)
    expect(reader.shift()).toMatchObject({ kind: 'batch' })
    await settle()
    expect(wakes).toBe(0)
    for (let n = 1; n < 4; n++) {
      const element = reader.shift()
      expect(element?.kind === 'batch' && element.batch.toRows()).toEqual([{ n }])
    }
    await settle()
    expect(wakes).toBe(1)
    expect(writer.isFull).toBe(false)
    for (let n = 4; n < CHANNEL_CAPACITY; n++) expect(reader.shift()).toEqual({ kind: 'watermark', timestamp: n })
    expect(reader.shift()).toBeUndefined()
  })

  it('take no more rows than there is credit for, however few elements they are', async () => {
    const { sender, receiver } = linked()
    const batch = numbers(new Array<number>(8_192).fill(7))
    const local = new LocalChannel()
    for (const [writer, reader] of [
      [sender.writer('a'), receiver.reader('a')],
      [local, local],
    ] as const) {
      let sent = 0
      for (; !writer.isFull; sent++) writer.push({ kind: 'batch', batch })
      expect(sent).toBe(CHANNEL_ROWS / 8_192)
      let wakes = 0
      writer.onSpace(() => {
        wakes += 1
      })
      await settle()
      // Credit comes back in quarters of the whole.
      for (let taken = 0; taken < CHANNEL_ROWS / 4; taken += batch.rowCount) reader.shift()
      await settle()
      expect([wakes, writer.isFull]).toEqual([1, false])
      while (reader.shift() !== undefined);
      await settle()
      for (sent = 0; !writer.isFull; sent++) writer.push({ kind: 'batch', batch })
      expect(sent).toBe(CHANNEL_ROWS / 8_192)
    }
  })

  it('say what cannot be sent', async () => {
    const { sender, failures } = linked()
    const schema = Schema.of({ handle: 'object' })
    const columns = [new ObjectColumn([() => 1])]
    sender.writer('a').push({ kind: 'batch', batch: new Batch({ schema, columns, rowCount: 1 }) })
    await settle()
    expect(failures).toEqual([expect.objectContaining({ code: 'NOT_TRANSFERABLE' })])
  })
})
