import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../src/connectors/collect.js'
import { memory } from '../../../src/connectors/memory.js'
import { job } from '../../../src/graph/job.js'
import { session, sliding, tumbling } from '../../../src/graph/windowing.js'
import { collectList, count, countDistinct, maxBy, sum } from '../../../src/operators/aggregates/aggregate.js'
import { Accumulators, type Contents } from '../../../src/operators/windows/contents.js'
import { KeySlices } from '../../../src/operators/windows/shared-slices.js'
import { trigger } from '../../../src/operators/windows/trigger-names.js'
import { elementsOf, operatorOf, rowsOf, runInAllModes, runOnce, SCHEMA, sorted, timedRows } from './harness.js'

interface Visit {
  readonly key: string
  readonly value: number
}

const aggregates = { n: count(), distinct: countDistinct('value'), best: maxBy('value', 'value') }

/** The operator that several windows share. */
function sharedOperator() {
  const { nodes } = job('several', j => {
    const keyed = j
      .from(memory<Visit>([], { schema: SCHEMA as never }))
      .withTimestamps('value', { outOfOrderness: 0 })
      .keyBy('key')
    const { short, long, deep } = keyed
      .windows({ short: tumbling(10), long: tumbling(40), deep: sliding(30, 5, { offset: 2 }) })
      .aggregate(aggregates)
    for (const results of [short, long, deep]) {
      results.to(collect<unknown>())
      results.late.to(collect<unknown>())
    }
  }).plan()
  const [node] = nodes.filter(({ kind }) => kind.startsWith('window'))
  if (node?.role.kind !== 'operator') throw new TypeError('no operator')
  return node.role.create
}

const of = (outputs: ReturnType<typeof runOnce>['outputs'], output: string) =>
  outputs.flatMap(out => ('output' in out && out.output === output ? [out] : []))

describe('sliding windows of any aggregate', () => {
  it('give what the general operator gives, in every mode', () => {
    fc.assert(
      fc.property(
        timedRows(),
        fc.constantFrom(sliding(30, 10), sliding(40, 3), sliding(20, 8, { offset: -3 })),
        (rows, shape) => {
          const sliced = operatorOf(keyed => keyed.window(shape).aggregate(aggregates))
          const general = operatorOf(keyed => keyed.window(shape).trigger(trigger.eventTime()).aggregate(aggregates))
          const expected = runOnce(general, elementsOf(rows))
          const outcomes = runInAllModes(sliced, elementsOf(rows))
          expect(sorted(outcomes[0]?.main ?? [])).toEqual(sorted(expected.main))
          for (const { mode, main, late } of outcomes) {
            expect(main, mode).toEqual(outcomes[0]?.main)
            expect(late, mode).toEqual(expected.late)
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  it('keep the order of arrival within a slice, and that of time between slices', () => {
    const create = operatorOf(keyed => keyed.window(sliding(30, 10)).aggregate({ values: collectList('value') }))
    const rows = [25, 5, 3, 27].map((timestamp, value) => ({ key: 'a', value, timestamp, watermark: -100 }))
    expect(rowsOf(runOnce(create, elementsOf(rows)).main)).toContainEqual({
      ...{ key: 'a', windowStart: 0, windowEnd: 30, values: [1, 2, 0, 3] },
    })
  })
})

describe('windows of several sizes over one stream', () => {
  it('give what each of them gives', () => {
    fc.assert(
      fc.property(timedRows(), rows => {
        const outcomes = runInAllModes(sharedOperator(), elementsOf(rows))
        for (const [name, assigner] of [
          ['short', tumbling(10)],
          ['long', tumbling(40)],
          ['deep', sliding(30, 5, { offset: 2 })],
        ] as const) {
          const alone = operatorOf(keyed => keyed.window(assigner).trigger(trigger.eventTime()).aggregate(aggregates))
          const expected = runOnce(alone, elementsOf(rows))
          for (const { mode, outputs } of outcomes) {
            expect(sorted(rowsOf(of(outputs, name))), `${name} ${mode}`).toEqual(sorted(rowsOf(expected.main)))
            expect(rowsOf(of(outputs, `${name}-late`)), `${name} ${mode}`).toEqual(rowsOf(expected.late))
          }
        }
      }),
      { numRuns: 15 },
    )
  })

  it('are operators of their own where the kernel computes them or they cannot share', () => {
    const kinds = (define: Parameters<typeof job>[1]) =>
      job('kinds', define)
        .plan()
        .nodes.map(({ kind }) => kind)
        .filter(kind => /window|aggregate/.test(kind))
    const keyed = (j: Parameters<Parameters<typeof job>[1]>[0]) =>
      j
        .from(memory<Visit>([], { schema: SCHEMA as never }))
        .withTimestamps('value', { outOfOrderness: 0 })
        .keyBy('key')
    expect(
      kinds(j => {
        const { a, b } = keyed(j)
          .windows({ a: tumbling(10), b: sliding(20, 5) })
          .aggregate({ total: sum('value') })
        a.union(b).to(collect())
      }),
    ).toEqual(['window-aggregate', 'window-aggregate'])
    expect(
      kinds(j => {
        const { a, b } = keyed(j)
          .windows({ a: tumbling(10), b: session(20) })
          .aggregate({ d: countDistinct('value') })
        a.union(b).to(collect())
      }),
    ).toEqual(['tumbling-aggregate', 'window'])
    expect(() => job('wrong', j => keyed(j).windows({ 'a b': tumbling(10) })).plan()).toThrow(
      expect.objectContaining({ code: 'INVALID_NAME' }),
    )
    expect(() =>
      job('empty', j =>
        keyed(j)
          .windows({ a: tumbling(10) })
          .aggregate({}),
      ).plan(),
    ).toThrow(expect.objectContaining({ code: 'EMPTY_AGGREGATE' }))
  })
})

describe('combining slices', () => {
  it('costs a constant number of combinations a slide, whatever the overlap', () => {
    let merges = 0
    const counted: Contents<number[]> = {
      create: () => [],
      add: kept => kept,
      merge: (into, from) => {
        merges += 1
        return [...into, ...from]
      },
      encode: () => null,
      decode: () => [],
    }
    const perSlide = (overlap: number) => {
      merges = 0
      const key = new KeySlices(0, 0)
      key.slices = Array.from({ length: 6 * overlap }, (_, number) => ({ number, kept: [number] }))
      for (let to = overlap; to <= 6 * overlap; to++) {
        const window = key.combined(counted, 0, to - overlap, to) as number[]
        expect(window).toEqual(Array.from({ length: overlap }, (_, index) => to - overlap + index))
      }
      return merges / (5 * overlap)
    }
    expect(perSlide(10)).toBeLessThan(7)
    expect(perSlide(100)).toBeLessThan(7)
  })

  it('is done anew for a slice that changes', () => {
    const contents = new Accumulators([])
    const key = new KeySlices(0, 0)
    key.add(contents, 3, {}, 0)
    key.combined(contents, 0, 0, 5)
    expect(key.combinations[0]).toBeDefined()
    key.add(contents, 7, {}, 0)
    expect(key.combinations[0]).toBeDefined()
    key.add(contents, 2, {}, 0)
    expect(key.combinations[0]).toBeUndefined()
  })
})
