import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Batch, Float64Column, schema } from '../../src/core/index.js'
import { createNdjsonEncoder } from '../../src/formats/ndjson.js'
import { Random } from '../formats/json-arbitraries.js'
import { setting } from '../platform/setting.js'
import { builds } from './builds.js'

const wanted = schema({ x: 'f64' })
const decoder = new TextDecoder()
/** Doubles a build; SABOT_DOUBLES=1000000 for a long run. */
const DOUBLES = setting('SABOT_DOUBLES', 100_000)
const AT_ONCE = 10_000

describe.each(builds)('doubles as text ($name)', ({ name, create }) => {
  const encoder = createNdjsonEncoder(create())

  function texts(values: Float64Array): string[] {
    const batch = new Batch({ schema: wanted, columns: [new Float64Column(values)], rowCount: values.length })
    const lines = decoder.decode(encoder.encode(batch)).split('\n')
    return lines.slice(0, -1).map(line => line.slice('{"x":'.length, -1))
  }

  function check(values: Float64Array): void {
    const expected = Array.from(values, value => (Number.isFinite(value) ? String(value) : 'null'))
    expect(texts(values)).toEqual(expected)
  }

  it('has the digits of JavaScript for doubles of any bits', () => {
    const random = new Random(7)
    const count = name === 'checked' ? DOUBLES / 10 : DOUBLES
    for (let done = 0; done < count; done += AT_ONCE) {
      const words = Uint32Array.from({ length: AT_ONCE * 2 }, () => random.below(2 ** 32))
      check(new Float64Array(words.buffer))
    }
  })

  it('has them at the edges: powers of two and ten, their neighbours, subnormals, the notations', () => {
    const values: number[] = [
      0,
      -0,
      Number.MAX_VALUE,
      Number.MIN_VALUE,
      5e-324,
      1e21,
      1e-7,
      123456789012345680000,
      2 ** 53,
    ]
    for (let power = -1074; power <= 1023; power++) values.push(2 ** power, -(2 ** power))
    for (let power = -323; power <= 308; power++) values.push(Number(`1e${power}`), Number(`9.5e${power}`))
    const neighbours = values.flatMap(value => {
      const words = new BigInt64Array(new Float64Array([value]).buffer)
      return [-1n, 0n, 1n].map(step => new Float64Array(words.map(word => word + step).buffer)[0] ?? 0)
    })
    check(Float64Array.from([...values, ...neighbours]))
  })

  it('has them for numbers of few digits', () => {
    const short = fc
      .tuple(fc.maxSafeInteger(), fc.integer({ min: -25, max: 10 }))
      .map(([n, power]) => Number(`${n}e${power}`))
    const value = fc.oneof(
      short,
      fc.double(),
      fc.integer().map(n => n / 1e6),
      fc.integer().map(n => n / 8),
    )
    fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), values => check(Float64Array.from(values))))
  })
})
