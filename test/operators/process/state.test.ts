import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { ALL_KEY_GROUPS, keyGroupRange } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import type { OperatorContext, OperatorState } from '../../../src/operators/operator.js'
import { processOperator } from '../../../src/operators/process/process-operator.js'
import {
  aggregatingState,
  listState,
  mapState,
  reducingState,
  type StateDescriptors,
  valueState,
} from '../../../src/operators/process/state-descriptors.js'
import { decodeValue, encodeValue, encodeValueInPlace } from '../../../src/operators/process/state-json.js'
import { HARNESS_MODES, type TestElement } from '../../../src/testing/operator-harness.js'
import { type Functions, kernel, rowsOf, runProcess, settingsOf } from './process-driver.js'

const schema = Schema.of({ key: 'utf8', value: 'f64' })
const row = (key: string, value: number, timestamp = 0, watermark = Number.NEGATIVE_INFINITY): TestElement => ({
  kind: 'row',
  row: { key, value },
  timestamp,
  watermark,
})

/** One operator by hand: what it puts out goes nowhere. */
function open(functions: Functions, keyGroups = ALL_KEY_GROUPS) {
  const out: object[] = []
  const context: OperatorContext = {
    id: 'counted',
    kernel: kernel(),
    output: {
      batch: batch => out.push(...(batch.toRows() as object[])),
      side: () => {},
      watermark: () => {},
      idle: () => {},
      active: () => {},
    },
    keyGroups,
    processingTime: { now: () => 0, wakeAt: () => {} },
    wake: () => {},
  }
  const operator = processOperator(settingsOf(functions, { key: 'utf8', seen: 'utf8' }))(context)
  const run = (rows: readonly object[]): object[] => {
    const builder = new BatchBuilder(schema)
    for (const each of rows) builder.append(each)
    const times = new Float64Array(rows.length)
    const steps = operator.onBatch(builder.finish().with({ timestamps: times, watermarks: times }), 0)
    while (steps?.next().done === false) {
      // All of it.
    }
    return out.splice(0)
  }
  return { operator, run }
}

/** Shows all states of the key, then changes them. */
function all(state: StateDescriptors, more: Partial<Functions> = {}): Functions {
  return {
    state,
    onRecord: (record, { key, state: states, emit }) => {
      const seen = Object.entries(states as Record<string, Record<string, unknown>>).map(([name, handle]) => {
        const { get, entries } = handle as { get(): unknown; entries?(): Iterable<unknown> }
        const shown = JSON.stringify(entries === undefined ? get.call(handle) : [...entries.call(handle)]) ?? 'none'
        const { set, add } = handle as { set?(...args: unknown[]): void; add?(value: unknown): void }
        if (entries !== undefined) set?.call(handle, `k${record.value}`, record.value)
        else if (add !== undefined) add.call(handle, record.value)
        else set?.call(handle, record.value)
        return `${name}=${shown}`
      })
      emit({ key, seen: seen.join(' ') })
    },
    ...more,
  }
}

const everyKind = {
  last: valueState<number>(),
  every: listState<number>(),
  named: mapState<string, number>(),
  total: reducingState<number>((a, b) => a + b),
  mean: aggregatingState({
    create: () => ({ sum: 0, count: 0 }),
    add: (kept, value: number) => ({ sum: kept.sum + value, count: kept.count + 1 }),
    result: ({ sum, count }) => sum / count,
  }),
}

