import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  COALESCED_ACTIVE,
  COALESCED_IDLE,
  COALESCED_WATERMARK,
  NO_ID,
  RESULT_DETAIL,
  TIMESTAMP_NAN,
  TIMESTAMP_NULL,
  TIMESTAMP_RANGE,
  TYPE_F32,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  UNIT_MICROSECOND,
  UNIT_MILLISECOND,
  UNIT_NANOSECOND,
  UNIT_SECOND,
} from '../../assembly/abi.js'
import type { Kernel } from '../../src/kernel/module.js'
import { builds } from './builds.js'
import { CoalescerModel } from './coalescer-model.js'

const LIMIT = 8.64e15

interface Assigned {
  readonly timestamps: number[]
  readonly watermarks: number[]
  /** Row and reason. */
  readonly bad: [number, number][]
}

/** Assigns a whole column, skipping bad rows. */
function assign(
  kernel: Kernel,
  generator: number,
  values: Float64Array | Float32Array | Int32Array | BigInt64Array,
  type: number,
  unit: number,
  nulls: ReadonlySet<number> = new Set(),
): Assigned {
  const rows = values.length
  const source = kernel.allocate(rows * 8)
  const validity = kernel.allocate(rows / 8 + 1)
  const timestamps = kernel.allocate(rows * 8)
  const watermarks = kernel.allocate(rows * 8)
  kernel.u8.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), source)
  const bits = new Uint8Array(Math.ceil(rows / 8)).fill(255)
  for (const row of nulls) bits[row >> 3] = (bits[row >> 3] ?? 0) & ~(1 << (row & 7))
  kernel.u8.set(bits, validity)
  const result: Assigned = { timestamps: [], watermarks: [], bad: [] }
  for (let from = 0; from < rows; ) {
    const nullsAt = nulls.size === 0 ? 0 : validity
    const good = kernel.exports.timestampsAssign(
      generator,
      source,
      type,
      unit,
      nullsAt,
      from,
      rows,
      timestamps,
      watermarks,
    )
    result.timestamps.push(...new Float64Array(kernel.buffer, timestamps + from * 8, kernel.check(good, 'assigning')))
    result.watermarks.push(...new Float64Array(kernel.buffer, watermarks + from * 8, good))
    expect(kernel.resultNumber).toBe(Math.min(...new Float64Array(kernel.buffer, timestamps + from * 8, good)))
    from += good
    if (from < rows) result.bad.push([from++, kernel.resultWord(RESULT_DETAIL)])
  }
  for (const region of [source, validity, timestamps, watermarks]) kernel.release(region)
  return result
}

