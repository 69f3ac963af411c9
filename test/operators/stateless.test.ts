import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/core/batch.js'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import type { DictionaryColumn } from '../../src/core/columns-text.js'
import { SabotError } from '../../src/core/errors.js'
import { Schema } from '../../src/core/schema.js'
import { nullable } from '../../src/core/types.js'
import { filterOperator } from '../../src/operators/filter.js'
import { flatMapOperator } from '../../src/operators/flat-map.js'
import { mapOperator } from '../../src/operators/map.js'
import type { OperatorFactory } from '../../src/operators/operator.js'
import { selectOperator } from '../../src/operators/select.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'

interface Row {
  readonly name: string
  readonly size: number | null
}

const schema = Schema.of({ name: 'utf8', size: nullable('f64') })
const kernel = () => (builds[0] as (typeof builds)[number]).create()

const rows = fc.array(fc.record({ name: fc.string({ maxLength: 3 }), size: fc.option(fc.integer()) }), {
  maxLength: 20,
})

function elementsOf(input: readonly Row[]): TestElement[] {
  return [
    ...input.map((row, index): TestElement => ({ kind: 'row', row, timestamp: index, watermark: index - 5 })),
    { kind: 'watermark', timestamp: 7 },
    { kind: 'row', row: { name: 'last', size: 1 }, timestamp: 8, watermark: 7 },
  ]
}

/** The same in every mode; what came out in the first. */
function inAllModes(create: OperatorFactory, elements: readonly TestElement[]): TestOutput[] {
  const outcomes = HARNESS_MODES.map(mode => runOperator(create, kernel, [schema], elements, mode))
  for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
  return outcomes[0] ?? []
}

/** What an operator of one output row for each row should give. */
function expected(elements: readonly TestElement[], each: (row: Row) => readonly object[]): TestOutput[] {
  return elements.flatMap((element): TestOutput[] => {
    if (element.kind === 'watermark') return [{ watermark: element.timestamp }]
    if (element.kind !== 'row') return []
    const { timestamp = 0, watermark = 0 } = element
    return each(element.row as Row).map(row => ({ output: 'main', row, timestamp, watermark }))
  })
}

function batchOfNames(...names: string[]): Batch {
  const builder = new BatchBuilder(schema)
  for (const name of names) builder.append({ name, size: null })
  return builder.finish()
}