describe('keyed state', () => {
  it.each(HARNESS_MODES)('of every kind is kept by key: $name', mode => {
    const elements = [row('a', 1), row('b', 5), row('a', 3), row('a', 2)]
    expect(rowsOf(runProcess(all(everyKind), { key: 'utf8', seen: 'utf8' }, schema, elements, mode))).toEqual([
      { key: 'a', seen: 'last=none every=[] named=[] total=none mean=none' },
      { key: 'b', seen: 'last=none every=[] named=[] total=none mean=none' },
      { key: 'a', seen: 'last=1 every=[1] named=[["k1",1]] total=1 mean=1' },
      { key: 'a', seen: 'last=3 every=[1,3] named=[["k1",1],["k3",3]] total=4 mean=2' },
    ])
  })

  it('is split and merged by key group', () => {
    const rows = Array.from({ length: 60 }, (_, index) => ({ key: `k${index % 20}`, value: index }))
    const whole = open(all(everyKind))
    whole.run(rows)
    const state = whole.operator.snapshot()
    const halves = [0, 1].map(index => {
      const half = open(all(everyKind), keyGroupRange(index, 2, 128))
      half.operator.restore([state])
      return half
    })
    const kept = halves.map(({ operator }) => operator.gauges().keys ?? 0)
    expect(Math.min(...kept)).toBeGreaterThan(3)
    expect(kept.reduce((sum, keys) => sum + keys)).toBe(20)
    const merged = open(all(everyKind))
    merged.operator.restore(halves.map(({ operator }) => operator.snapshot()))
    const next = Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, value: 0 }))
    expect(merged.run(next)).toEqual(whole.run(next))
  })

  it('has snapshots that do not depend on how rows were cut into batches', () => {
    const functions: Functions = {
      ...all(everyKind),
      onRecord: (record, context) => {
        if (record.value === 0) {
          for (const handle of Object.values(context.state as Record<string, { clear(): void }>)) handle.clear()
        } else all(everyKind).onRecord(record, context)
      },
    }
    const rows = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), value: fc.nat({ max: 3 }) }), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 7 }), (each, size) => {
        const batched = open(functions)
        for (let from = 0; from < each.length; from += size) batched.run(each.slice(from, from + size))
        const single = open(functions)
        for (const one of each) single.run([one])
        expect(batched.operator.snapshot()).toEqual(single.operator.snapshot())
      }),
      { numRuns: 60 },
    )
  })

  it('lets go of keys for which nothing is kept', () => {
    const functions: Functions = {
      state: { value: valueState<number>() },
      onRecord: (record, { state, timers }) => {
        if (record.value >= 0) {
          state.value.set(record.value)
          timers.registerEventTime(1e6 + record.value)
        } else {
          state.value.clear()
          timers.deleteEventTime(1e6 - record.value)
        }
      },
    }
    const { operator, run } = open(functions)
    for (let round = 0; round < 40; round++) {
      const keys = Array.from({ length: 100 }, (_, index) => `${round} ${index}`)
      run(keys.map(key => ({ key, value: 7 })))
      run(keys.map(key => ({ key, value: -7 })))
    }
    expect(operator.gauges().keys).toBeLessThan(2_500)
    operator.snapshot()
    expect(operator.gauges().keys).toBe(0)
  })

  describe('with a time to live', () => {
    const ttl = { after: 10, time: 'event' } as const
    const living = {
      last: valueState<number>({ ttl }),
      every: listState<number>({ ttl }),
      named: mapState<string, number>({ ttl }),
      total: reducingState<number>((a, b) => a + b, { ttl }),
    }
    it.each(HARNESS_MODES)('by event time goes when the watermark reaches it: $name', mode => {
      const elements = [
        row('a', 1, 0, -5),
        row('a', 2, 6, -5),
        row('a', 3, 12, 9),
        row('a', 4, 12, 10),
        row('a', 5, 12, 16),
        row('b', 0, 30, 40),
        row('a', 6, 45, 40),
        // Late: what it writes counts from the watermark.
        row('b', 7, 5, 44),
        row('b', 8, 60, 53),
        row('b', 9, 60, 54),
        { kind: 'watermark', timestamp: 70 } as const,
        row('b', 9, 80, 70),
      ]
      const seen = rowsOf(runProcess(all(living), { key: 'utf8', seen: 'utf8' }, schema, elements, mode))
      expect(seen.map(shown => (shown as { seen: string }).seen)).toEqual([
        'last=none every=[] named=[] total=none',
        'last=1 every=[1] named=[["k1",1]] total=1',
        'last=2 every=[1,2] named=[["k1",1],["k2",2]] total=3',
        'last=3 every=[2,3] named=[["k2",2],["k3",3]] total=6',
        'last=4 every=[3,4] named=[["k3",3],["k4",4]] total=10',
        'last=none every=[] named=[] total=none',
        'last=none every=[] named=[] total=none',
        'last=0 every=[0] named=[["k0",0]] total=0',
        'last=7 every=[7] named=[["k7",7]] total=7',
        'last=8 every=[8] named=[["k8",8]] total=15',
        'last=none every=[] named=[] total=none',
      ])
    })

    it.each(HARNESS_MODES)('by processing time goes by the clock: $name', mode => {
      const by = { ttl: { after: 10, time: 'processing' } as const }
      const states = {
        last: valueState<number>(by),
        every: listState<number>(by),
        named: mapState<string, number>(by),
      }
      const at = (timestamp: number): TestElement => ({ kind: 'processing-time', timestamp })
      const elements = [row('a', 1), at(6), row('a', 2), at(12), row('a', 3), at(40), row('a', 4)]
      const seen = rowsOf(runProcess(all(states), { key: 'utf8', seen: 'utf8' }, schema, elements, mode))
      expect(seen.map(shown => (shown as { seen: string }).seen)).toEqual([
        'last=none every=[] named=[]',
        'last=1 every=[1] named=[["k1",1]]',
        'last=2 every=[2] named=[["k2",2]]',
        'last=none every=[] named=[]',
      ])
    })
  })

  describe('that does not fit', () => {
    const shot = (state: StateDescriptors): OperatorState => {
      const { operator, run } = open(all(state))
      run([
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ])
      return operator.snapshot()
    }
    const restore = (from: StateDescriptors, to: StateDescriptors, more: Partial<Functions> = {}) => {
      const { operator, run } = open(all(to, more))
      operator.restore([shot(from)])
      return run([{ key: 'a', value: 0 }])
    }

    it('is refused by name before the job starts', () => {
      const refused = (from: StateDescriptors, to: StateDescriptors, message: RegExp) =>
        expect(() => restore(from, to)).toThrow(
          expect.objectContaining({ code: 'STATE_MISMATCH', message: expect.stringMatching(message) }),
        )
      refused({ n: valueState() }, { n: listState() }, /counted: state n is declared as list.* holds a value state/)
      refused({ n: valueState() }, {}, /state n is in the checkpoint .* no longer declared/)
      refused({ n: valueState() }, { n: valueState({ version: 2 }) }, /state n is of version 1 .* migrate/)
      refused({ n: valueState({ version: 3 }) }, { n: valueState({ version: 2 }) }, /version 3 .* newer/)
      refused({ constructor: valueState() }, {}, /state constructor is in the checkpoint/)
    })

    it('is migrated, discarded, or new', () => {
      const seenOf = (rows: readonly object[]) => rows.map(each => (each as { seen: string }).seen)
      const migrate = (old: unknown, version: number) => Number(old) * 10 + version
      const newer = { version: 2, migrate }
      expect(
        seenOf(
          restore(
            { v: valueState(), l: listState(), m: mapState(), r: reducingState<number>((a, b) => a + b) },
            {
              r: reducingState<number>((a, b) => a + b, newer),
              m: mapState<string, number>(newer),
              l: listState<number>(newer),
              v: valueState<number>(newer),
              added: valueState<number>(),
            },
          ),
        ),
      ).toEqual(['r=11 m=[["k1",11]] l=[11] v=11 added=none'])
      expect(seenOf(restore({ v: valueState(), w: valueState() }, { w: valueState() }, { discard: ['v'] }))).toEqual([
        'w=1',
      ])
      const failing = valueState<number>({
        version: 2,
        migrate: () => {
          throw new Error('cannot')
        },
      })
      expect(() => restore({ v: valueState() }, { v: failing })).toThrow(/migrate of state v threw .*: cannot/)
    })

    it('is refused by name when it cannot be written', () => {
      const { operator, run } = open({
        state: { odd: valueState<unknown>() },
        onRecord: (_, { state }) => state.odd.set({ run: () => {} }),
      })
      run([{ key: 'a', value: 1 }])
      expect(() => operator.snapshot()).toThrow(
        expect.objectContaining({
          code: 'STATE_VALUE_INVALID',
          message: expect.stringContaining('Operator counted, state odd: function run cannot be kept'),
        }),
      )
    })
  })

  it('refuses options that make no sense', () => {
    expect(() => valueState({ version: 0 })).toThrow(/version/)
    expect(() => valueState({ ttl: { after: 0, time: 'event' } })).toThrow(/ttl/)
    expect(() => valueState({ ttl: { after: '1h', time: 'sometimes' as 'event' } })).toThrow(/ttl/)
  })
})

