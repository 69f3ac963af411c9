import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schema } from '../../../src/core/schema.js'
import { nullable } from '../../../src/core/types.js'
import { mapState, valueState } from '../../../src/operators/process/state-descriptors.js'
import { HARNESS_MODES, type HarnessMode, type TestElement } from '../../../src/testing/operator-harness.js'
import { type Functions, rowsOf, runProcess } from './process-driver.js'

const schema = Schema.of({ key: nullable('utf8'), value: 'f64' })
const END = { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY } as const
const mode = HARNESS_MODES[0] as HarnessMode

const row = (key: string | null, value: number, timestamp = 0, watermark = Number.NEGATIVE_INFINITY): TestElement => ({
  kind: 'row',
  row: { key, value },
  timestamp,
  watermark,
})

describe('process functions', () => {
  it.each(HARNESS_MODES)('keep state by key: $name', mode => {
    const count: Functions = {
      state: { count: valueState<number>(), seen: mapState<number, string>() },
      onRecord: (record, { key, state, emit }) => {
        state.count.set((state.count.get() ?? 0) + 1)
        state.seen.set(record.value, 'x')
        emit({ key, count: state.count.get(), distinct: state.seen.size })
        if (state.count.get() < 3) return
        state.count.clear()
        state.seen.clear()
      },
    }
    const keys = ['a', null, 'a', '__proto__', 'a', null, 'a', 'constructor']
    const elements = keys.map((key, index) => row(key, index % 3))
    expect(
      rowsOf(runProcess(count, { key: nullable('utf8'), count: 'i32', distinct: 'i32' }, schema, elements, mode)),
    ).toEqual([
      { key: 'a', count: 1, distinct: 1 },
      { key: null, count: 1, distinct: 1 },
      { key: 'a', count: 2, distinct: 2 },
      { key: '__proto__', count: 1, distinct: 1 },
      { key: 'a', count: 3, distinct: 3 },
      { key: null, count: 2, distinct: 2 },
      { key: 'a', count: 1, distinct: 1 },
      { key: 'constructor', count: 1, distinct: 1 },
    ])
  })

  const timers: Functions = {
    onRecord: (record, { timers }) => {
      if (record.value >= 0) timers.registerEventTime(record.value)
      else timers.deleteEventTime(-record.value)
    },
    onTimer: (timer, context) => {
      context.emit({ key: context.key, time: timer.time, watermark: context.watermark })
      // Every timer below 40 sets another.
      if (timer.time < 40) context.timers.registerEventTime(timer.time + 7)
      if (timer.time % 5 === 0) context.timers.deleteEventTime(timer.time + 3)
    },
  }
  const timerShape = { key: nullable('utf8'), time: 'f64', watermark: 'f64' } as const

  /** Record by record over a sorted list. */
  function timerOracle(elements: readonly TestElement[]): object[] {
    let pending: { key: string; time: number; order: number }[] = []
    let order = 0
    let current = Number.NEGATIVE_INFINITY
    const out: object[] = []
    const register = (key: string, time: number): void => {
      if (!pending.some(timer => timer.key === key && timer.time === time)) pending.push({ key, time, order: order++ })
    }
    const remove = (key: string, time: number): void => {
      pending = pending.filter(timer => timer.key !== key || timer.time !== time)
    }
    const fire = (watermark: number): void => {
      current = Math.max(current, watermark)
      for (;;) {
        pending.sort((a, b) => a.time - b.time || a.order - b.order)
        const [first] = pending
        if (first === undefined || first.time > current) return
        remove(first.key, first.time)
        out.push({ key: first.key, time: first.time, watermark: current })
        if (first.time < 40) register(first.key, first.time + 7)
        if (first.time % 5 === 0) remove(first.key, first.time + 3)
      }
    }
    for (const element of elements) {
      if (element.kind === 'watermark') fire(element.timestamp)
      if (element.kind !== 'row') continue
      fire(element.watermark ?? current)
      const { key, value } = element.row as { key: string; value: number }
      if (value >= 0) register(key, value)
      else remove(key, -value)
      fire(current)
    }
    return out
  }

  it('fire timers as a sorted list does, however rows are cut into batches', () => {
    const steps = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        value: fc.integer({ min: -60, max: 90 }),
        after: fc.constantFrom(0, 0, 1, 3, 20),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, fc.constantFrom(...HARNESS_MODES), (all, mode) => {
        let watermark = -10
        const elements: TestElement[] = all.map(({ key, value, after }) => {
          watermark += after
          return row(key, value, watermark + 5, watermark)
        })
        elements.push({ kind: 'watermark', timestamp: watermark + 30 }, END)
        expect(rowsOf(runProcess(timers, timerShape, schema, elements, mode))).toEqual(timerOracle(elements))
      }),
      { numRuns: 120 },
    )
  })

  it('emit a timer with its time, before the watermark that fired it', () => {
    const outputs = runProcess(timers, timerShape, schema, [row('a', 100, 50, 10), row('b', 7, 300, 120)], mode)
    expect(outputs).toEqual([
      { output: 'main', row: { key: 'a', time: 100, watermark: 120 }, timestamp: 100, watermark: 10 },
      // In the past: at once.
      { output: 'main', row: { key: 'b', time: 7, watermark: 120 }, timestamp: 7, watermark: 120 },
      { output: 'main', row: { key: 'b', time: 14, watermark: 120 }, timestamp: 14, watermark: 120 },
      { output: 'main', row: { key: 'b', time: 21, watermark: 120 }, timestamp: 21, watermark: 120 },
      { output: 'main', row: { key: 'b', time: 28, watermark: 120 }, timestamp: 28, watermark: 120 },
      { output: 'main', row: { key: 'b', time: 35, watermark: 120 }, timestamp: 35, watermark: 120 },
      { output: 'main', row: { key: 'b', time: 42, watermark: 120 }, timestamp: 42, watermark: 120 },
    ])
  })

  it.each(HARNESS_MODES)('fire processing-time timers by the clock: $name', mode => {
    const clock: Functions = {
      onRecord: (record, { timers }) => {
        timers.registerProcessingTime(record.value)
        timers.deleteProcessingTime(40)
      },
      onTimer: (timer, context) => {
        context.emit({ key: `${context.key} ${timer.domain}`, time: timer.time, now: context.processingTime })
        if (timer.time === 10) context.timers.registerProcessingTime(15)
      },
    }
    const at = (timestamp: number): TestElement => ({ kind: 'processing-time', timestamp })
    const elements = [row('a', 20), row('b', 10), row('a', 20), row('c', 40), at(9), at(12), row('b', 30), at(50)]
    expect(rowsOf(runProcess(clock, { key: 'utf8', time: 'f64', now: 'f64' }, schema, elements, mode))).toEqual([
      { key: 'b processing', time: 10, now: 10 },
      { key: 'b processing', time: 15, now: 15 },
      { key: 'a processing', time: 20, now: 20 },
      { key: 'b processing', time: 30, now: 30 },
    ])
  })

  it.each(HARNESS_MODES)('put out to sides: $name', mode => {
    const sides: Functions = {
      side: { odd: { value: 'f64' }, late: { value: 'f64' } } as const,
      onRecord: (record, context) => {
        if (record.value % 2 === 1) context.side('odd', { value: record.value })
        else context.emit({ value: record.value })
      },
    }
    const outputs = runProcess(
      sides,
      { value: 'f64' },
      schema,
      [0, 1, 2, 3].map(value => row('a', value, value)),
      mode,
    )
    expect(rowsOf(outputs)).toEqual([{ value: 0 }, { value: 2 }])
    expect(rowsOf(outputs, 'side:odd')).toEqual([{ value: 1 }, { value: 3 }])
    const wrong = {
      onRecord: (_: object, context: { side(name: string, row: object): void }) => context.side('none', {}),
    }
    expect(() => runProcess(wrong, { value: 'f64' }, schema, [row('a', 1)], mode)).toThrow(/no side output "none"/)
  })

  describe('that throw', () => {
    const failing = (errors: 'fail' | 'skip' | 'deadLetter'): Functions => ({
      errors,
      state: { calls: valueState<number>() },
      onRecord: (record, context) => {
        context.state.calls.set((context.state.calls.get() ?? 0) + 1)
        context.emit({ value: context.state.calls.get() })
        if (record.value === 2) throw new Error('not two')
        if (record.value === 9) context.timers.registerEventTime(1)
      },
      onTimer: () => {
        throw new Error('never')
      },
    })
    const shape = { value: 'f64' } as const
    const rows = [1, 2, 3].map(value => row('a', value, value))

    it('fail the job with the operator and the record', () => {
      expect(() => runProcess(failing('fail'), shape, schema, rows, mode)).toThrow(
        expect.objectContaining({
          code: 'USER_FUNCTION_FAILED',
          message: 'Operator tested: its function threw on the record {"key":"a","value":2}: not two',
          details: { operator: 'tested', record: { key: 'a', value: 2 } },
        }),
      )
    })

    it.each(HARNESS_MODES)('are skipped, and what they emitted is void: $name', mode => {
      expect(rowsOf(runProcess(failing('skip'), shape, schema, rows, mode))).toEqual([{ value: 1 }, { value: 3 }])
    })

    it.each(HARNESS_MODES)('send the record to the dead letters: $name', mode => {
      const outputs = runProcess(failing('deadLetter'), shape, schema, rows, mode)
      expect(rowsOf(outputs)).toEqual([{ value: 1 }, { value: 3 }])
      expect(outputs.filter(out => 'output' in out && out.output === 'deadLetters')).toEqual([
        {
          output: 'deadLetters',
          row: { key: 'a', value: 2, reason: 'not two' },
          timestamp: 2,
          watermark: Number.NEGATIVE_INFINITY,
        },
      ])
    })

    it('in a timer, fail the job unless they are skipped', () => {
      for (const errors of ['fail', 'deadLetter'] as const) {
        expect(() => runProcess(failing(errors), shape, schema, [row('a', 9), END], mode)).toThrow(
          expect.objectContaining({ code: 'USER_FUNCTION_FAILED', message: expect.stringContaining('"key":"a"') }),
        )
      }
      expect(rowsOf(runProcess(failing('skip'), shape, schema, [row('a', 9), END], mode))).toEqual([{ value: 1 }])
    })
  })

  it('are not asynchronous', () => {
    const wrong = { onRecord: async () => {} }
    expect(() => runProcess(wrong, { value: 'f64' }, schema, [row('a', 1)], mode)).toThrow(
      expect.objectContaining({ code: 'USER_FUNCTION_RESULT' }),
    )
  })

  it('refuse times that are none, and event time where there is none', () => {
    const bad = (time: number): Functions => ({ onRecord: (_, { timers }) => timers.registerEventTime(time) })
    for (const time of [Number.NaN, Number.NEGATIVE_INFINITY, 9e15]) {
      expect(() => runProcess(bad(time), { value: 'f64' }, schema, [row('a', 1)], mode)).toThrow(/timer's time/)
    }
    const untimed: TestElement = { kind: 'row', row: { key: 'a', value: 1 } }
    expect(() => runProcess(bad(1), { value: 'f64' }, schema, [untimed], mode)).toThrow(/no event time/)
  })
})