describe('operators without state', () => {
  it('filter keeps what the predicate says', () => {
    fc.assert(
      fc.property(rows, input => {
        const elements = elementsOf(input)
        const keep = (row: Row): boolean => row.size === null || row.size > 0
        const outputs = inAllModes(
          filterOperator(row => keep(row as Row)),
          elements,
        )
        expect(outputs).toEqual(expected(elements, row => (keep(row) ? [row] : [])))
      }),
      { numRuns: 40 },
    )
  })

  it('map gives one object for each row, in the declared schema', () => {
    fc.assert(
      fc.property(rows, input => {
        const elements = elementsOf(input)
        const transform = (row: Row) => ({ text: `${row.name}!`, size: row.size })
        const outputs = inAllModes(
          mapOperator(row => transform(row as Row), Schema.of({ text: 'utf8', size: nullable('f64') })),
          elements,
        )
        expect(outputs).toEqual(expected(elements, row => [transform(row)]))
      }),
      { numRuns: 40 },
    )
  })

  it('map infers the schema once, and keeps it through a restore', () => {
    const elements = elementsOf([{ name: 'a', size: 1 }])
    const outputs = inAllModes(
      mapOperator(row => ({ n: (row as Row).size ?? 0, whole: true }), undefined),
      elements,
    )
    expect(outputs).toEqual(expected(elements, row => [{ n: row.size, whole: true }]))
    const changing = mapOperator(row => ({ n: (row as Row).name === 'last' ? 'text' : 1 }), undefined)
    expect(() => inAllModes(changing, elements)).toThrow(expect.objectContaining({ code: 'TYPE_MISMATCH' }))
  })

  it('flatMap gives any number of objects, with the event time of their row', () => {
    fc.assert(
      fc.property(rows, input => {
        const elements = elementsOf(input)
        const transform = (row: Row) => [...row.name].map(letter => ({ letter }))
        const outputs = inAllModes(
          flatMapOperator(row => transform(row as Row), Schema.of({ letter: 'utf8' })),
          elements,
        )
        expect(outputs).toEqual(expected(elements, transform))
      }),
      { numRuns: 40 },
    )
  })

  it('flatMap cuts its output into batches, so that one row may give very many', () => {
    let batches = 0
    const create = flatMapOperator(() => Array.from({ length: 20_000 }, (_, n) => ({ n })), undefined)
    const counting: OperatorFactory = context =>
      create({
        ...context,
        output: {
          ...context.output,
          batch(batch) {
            batches += 1
            expect(batch.length).toBeLessThanOrEqual(8192)
          },
        },
      })
    const [mode] = HARNESS_MODES
    if (mode === undefined) throw new TypeError('no mode')
    runOperator(counting, kernel, [schema], [{ kind: 'row', row: { name: 'x', size: 1 } }], mode)
    expect(batches).toBe(3)
  })

  it('select passes columns through and computes others', () => {
    fc.assert(
      fc.property(rows, input => {
        const elements = elementsOf(input)
        const outputs = inAllModes(
          selectOperator([
            { name: 'label', from: 'name' },
            { name: 'double', compute: row => ((row as Row).size ?? 0) * 2, type: 'f64' },
            { name: 'known', compute: row => (row as Row).size !== null, type: undefined },
          ]),
          elements,
        )
        expect(outputs).toEqual(
          expected(elements, row => [{ label: row.name, double: (row.size ?? 0) * 2, known: row.size !== null }]),
        )
      }),
      { numRuns: 40 },
    )
  })

  it('select computes row by row, and keeps the dictionary of a column from batch to batch', () => {
    const asked: string[] = []
    const ask = (field: string) => (row: unknown) => {
      asked.push(`${field}${(row as Row).name}`)
      return (row as Row).name
    }
    const dictionaries = new Set<unknown>()
    const texts: unknown[] = []
    const select = selectOperator([
      { name: 'a', compute: ask('a'), type: 'utf8' },
      { name: 'b', compute: ask('b'), type: 'utf8' },
    ])
    const output = {
      batch: (batch: Batch) => {
        const column = batch.column('a') as DictionaryColumn
        dictionaries.add(column.dictionary)
        texts.push(...batch.toRows())
      },
    }
    const operator = select({ id: 'select-1', output } as never)
    operator.onBatch(batchOfNames('x', 'y'), 0)
    operator.onBatch(batchOfNames('y', 'z'), 0)
    expect(asked).toEqual(['ax', 'bx', 'ay', 'by', 'ay', 'by', 'az', 'bz'])
    expect(dictionaries.size).toBe(1)
    expect(texts).toEqual(['x', 'y', 'y', 'z'].map(name => ({ a: name, b: name })))
  })

  const faults: [string, OperatorFactory, string][] = [
    [
      'filter',
      filterOperator(() => {
        throw new RangeError('no')
      }),
      'USER_FUNCTION_FAILED',
    ],
    [
      'map',
      mapOperator(() => {
        throw new RangeError('no')
      }, undefined),
      'USER_FUNCTION_FAILED',
    ],
    [
      'flatMap',
      flatMapOperator(() => {
        throw new RangeError('no')
      }, undefined),
      'USER_FUNCTION_FAILED',
    ],
    [
      'select',
      selectOperator([
        {
          name: 'x',
          compute: () => {
            throw new RangeError('no')
          },
          type: 'f64',
        },
      ]),
      'USER_FUNCTION_FAILED',
    ],
    [
      'an async filter',
      filterOperator((() => Promise.resolve(true)) as unknown as () => boolean),
      'USER_FUNCTION_RESULT',
    ],
    ['an async map', mapOperator(() => Promise.resolve({}), undefined), 'USER_FUNCTION_RESULT'],
    ['a map to a number', mapOperator((() => 3) as unknown as () => object, undefined), 'USER_FUNCTION_RESULT'],
    [
      'a flatMap to a number',
      flatMapOperator((() => 3) as unknown as () => object[], undefined),
      'USER_FUNCTION_RESULT',
    ],
    [
      'a flatMap to numbers',
      flatMapOperator((() => [3]) as unknown as () => object[], undefined),
      'USER_FUNCTION_RESULT',
    ],
    [
      'an async select',
      selectOperator([{ name: 'x', compute: () => Promise.resolve(1), type: undefined }]),
      'USER_FUNCTION_RESULT',
    ],
    [
      'a select of the wrong type',
      selectOperator([{ name: 'x', compute: () => 'text', type: 'f64' }]),
      'TYPE_MISMATCH',
    ],
    ['a select of null', selectOperator([{ name: 'x', compute: () => null, type: 'f64' }]), 'NULL_VALUE'],
  ]
  it.each(faults)('%s is an error that names the operator and the record', (_name, create, code) => {
    const [mode] = HARNESS_MODES
    if (mode === undefined) throw new TypeError('no mode')
    let error: unknown
    try {
      runOperator(create, kernel, [schema], elementsOf([{ name: 'first', size: 1 }]), mode)
    } catch (cause) {
      error = cause
    }
    expect(error).toBeInstanceOf(SabotError)
    expect(error).toMatchObject({ code, details: { operator: 'tested', record: { name: 'first', size: 1 } } })
    expect((error as SabotError).message).toContain('tested')
  })
})
