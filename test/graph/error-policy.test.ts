import { describe, expect, it } from 'vitest'
import {
  collect,
  column,
  type ErrorPolicy,
  execute,
  job,
  memory,
  nullable,
  type Stream,
  schema,
} from '../../src/index.js'
import { MemoryFiles } from '../../src/testing/index.js'
import { environment } from '../runtime/streams.js'

const SHAPE = schema({ id: 'i32', text: nullable('utf8') })
const ROWS = [
  { id: 1, text: '10' },
  { id: 2, text: 'x' },
  { id: 3, text: null },
  { id: 4, text: '40' },
]

interface Input {
  readonly id: number
  readonly text: string | null
}

/** The number that a text is; throws for what is none. */
function numberOf({ text }: Input): number {
  if (text === null) throw new RangeError('no text')
  const value = Number(text)
  if (Number.isNaN(value)) throw new RangeError(`${text} is no number`)
  return value
}

type Results<Row> = Stream<Row> & { readonly deadLetters: Stream<Input & { readonly reason: string }> }

/** Each method with a function that fails for rows 2 and 3. */
const METHODS: readonly {
  readonly name: string
  readonly apply: (stream: Stream<Input>, errors: ErrorPolicy) => Results<object>
  readonly kept: readonly object[]
}[] = [
  {
    name: 'filter',
    apply: (stream, errors) => stream.filter(row => numberOf(row) > 20, { errors }),
    kept: [{ id: 4, text: '40' }],
  },
  {
    name: 'map',
    apply: (stream, errors) => stream.map(row => ({ n: numberOf(row) }), { n: 'f64' }, { errors }),
    kept: [{ n: 10 }, { n: 40 }],
  },
  {
    name: 'flatMap',
    // The rows that fail have given something before.
    apply: (stream, errors) => {
      const twice = function* (row: Input) {
        yield { n: row.id }
        yield { n: numberOf(row) }
      }
      return stream.flatMap(twice, { n: 'f64' }, { errors })
    },
    kept: [{ n: 1 }, { n: 10 }, { n: 4 }, { n: 40 }],
  },
  {
    name: 'select',
    apply: (stream, errors) =>
      stream.select({ id: 'id', n: numberOf, twice: column('f64', row => numberOf(row) * 2) }, { errors }),
    kept: [
      { id: 1, n: 10, twice: 20 },
      { id: 4, n: 40, twice: 80 },
    ],
  },
]

/** What came out of a job over ROWS, in batches of so many rows. */
async function run(
  apply: (stream: Stream<Input>, errors: ErrorPolicy) => Results<object>,
  errors: ErrorPolicy,
  batchRows: number,
) {
  const results = collect<object>()
  const letters = collect<object>()
  const graph = job('errors', j => {
    const out = apply(j.from(memory(ROWS, { schema: SHAPE })), errors).as('it')
    out.to(results)
    if (errors === 'deadLetter') out.deadLetters.to(letters)
  }).plan()
  const handle = execute(graph, environment(new MemoryFiles()), { batchRows })
  const { error, metrics } = await handle.ended
  const dropped = metrics.operators.find(({ id }) => id === 'it')?.dropped
  return { results: results.rows, letters: letters.rows, error, dropped }
}

describe('the error policy of functions', () => {
  for (const { name, apply, kept } of METHODS) {
    it(`${name} fails with the operator and the record`, async () => {
      const { error } = await run(apply, 'fail', 3)
      expect(error).toMatchObject({
        code: 'USER_FUNCTION_FAILED',
        message: expect.stringContaining('x is no number'),
        details: { operator: 'it', record: { id: 2, text: 'x' } },
      })
    })

    it(`${name} leaves out what fails and counts it, or sets it aside with the reason`, async () => {
      for (const batchRows of [1, 2, 8192]) {
        expect(await run(apply, 'skip', batchRows)).toEqual({
          results: kept,
          letters: [],
          error: undefined,
          dropped: { failed: 2 },
        })
        expect(await run(apply, 'deadLetter', batchRows)).toEqual({
          results: kept,
          letters: [
            { id: 2, text: 'x', reason: 'x is no number' },
            { id: 3, text: null, reason: 'no text' },
          ],
          error: undefined,
          dropped: { failed: 2 },
        })
      }
    })

    it(`${name} refuses a policy that there is none of, and dead letters that it does not keep`, () => {
      const plan = (use: (stream: Stream<Input>) => unknown) =>
        job('errors', j => void use(j.from(memory(ROWS, { schema: SHAPE })))).plan()
      const wrong = 'ignore' as ErrorPolicy
      expect(() => plan(stream => apply(stream, wrong))).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', details: { option: 'errors', value: 'ignore' } }),
      )
      expect(() => plan(stream => apply(stream, 'skip').deadLetters)).toThrow(/errors: 'deadLetter'/)
    })
  }

  it('takes what does not fit the shape for a failure', async () => {
    const misfit = (row: Input) => ({ n: row.id % 2 === 0 ? ('text' as unknown as number) : row.id })
    const ways = [
      (stream: Stream<Input>, errors: ErrorPolicy) => stream.map(misfit, { n: 'i32' }, { errors }),
      (stream: Stream<Input>, errors: ErrorPolicy) => stream.flatMap(row => [misfit(row)], { n: 'i32' }, { errors }),
      (stream: Stream<Input>, errors: ErrorPolicy) =>
        stream.select({ n: column('i32', row => misfit(row).n) }, { errors }),
    ]
    for (const apply of ways) {
      for (const batchRows of [1, 3]) {
        const { results, letters, dropped } = await run(apply, 'deadLetter', batchRows)
        expect(results).toEqual([{ n: 1 }, { n: 3 }])
        const reason = 'Field n takes a whole number, not the string "text"'
        expect(letters).toEqual([ROWS[1], ROWS[3]].map(row => ({ ...row, reason })))
        expect(dropped).toEqual({ failed: 2 })
      }
      const { error } = await run(apply, 'fail', 3)
      expect(error).toMatchObject({ code: 'TYPE_MISMATCH', details: { operator: 'it', field: 'n' } })
    }
  })
})
