import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DELETE, INSERT, type RowKind, takesBack, UPDATE_AFTER, UPDATE_BEFORE } from '../../../src/core/row-kind.js'
import { Schema } from '../../../src/core/schema.js'
import { collect, count, job, memory, table, tumbling } from '../../../src/index.js'
import { run } from '../../../src/node/index.js'
import { type SuppressSettings, suppressOperator } from '../../../src/operators/keyed/suppress.js'
import {
  HARNESS_MODES,
  type HarnessMode,
  runOperator,
  type TestElement,
} from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()
const schema = Schema.of({ key: 'utf8', value: 'f64' })
const base: SuppressSettings = {
  ...{ keys: ['key'], waitMs: 10, time: 'event', whenFull: 'emitEarly' },
  ...{ maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
}
const END: TestElement = { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }
const NONE = Number.NEGATIVE_INFINITY

const row = (
  key: string,
  value: number,
  timestamp: number,
  rowKind: RowKind = INSERT,
  watermark = NONE,
): TestElement => {
  return { kind: 'row', row: { key, value }, timestamp, watermark, rowKind }
}
const watermark = (timestamp: number): TestElement => ({ kind: 'watermark', timestamp })

const SIGNS = ['+I', '-U', '+U', '-D']

/** Rows as '+I a 1 @time', watermarks as '> time'. */
function outputOf(settings: SuppressSettings, elements: readonly TestElement[], mode: HarnessMode): string[] {
  return runOperator(suppressOperator(settings), kernel, [schema], elements, mode).flatMap(out => {
    if ('status' in out) return []
    if (!('row' in out)) return [`> ${out.watermark}`]
    const { key, value } = out.row as { key: string; value: number }
    return [`${SIGNS[out.rowKind ?? INSERT]} ${key} ${value} @${out.timestamp}`]
  })
}

function inAllModes(settings: SuppressSettings, elements: readonly TestElement[], expected: readonly string[]): void {
  for (const mode of HARNESS_MODES) expect(outputOf(settings, elements, mode), mode.name).toEqual(expected)
}

describe('suppress', () => {
  it('puts out the last update when the wait from the first one is over, and holds the watermark back', () => {
    inAllModes(
      base,
      [row('a', 1, 0), row('b', 1, 1), row('a', 2, 5), watermark(8), watermark(9), row('a', 3, 12, INSERT, 9), END],
      ['> -2', '+I a 2 @5', '> -1', '+I b 1 @1', '+I a 3 @12', '> Infinity'],
    )
  })

  it('a watermark that stands between two rows of a batch lets out what it makes due', () => {
    inAllModes(
      base,
      [row('a', 1, 0), row('a', 2, 11, INSERT, 9), row('a', 3, 12, INSERT, 10), END],
      [...['+I a 1 @0', '+I a 3 @12', '> Infinity']],
    )
  })

  it('an update takes back what is out; what was inserted and deleted meanwhile never shows', () => {
    inAllModes(
      base,
      [
        ...[row('a', 1, 0), row('a', 1, 1, UPDATE_BEFORE), row('a', 2, 1, UPDATE_AFTER)],
        ...[row('b', 1, 2), row('b', 1, 3, DELETE), watermark(20)],
        ...[row('a', 2, 21, UPDATE_BEFORE, 20), row('a', 5, 21, UPDATE_AFTER, 20)],
        ...[row('a', 5, 22, UPDATE_BEFORE, 20), row('a', 7, 22, UPDATE_AFTER, 20), watermark(40)],
        ...[row('a', 7, 41, DELETE, 40), END],
      ],
      ['+I a 2 @1', '> 10', '-U a 2 @22', '+U a 7 @22', '> 30', '-D a 7 @41', '> Infinity'],
    )
  })

  it('lets those out that have waited longest when more wait than may', () => {
    const settings = { ...base, waitMs: Number.POSITIVE_INFINITY, maxRecords: 1 }
    inAllModes(
      settings,
      [row('a', 1, 5), row('a', 2, 6), row('b', 1, 3), row('c', 1, 9), watermark(50), END],
      ['+I b 1 @3', '+I a 2 @6', '> 50', '+I c 1 @9', '> Infinity'],
    )
    // Two entries of 96 bytes, a text of one unit and a number.
    const bytes = { ...settings, maxRecords: Number.POSITIVE_INFINITY, maxBytes: 2 * (96 + 2 + 8) }
    inAllModes(
      bytes,
      [row('a', 1, 5), row('b', 1, 3), watermark(6), row('c', 1, 9), END],
      [...['> 6', '+I b 1 @3', '+I a 1 @5', '+I c 1 @9', '> Infinity']],
    )
  })

  it('never parts an update for want of room, and fails where it is told to', () => {
    const settings = { ...base, maxRecords: 1 }
    inAllModes(
      settings,
      [row('a', 1, 0), row('b', 1, 1, UPDATE_BEFORE), row('b', 2, 1, UPDATE_AFTER), END],
      [...['+I a 1 @0', '-U b 1 @1', '+U b 2 @1', '> Infinity']],
    )
    for (const mode of HARNESS_MODES) {
      expect(() => outputOf({ ...settings, whenFull: 'fail' }, [row('a', 1, 0), row('b', 1, 1)], mode)).toThrow(
        expect.objectContaining({ code: 'SUPPRESS_FULL' }),
      )
    }
  })

  it('waits by the time of the machine, too', () => {
    inAllModes(
      { ...base, time: 'processing' },
      [
        { kind: 'processing-time', timestamp: 100 },
        ...[row('a', 1, 0), row('a', 2, 1), watermark(1000)],
        { kind: 'processing-time', timestamp: 109 },
        row('a', 3, 2, INSERT, 1000),
        { kind: 'processing-time', timestamp: 110 },
        ...[row('b', 1, 3, INSERT, 1000), END],
      ],
      ['> 1000', '+I a 3 @2', '+I b 1 @3', '> Infinity'],
    )
  })

  it('a wait of 0 changes nothing', () => {
    inAllModes(
      { ...base, waitMs: 0 },
      [row('a', 1, 5), row('a', 1, 6, DELETE), watermark(6), END],
      [...['+I a 1 @5', '-D a 1 @6', '> 6', '> Infinity']],
    )
  })

  it('ends as the changelog does, whatever waits and however rows are cut; nothing is late', () => {
    const steps = fc.array(
      fc.record({ key: fc.constantFrom('a', 'b', '__proto__'), isDeleted: fc.boolean(), step: fc.nat(9) }),
      { maxLength: 40 },
    )
    const limits = fc.constantFrom(Number.POSITIVE_INFINITY, 1, 2)
    fc.assert(
      fc.property(steps, fc.nat(30), limits, fc.constantFrom(...HARNESS_MODES), (changes, waitMs, maxRecords, mode) => {
        const rows = new Map<string, number>()
        let time = 0
        const elements = changes.flatMap(({ key, isDeleted, step }, value): TestElement[] => {
          time += step
          const old = rows.get(key)
          const mark = time - 5
          if (isDeleted) {
            rows.delete(key)
            return old === undefined ? [] : [row(key, old, time, DELETE, mark)]
          }
          rows.set(key, value)
          if (old === undefined) return [row(key, value, time, INSERT, mark)]
          return [row(key, old, time, UPDATE_BEFORE, mark), row(key, value, time, UPDATE_AFTER, mark)]
        })
        const left = new Map<string, number>()
        let reached = NONE
        for (const out of runOperator(
          suppressOperator({ ...base, waitMs, maxRecords }),
          kernel,
          [schema],
          [...elements, END],
          mode,
        )) {
          if ('status' in out) continue
          if (!('row' in out)) {
            reached = out.watermark
            continue
          }
          const { key, value } = out.row as { key: string; value: number }
          const { timestamp = NONE, watermark: carried = NONE, rowKind = INSERT } = out
          expect(timestamp).toBeGreaterThan(Math.max(carried, reached))
          if (takesBack(rowKind)) {
            expect(left.get(key)).toBe(value)
            left.delete(key)
          } else {
            expect(left.has(key)).toBe(false)
            left.set(key, value)
          }
        }
        expect(left).toEqual(rows)
      }),
      { numRuns: 100 },
    )
  })
})

describe('suppress in a job', () => {
  const visits = [0, 1, 2, 11, 12, 3, 40].map(at => ({ page: 'home', at }))
  type Builder = Parameters<Parameters<typeof job>[1]>[0]
  const updates = (j: Builder) =>
    j
      .from(memory(visits))
      .withTimestamps('at', { outOfOrderness: 10 })
      .keyBy('page')
      .window(tumbling(10))
      .emit('updates')
      .accumulate('retracting')
      .aggregate({ visits: count() })

  it('of the updates of windows a few are left, and the same table', async () => {
    const plain = collect<object>()
    const fewer = collect<object>()
    const all = table({ key: ['page', 'windowStart'] })
    const result = await run(
      job('suppressed', j => {
        updates(j).changelog('op').to(plain)
        const held = updates(j).keyBy('page', 'windowStart').suppress({ wait: '1h' })
        held.to(all)
        held.changelog('op').select('windowStart', 'visits', 'op').to(fewer)
      }),
    )
    expect(result.status).toBe('finished')
    expect(plain.rows).toHaveLength(11)
    expect(fewer.rows).toEqual([
      { windowStart: 0, visits: 4, op: '+I' },
      { windowStart: 10, visits: 2, op: '+I' },
      { windowStart: 40, visits: 1, op: '+I' },
    ])
    expect(all.rows).toHaveLength(3)
  })

  it('refuses what makes no sense', () => {
    const wrong = (make: (j: Builder) => void) => () => job('wrong', make).plan()
    const keyed = (j: Builder) => updates(j).keyBy('page')
    const invalid = expect.objectContaining({ code: 'INVALID_OPTION' })
    expect(wrong(j => keyed(j).suppress({ wait: Number.POSITIVE_INFINITY }))).toThrow(invalid)
    expect(wrong(j => keyed(j).suppress({ wait: 1, maxRecords: 0 }))).toThrow(invalid)
    expect(wrong(j => keyed(j).suppress({ wait: 1, maxBytes: 1.5 }))).toThrow(invalid)
    expect(wrong(j => keyed(j).suppress({ wait: 1, time: 'stream' as 'event' }))).toThrow(invalid)
    expect(wrong(j => keyed(j).suppress({ wait: 1, whenFull: 'stop' as 'fail' }))).toThrow(invalid)
    const untimed = (j: Builder) => j.from(memory(visits)).keyBy('page')
    expect(wrong(j => untimed(j).suppress({ wait: 1 }))).toThrow(expect.objectContaining({ code: 'NO_TIMESTAMPS' }))
    expect(wrong(j => untimed(j).suppress({ wait: 1, time: 'processing' }).to(collect()))).not.toThrow()
  })
})