describe('values of state as JSON', () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 4 }),
  )
  const value = fc.letrec(tie => ({
    any: fc.oneof({ depthSize: 'small' }, leaf, tie('list'), tie('object'), tie('map'), tie('set')),
    list: fc.array(tie('any'), { maxLength: 3 }),
    object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$map', '$', '__proto__')), tie('any'), { maxKeys: 3 }),
    map: fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 3 }).map(entries => new Map(entries)),
    set: fc.array(tie('any'), { maxLength: 3 }).map(values => new Set(values)),
  })).any

  it('come back as they were', () => {
    fc.assert(
      fc.property(value, original => {
        const text = JSON.stringify(encodeValue(original))
        expect(JSON.stringify(encodeValueInPlace(original))).toBe(text)
        const back = decodeValue(JSON.parse(text))
        expect(back).toEqual(original)
      }),
      { numRuns: 300 },
    )
    expect(decodeValue(JSON.parse(JSON.stringify(encodeValue(-0))))).toBe(-0)
    for (const member of [-0, Number.NaN, 1n, undefined, new Date(1), 'x', null, true, 1.5]) {
      for (const record of [{ member }, { $member: member }, { ['__proto__']: member }, Object.create(null)]) {
        expect(JSON.stringify(encodeValueInPlace(record))).toBe(JSON.stringify(encodeValue(record)))
      }
    }
  })
})
