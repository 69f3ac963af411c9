import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/core/batch.js'
import type { StreamElement } from '../../src/core/element.js'
import { operatorIndex } from '../../src/core/key-groups.js'
import { Schema } from '../../src/core/schema.js'
import { RowGroups } from '../../src/kernel/row-groups.js'
import { toKeyColumn } from '../../src/operators/key-coder.js'
import { ExchangeNode } from '../../src/runtime/exchange-node.js'
import { createPartitioner } from '../../src/runtime/partitioner.js'
import { ManualClock } from '../../src/testing/index.js'
import { batchOf } from '../core/arbitraries.js'
import { builds } from '../kernel/builds.js'

const PLAIN = Schema.of({ key: 'utf8', n: 'i32' })
const NESTED = Schema.of({ key: 'utf8', n: 'i32', tags: { kind: 'list', element: 'i32' } })

function batches(keys: readonly number[], cut: number, schema: Schema): Batch[] {
  return Array.from({ length: Math.ceil(keys.length / cut) }, (_, n) => {
    const rows = keys.slice(n * cut, (n + 1) * cut).map((key, index) => {
      return { key: `k${key}`, n: n * cut + index, tags: [key] }
    })
    const times = Float64Array.from(rows, row => row.n)
    return batchOf({ schema, rows }).with({ timestamps: times, watermarks: times.map(time => time - 1) })
  })
}

describe.each(builds)('rows by key ($name)', build => {
  it('are each sent once, in order, to the subtask of their key group, in batches that are not too long', () => {
    const kernel = build.create()
    const groups = new RowGroups(kernel, 128)
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(PLAIN, NESTED),
        (keys, cut, channels, batchRows, schema) => {
          const sent = Array.from({ length: channels }, () => [] as unknown[])
          const expected = Array.from({ length: channels }, () => [] as unknown[])
          const partitioner = createPartitioner(
            { hashOf: ['key'] },
            {
              channels,
              index: 0,
              kernel,
              maxParallelism: 128,
              batchRows,
              send: (channel, batch) => {
                expect(batch.rowCount).toBeLessThanOrEqual(Math.max(batchRows, cut))
                sent[channel]?.push(...batch.toRows())
                expect(batch.timestamps).toEqual(Float64Array.from(batch.toRows() as { n: number }[], ({ n }) => n))
              },
            },
          )
          for (const batch of batches(keys, cut, schema)) {
            const owners = [...groups.of([toKeyColumn(batch.column('key'))], batch.rowCount)]
            for (const [row, group] of owners.entries()) {
              expected[operatorIndex(group, channels, 128)]?.push(batch.row(row))
            }
            partitioner.take(batch)
            // The times of a batch are lent.
            batch.timestamps?.fill(-1)
          }
          partitioner.flush()
          expect(partitioner.holdsRows).toBe(false)
          partitioner.close()
          expect(sent).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
    groups.release()
  })
})

const [build] = builds

function exchange(bufferTimeoutMs: number, batchRows = 100) {
  if (build === undefined) throw new TypeError('no kernel is built')
  const kernel = build.create()
  const clock = new ManualClock()
  const got: StreamElement[][] = [[], []]
  const writers = got.map(elements => ({
    isFull: false,
    push: (element: StreamElement) => void elements.push(element),
    onSpace: () => undefined,
  }))
  const node = new ExchangeNode(
    'edge',
    writers,
    send =>
      createPartitioner({ hashOf: ['key'] }, { channels: 2, index: 0, kernel, maxParallelism: 128, batchRows, send }),
    { clock, bufferTimeoutMs },
  )
  node.inputs = 1
  const give = (element: StreamElement): void => {
    node.give(element, 0)
    while (node.hasWork) node.step()
  }
  const kinds = (): string[][] => got.map(elements => elements.splice(0).map(({ kind }) => kind))
  return { give, clock, kinds, node }
}

describe('an exchange', () => {
  const [batch] = batches([1, 2, 3, 4, 5, 6, 7, 8], 8, PLAIN)
  if (batch === undefined) throw new TypeError('there is a batch')
  const rows: StreamElement = { kind: 'batch', batch }

  it('lets rows that do not fill a batch go when the timeout is over, and their watermark behind them', () => {
    const { give, clock, kinds } = exchange(10)
    give(rows)
    give({ kind: 'watermark', timestamp: 3 })
    clock.advance(6)
    give(rows)
    give({ kind: 'watermark', timestamp: 5 })
    clock.advance(3)
    expect(kinds()).toEqual([[], []])
    clock.advance(1)
    expect(kinds()).toEqual([
      ['batch', 'watermark'],
      ['batch', 'watermark'],
    ])
    clock.advance(100)
    expect(kinds()).toEqual([[], []])
    give({ kind: 'watermark', timestamp: 6 })
    expect(kinds()).toEqual([['watermark'], ['watermark']])
  })

  it('lets nothing pass them', () => {
    for (const element of [
      { kind: 'barrier', checkpointId: 1 },
      { kind: 'idle' },
      { kind: 'active' },
      { kind: 'end' },
    ] as const) {
      const { give, kinds } = exchange(10)
      give(rows)
      give({ kind: 'watermark', timestamp: 3 })
      give(element)
      const order = ['batch', 'watermark', element.kind]
      expect(kinds()).toEqual([order, order])
    }
  })

  it('holds nothing back without a timeout, and no more than a batch with one', () => {
    const { give, kinds } = exchange(0)
    give(rows)
    expect(kinds()).toEqual([['batch'], ['batch']])
    const small = exchange(10, 2)
    small.give(rows)
    const sent = small.kinds().flat()
    expect(sent.length).toBeGreaterThanOrEqual(3)
  })
})
