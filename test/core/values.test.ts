import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countSetBits,
  describeValue,
  ERROR_CODES,
  filledBitmap,
  floorDivideWords,
  formatDecimal,
  formatDuration,
  gatherBits,
  getBit,
  Int64Column,
  joinWords,
  nearestName,
  parseDecimal,
  parseDuration,
  SabotError,
  setBit,
  sliceBits,
  TimestampColumn,
  writeWords,
} from '../../src/core/index.js'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const scale = fc.integer({ min: 0, max: 18 })

describe('decimals', () => {
  it('parse and format are inverse', () => {
    fc.assert(
      fc.property(int64, scale, (scaled, digits) => {
        expect(parseDecimal(formatDecimal(scaled, digits), digits)).toBe(scaled)
      }),
    )
  })

  it('format is the exact quotient', () => {
    expect(formatDecimal(1230n, 2)).toBe('12.30')
    expect(formatDecimal(-5n, 3)).toBe('-0.005')
    expect(formatDecimal(-(2n ** 63n), 0)).toBe('-9223372036854775808')
  })

  it.each(['', '.', '1.', '.5', '1e3', '0x1', ' 1', '1,5', 'NaN', '--1'])('%j is no decimal', text => {
    expect(() => parseDecimal(text, 2)).toThrow(expect.objectContaining({ code: 'DECIMAL_INVALID' }))
  })

  it('refuses digits beyond the scale, but not zeros, and what leaves 64 bits', () => {
    expect(() => parseDecimal('1.234', 2)).toThrow(/more than 2 digits/)
    expect(parseDecimal('+1.2300', 2)).toBe(123n)
    expect(() => parseDecimal('9223372036854775808', 0)).toThrow(expect.objectContaining({ code: 'OUT_OF_RANGE' }))
    expect(parseDecimal('-9223372036854775808', 0)).toBe(-(2n ** 63n))
  })
})

describe('64-bit words', () => {
  it('join what they were written as, and agree with BigInt', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), value => {
        const values = new BigInt64Array(2)
        const words = new Int32Array(values.buffer)
        writeWords(words, 1, value)
        expect(values[1]).toBe(BigInt(value))
        expect(joinWords(words[2] ?? 0, words[3] ?? 0)).toBe(value)
        const column = new Int64Column(values)
        expect(column.number(1)).toBe(value)
        expect(BigInt(column.high(1)) * 2n ** 32n + BigInt(column.low(1))).toBe(BigInt(value))
      }),
    )
  })

  it('divide towards −∞ exactly', () => {
    const divisor = fc.constantFrom(1000, 1_000_000)
    const near = fc.tuple(
      fc.bigInt({ min: -9_000_000_000_000n, max: 9_000_000_000_000n }),
      fc.integer({ min: -1, max: 1 }),
    )
    const value = fc.oneof(
      int64,
      near.map(([ms, more]) => ms * 1_000_000n + BigInt(more)),
    )
    fc.assert(
      fc.property(value, divisor, (integer, by) => {
        const words = new Int32Array(BigInt64Array.of(integer).buffer)
        const cut = integer / BigInt(by)
        const floor = integer % BigInt(by) < 0n ? cut - 1n : cut
        fc.pre(floor >= -(2n ** 53n) && floor <= 2n ** 53n)
        expect(floorDivideWords(words[0] ?? 0, words[1] ?? 0, by)).toBe(Number(floor))
      }),
      { numRuns: 1000 },
    )
  })

  it('timestamps are the milliseconds that went in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -8.64e15, max: 8.64e15 })), millis => {
        const column = TimestampColumn.fromMillis(Float64Array.from(millis))
        expect(millis.map((_, row) => column.value(row))).toEqual(millis)
        expect([...column.toMillis()]).toEqual(millis)
        expect([...column.values]).toEqual(millis.map(BigInt))
      }),
    )
  })
})

describe('bitmaps', () => {
  it('are lists of booleans', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 70 }), fc.nat(70), fc.nat(70), (bits, a, b) => {
        const bitmap = filledBitmap(bits.length)
        expect(countSetBits(bitmap, bits.length)).toBe(bits.length)
        for (const [index, bit] of bits.entries()) setBit(bitmap, index, bit)
        expect(bits.map((_, index) => getBit(bitmap, index))).toEqual(bits)
        expect(countSetBits(bitmap, bits.length)).toBe(bits.filter(bit => bit).length)
        const from = Math.min(a, b, bits.length)
        const to = Math.min(Math.max(a, b), bits.length)
        const slice = sliceBits(bitmap, from, to)
        expect(bits.slice(from, to)).toEqual(Array.from({ length: to - from }, (_, index) => getBit(slice, index)))
        const reversed = Uint32Array.from(bits.keys()).reverse()
        const gathered = gatherBits(bitmap, reversed)
        expect(bits.toReversed()).toEqual(bits.map((_, index) => getBit(gathered, index)))
      }),
    )
  })
})

describe('durations', () => {
  it.each([
    ['2h', 7_200_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['1.1s', 1100],
    ['250ms', 250],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['0s', 0],
    [1500, 1500],
  ])('%s is %d ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms)
  })

  it.each([
    '',
    'h',
    '2',
    '2 hours',
    '-1h',
    '1m1h',
    '1h1h',
    '1.0001ms',
    '1e3s',
    Number.NaN,
    -1,
    0.5,
    Number.POSITIVE_INFINITY,
  ])('%s is none', value => {
    expect(() => parseDuration(value)).toThrow(expect.objectContaining({ code: 'INVALID_DURATION' }))
  })

  it('format and parse are inverse', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.nat(1_000_000_000)), ms => {
        expect(parseDuration(formatDuration(Math.abs(ms)))).toBe(Math.abs(ms))
      }),
    )
    expect(formatDuration(5_400_000)).toBe('1h30m')
    expect(formatDuration(604_800_000)).toBe('1w')
    expect(formatDuration(0)).toBe('0ms')
  })
})

describe('errors', () => {
  it('carry code, values and cause', () => {
    const cause = new Error('why')
    const error = new SabotError('OUT_OF_RANGE', 'too much', { value: 5 }, { cause })
    expect(error).toMatchObject({ name: 'SabotError', code: 'OUT_OF_RANGE', details: { value: 5 }, cause })
    expect(error).toBeInstanceOf(Error)
    expect(Object.keys(ERROR_CODES).every(code => /^[A-Z][A-Z_]+$/.test(code))).toBe(true)
  })

  it('describe any value in a line', () => {
    expect([-0, 1n, 'a"b', null, undefined, [1], {}, new Date(Number.NaN), new Map()].map(describeValue)).toEqual([
      '-0',
      '1n',
      '"a\\"b"',
      'null',
      'undefined',
      'an array of 1',
      'an object',
      'Invalid Date',
      'an object of Map',
    ])
    fc.assert(
      fc.property(fc.anything(), value => {
        expect(describeValue(value).length).toBeLessThanOrEqual(80)
      }),
    )
  })

  it('nearest names are near', () => {
    expect(nearestName('tiem', ['time', 'date'])).toBe('time')
    expect(nearestName('xyz', ['time', 'date'])).toBeUndefined()
  })
})
