import { describe, expect, it } from 'vitest'
import { decimal, type Float64Column, schema } from '../../src/core/index.js'
import { builds } from '../kernel/builds.js'
import { setting } from '../platform/setting.js'
import { numberText, Random } from './json-arbitraries.js'
import { decodeJson } from './json-running.js'

/** Texts a build. */
const NUMBERS = setting('SABOT_JSON_NUMBERS', 350_000)

const view = new DataView(new ArrayBuffer(8))

function bitsOf(value: number): bigint {
  view.setFloat64(0, value)
  return view.getBigUint64(0)
}

function doubleOf(bits: bigint): number {
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

function randomDouble(random: Random): number {
  view.setUint32(0, random.below(2 ** 32))
  view.setUint32(4, random.below(2 ** 32))
  const value = view.getFloat64(0)
  return Number.isFinite(value) ? value : random.below(2 ** 32)
}

/** The exact decimal text of the point half way between a positive double and the next one. */
function halfway(value: number): string {
  const bits = bitsOf(value)
  const exponentBits = Number(bits >> 52n) & 0x7ff
  const fraction = bits & 0xfffffffffffffn
  // value = mantissa * 2^exponent; half way is (2 * mantissa + 1) * 2^(exponent - 1).
  const mantissa = exponentBits === 0 ? fraction : fraction | 0x10000000000000n
  const exponent = Math.max(exponentBits, 1) - 1075 - 1
  const odd = mantissa * 2n + 1n
  if (exponent >= 0) return String(odd << BigInt(exponent))
  const digits = String(odd * 5n ** BigInt(-exponent)).padStart(-exponent + 1, '0')
  return `${digits.slice(0, exponent)}.${digits.slice(exponent)}`
}

function hardText(random: Random): string {
  const value = Math.abs(randomDouble(random))
  return random.pick([
    () => String(randomDouble(random)),
    () => randomDouble(random).toExponential(random.below(21)),
    () => String(doubleOf(BigInt(random.below(2 ** 32)))),
    () => String(doubleOf(BigInt(random.below(2 ** 32)) << 20n)),
    () => {
      const text = halfway(value)
      return text.length > 800 ? '1' : text
    },
    () => {
      const text = halfway(value)
      const shifted = text.includes('.') ? text : `${text}.0`
      return shifted.length > 800 ? '2' : `${shifted}${'0'.repeat(random.below(9))}${random.below(2)}`
    },
    () =>
      `${random.below(10)}${Array.from({ length: random.below(40) }, () => random.below(10)).join('')}`.replace(
        /^0+(?=\d)/,
        '',
      ),
    () => `${random.below(10)}.${Array.from({ length: 1 + random.below(40) }, () => random.below(10)).join('')}`,
    () => `${random.below(2 ** 32)}${random.below(2 ** 32)}e${random.below(700) - 360}`,
    () => `0.${'0'.repeat(random.below(340))}${random.below(2 ** 32)}`,
    () => numberText(random),
  ])()
}

const EDGES = [
  '0',
  '-0',
  '0.0',
  '-0.0',
  '0e400',
  '-0e-400',
  '1e400',
  '-1e400',
  '1e-400',
  '5e-324',
  '2.5e-324',
  '2.4703282292062327e-324',
  '2.4703282292062328e-324',
  '4.9406564584124654e-324',
  '2.2250738585072011e-308',
  '2.2250738585072014e-308',
  '1.7976931348623157e308',
  '1.7976931348623158e308',
  '1.7976931348623159e308',
  '179769313486231580793e289',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9007199254740994',
  '9007199254740993.0',
  '9007199254740992.9999',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '1e22',
  '1e23',
  '9e22',
  '123456789e-22',
  '8.988465674311580e307',
  '0.1',
  '0.2',
  '0.3',
  '1.0000000000000002',
  '1.00000000000000011102230246251565404236316680908203125',
  '1.00000000000000011102230246251565404236316680908203124',
  '1.00000000000000011102230246251565404236316680908203126',
  '7.2057594037927933e16',
  '1E5',
  '1e+5',
  '1e-5',
  '1e0',
  '1e00',
  '1e0000000000000000000001',
  '1e99999999999999999999',
  '1e-99999999999999999999',
  `1${'0'.repeat(308)}`,
  `1${'0'.repeat(309)}`,
  `0.${'0'.repeat(322)}49`,
  `0.${'0'.repeat(400)}1e401`,
  `1${'0'.repeat(400)}e-400`,
  '12345678',
  '123456789',
  '1234567890123456',
  '12345678901234567',
  '1234567890123456789',
  '12345678901234567890',
  '0.12345678',
  '1.12345678',
  '1.123456789',
  '1.1234567890123456',
  '12345678.12345678',
  '1234567.890123456789012',
]

describe.each(builds)('numbers of JSON, $name build', build => {
  it('are the double that Number(text) is, to the last bit', () => {
    const random = new Random(31)
    const kernel = build.create()
    const type = schema({ x: 'f64' })
    for (let done = 0; done < NUMBERS; done += 2000) {
      const texts = [...(done === 0 ? EDGES : []), ...Array.from({ length: 2000 }, () => hardText(random))]
      const { batches, rejected } = decodeJson(kernel, type, texts.map(text => `{"x":${text}}`).join('\n'))
      expect(rejected.map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual([])
      const values = batches.flatMap(({ batch }) => Array.from((batch.column('x') as Float64Column).values))
      for (const [index, text] of texts.entries()) {
        const value = values[index] ?? Number.NaN
        if (!Object.is(value, Number(text))) expect(`${text} -> ${value}`).toBe(`${text} -> ${Number(text)}`)
      }
      expect(values.length).toBe(texts.length)
    }
  })

  it('are rounded to f32 from the double', () => {
    const random = new Random(32)
    const kernel = build.create()
    const texts = Array.from({ length: 3000 }, () => hardText(random))
    const { rows } = decodeJson(kernel, schema({ x: 'f32' }), texts.map(text => `{"x":${text}}`).join('\n'))
    expect(rows).toEqual(texts.map(text => ({ x: Math.fround(Number(text)) })))
  })

  it('are exact in i64, or rejected with the reason', () => {
    const random = new Random(33)
    const kernel = build.create()
    const cases = Array.from({ length: 3000 }, () => {
      const digits = Array.from({ length: 1 + random.below(22) }, () => random.below(10))
        .join('')
        .replace(/^0+(?=\d)/, '')
      const exponent = random.below(8)
      const point = random.below(digits.length)
      const whole = digits.slice(0, digits.length - point)
      const text = `${random.pick(['', '-'])}${whole}${point === 0 ? '' : `.${digits.slice(-point)}`}${exponent === 0 ? '' : `e${exponent}`}`
      const scaled = BigInt(digits) * 10n ** BigInt(exponent)
      const divisor = 10n ** BigInt(point)
      const value = (scaled / divisor) * (text.startsWith('-') ? -1n : 1n)
      return { text, value: scaled % divisor === 0n ? value : undefined }
    })
    cases.push(
      { text: '9223372036854775807', value: 2n ** 63n - 1n },
      { text: '9223372036854775808', value: 2n ** 63n },
      { text: '-9223372036854775808', value: -(2n ** 63n) },
      { text: '-9223372036854775809', value: -(2n ** 63n) - 1n },
      { text: '9007199254740993', value: 9007199254740993n },
      { text: '92233720368547758070e-1', value: 2n ** 63n - 1n },
      { text: '0e999', value: 0n },
      { text: '-0', value: 0n },
    )
    const { rows, rejected } = decodeJson(
      kernel,
      schema({ x: 'i64' }),
      cases.map(({ text }) => `{"x":${text}}`).join('\n'),
    )
    const fits = (value: bigint | undefined): boolean => value !== undefined && BigInt.asIntN(64, value) === value
    expect(rows).toEqual(cases.filter(({ value }) => fits(value)).map(({ value }) => ({ x: value })))
    const refused = cases.flatMap(({ value }, index) => (fits(value) ? [] : [{ value, line: index + 1 }]))
    expect(rejected.map(({ line }) => line)).toEqual(refused.map(({ line }) => line))
    // What is both too large and a fraction may be told either way.
    for (const [index, { value }] of refused.entries()) {
      if (value !== undefined) expect(rejected[index]?.reason).toBe('OUT_OF_RANGE')
    }
    expect(rejected.some(({ reason }) => reason === 'NOT_EXACT')).toBe(true)
  })

  it('are exact decimals, from numbers and from texts', () => {
    const texts = [
      '12.3',
      '"12.30"',
      '-0.05',
      '1e2',
      '92233720368547758.07',
      '12.300000',
      '1.5e1',
      '"\\u0031.5"',
      '0',
      '-0',
    ]
    const wrong = [
      '12.345',
      '92233720368547758.08',
      '"12.3 "',
      '"x"',
      '""',
      '1e17',
      'true',
      '"+1"',
      '"01"',
      '"1"2',
      '1.',
    ]
    const lines = [...texts, ...wrong].map(text => `{"x":${text}}`).join('\n')
    const { rows, rejected } = decodeJson(build.create(), schema({ x: decimal(2) }), lines)
    const expected = [
      '12.30',
      '12.30',
      '-0.05',
      '100.00',
      '92233720368547758.07',
      '12.30',
      '15.00',
      '1.50',
      '0.00',
      '0.00',
    ]
    expect(rows).toEqual(expected.map(x => ({ x })))
    expect(rejected.map(({ reason }) => reason)).toEqual([
      'NOT_EXACT',
      'OUT_OF_RANGE',
      'WRONG_TYPE',
      'WRONG_TYPE',
      'WRONG_TYPE',
      'OUT_OF_RANGE',
      'WRONG_TYPE',
      'WRONG_TYPE',
      'WRONG_TYPE',
      'SYNTAX',
      'SYNTAX',
    ])
  })
})