for (const build of builds) {
  describe(`timestamps and watermarks, ${build.name} build`, () => {
    const value = fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: -1000, max: 1000 }) },
      { weight: 3, arbitrary: fc.double({ min: -1000, max: 1000, noNaN: true }) },
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, LIMIT, -LIMIT, LIMIT + 2, -0),
    )

    it('put the watermark in force before each good row beside it', () => {
      const kernel = build.create()
      const nulls = fc.uniqueArray(fc.nat(40), { maxLength: 4 })
      fc.assert(
        fc.property(fc.array(value, { minLength: 1, maxLength: 41 }), nulls, fc.nat(50), (values, nullRows, bound) => {
          const nullSet = new Set(nullRows.filter(row => row < values.length))
          const generator = kernel.exports.watermarksCreate(bound)
          const got = assign(kernel, generator, Float64Array.from(values), TYPE_F64, UNIT_MILLISECOND, nullSet)
          const wanted: Assigned = { timestamps: [], watermarks: [], bad: [] }
          let highest = Number.NEGATIVE_INFINITY
          values.forEach((raw, row) => {
            const ms = Math.floor(raw) + 0
            const isNull = nullSet.has(row)
            if (isNull) wanted.bad.push([row, TIMESTAMP_NULL])
            else if (Number.isNaN(ms)) wanted.bad.push([row, TIMESTAMP_NAN])
            else if (Math.abs(ms) > LIMIT) wanted.bad.push([row, TIMESTAMP_RANGE])
            else {
              wanted.timestamps.push(ms)
              wanted.watermarks.push(highest - bound - 1)
              highest = Math.max(highest, ms)
            }
          })
          expect(got).toEqual(wanted)
          expect(kernel.exports.watermarksMax(generator)).toBe(highest)
          expect(kernel.exports.watermarksCurrent(generator)).toBe(highest - bound - 1)
          kernel.exports.watermarksRelease(generator)
        }),
        { numRuns: 200 },
      )
    })

    it.each([
      ['i64 ns', BigInt64Array.of(-1n, 1_999_999n), TYPE_I64, UNIT_NANOSECOND, [-1, 1]],
      ['i64 us', BigInt64Array.of(-1n, 1_999n), TYPE_I64, UNIT_MICROSECOND, [-1, 1]],
      ['i64 s', BigInt64Array.of(-1n, 7n), TYPE_I64, UNIT_SECOND, [-1000, 7000]],
      ['i64 ms', BigInt64Array.of(-1n, 7n), TYPE_I64, UNIT_MILLISECOND, [-1, 7]],
      ['i32 s', Int32Array.of(-1, 7), TYPE_I32, UNIT_SECOND, [-1000, 7000]],
      ['f32 ms', Float32Array.of(-0.5, 1.5), TYPE_F32, UNIT_MILLISECOND, [-1, 1]],
      ['f64 s', Float64Array.of(-0.0005, 1.2345), TYPE_F64, UNIT_SECOND, [-1, 1234]],
    ])('floor %s to whole ms', (_, values, type, unit, wanted) => {
      const kernel = build.create()
      expect(assign(kernel, kernel.exports.watermarksCreate(0), values, type, unit).timestamps).toEqual(wanted)
    })

    it('take ms in i64 as they take them in f64, up to the limit and beyond', () => {
      const kernel = build.create()
      const edges = [2n ** 51n, -(2n ** 51n), BigInt(LIMIT), -BigInt(LIMIT)].flatMap(edge => [
        edge - 1n,
        edge,
        edge + 1n,
      ])
      const time = fc.oneof(
        { weight: 4, arbitrary: fc.bigInt({ min: -1000n, max: 1000n }) },
        fc.constantFrom(...edges, -(2n ** 63n), 2n ** 63n - 1n),
      )
      fc.assert(
        fc.property(fc.array(time, { minLength: 1, maxLength: 41 }), times => {
          const assigned = [BigInt64Array.from(times), Float64Array.from(times, Number)].map(values => {
            const generator = kernel.exports.watermarksCreate(5)
            const type = values instanceof BigInt64Array ? TYPE_I64 : TYPE_F64
            const got = assign(kernel, generator, values, type, UNIT_MILLISECOND)
            kernel.exports.watermarksRelease(generator)
            return got
          })
          expect(assigned[0]).toEqual(assigned[1])
        }),
        { numRuns: 200 },
      )
    })

    it('refuse a bound that is negative, fractional or NaN', () => {
      const { exports } = build.create()
      expect([-1, 0.5, Number.NaN].map(bound => exports.watermarksCreate(bound))).toEqual([0, 0, 0])
    })
  })

  describe(`watermark coalescer, ${build.name} build`, () => {
    const operation = fc.record({
      input: fc.nat(999),
      what: fc.constantFrom('advance', 'advance', 'advance', 'advance', 'idle', 'active'),
      watermark: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(Number.POSITIVE_INFINITY)),
    })

    it('does what scanning all inputs at each step does, through export and import', () => {
      const kernel = build.create()
      const { exports } = kernel
      const run = fc.array(operation, { maxLength: 150 })
      fc.assert(
        fc.property(fc.constantFrom(1, 2, 3, 300), run, (inputs, operations) => {
          let coalescer = exports.coalescerCreate(inputs)
          const model = new CoalescerModel(inputs)
          operations.forEach(({ input: any, what, watermark }, step) => {
            const input = any % inputs
            const before = model.state()
            if (what === 'advance') model.advance(input, watermark)
            else if (what === 'idle') model.turnIdle(input)
            else model.turnActive(input)
            const after = model.state()
            const changed =
              what === 'advance'
                ? exports.coalescerAdvance(coalescer, input, watermark)
                : what === 'idle'
                  ? exports.coalescerIdle(coalescer, input)
                  : exports.coalescerActive(coalescer, input)
            expect(exports.coalescerWatermark(coalescer)).toBe(after.output)
            expect((changed & COALESCED_WATERMARK) !== 0).toBe(after.output > before.output)
            expect((changed & COALESCED_IDLE) !== 0).toBe(after.idle && !before.idle)
            expect((changed & COALESCED_ACTIVE) !== 0).toBe(!after.idle && before.idle)
            expect(exports.coalescerHolder(coalescer) >>> 0).toBe(after.holder ?? NO_ID)
            if (step % 17 === 16) {
              const bytes = exports.coalescerStateBytes(coalescer)
              const region = kernel.allocate(bytes)
              exports.coalescerExport(coalescer, region)
              exports.coalescerRelease(coalescer)
              coalescer = exports.coalescerCreate(inputs)
              expect(exports.coalescerImport(coalescer, region, bytes)).toBe(0)
              kernel.release(region)
            }
          })
          exports.coalescerRelease(coalescer)
        }),
        { numRuns: 80 },
      )
    })

    it('advances once the last of many inputs that march together has moved', () => {
      const { exports } = build.create()
      const coalescer = exports.coalescerCreate(1000)
      for (let time = 1; time < 4; time++) {
        for (let input = 0; input < 1000; input++) {
          expect(exports.coalescerAdvance(coalescer, input, time)).toBe(input === 999 ? COALESCED_WATERMARK : 0)
        }
      }
    })
  })
}
