import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { Schema } from '../../src/core/schema.js'
import { bounded } from '../../src/graph/watermark-strategies.js'
import { type TimestampSettings, timestampsOperator } from '../../src/operators/timestamps.js'
import { HARNESS_MODES, runOperator, type TestElement, type TestOutput } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'

const [build] = builds
if (build === undefined) throw new TypeError('no kernel is built')
const schema = Schema.of({ at: 'f64' })
const NONE = Number.NEGATIVE_INFINITY
const BOUND = 10
const SETTINGS: TimestampSettings = {
  timestamp: 'at',
  watermarks: bounded(BOUND),
  invalid: 'fail',
  maxAhead: undefined,
}

const run = (elements: readonly TestElement[], mode = HARNESS_MODES[0], settings = SETTINGS): TestOutput[] => {
  if (mode === undefined) throw new TypeError('no mode')
  return runOperator(timestampsOperator(settings), () => build.create(), [schema], elements, mode)
}
const row = (split: number, at: number): TestElement => ({ kind: 'row', row: { at }, split })
const active = (split: number): TestElement => ({ kind: 'active', input: 0, split })
const idle = (split: number): TestElement => ({ kind: 'idle', input: 0, split })

const rowsOf = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('row' in out && out.output === 'main' ? [[out.timestamp, out.watermark]] : []))
const othersOf = (outputs: readonly TestOutput[]) => outputs.filter(out => !('row' in out))
const lastWatermark = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('watermark' in out && !('row' in out) ? [out.watermark] : [])).at(-1)

/** Every split in a map: each row, and each change of status, in turn. */
function oracle(elements: readonly TestElement[]): { rows: (number | undefined)[][]; last: number } {
  const splits = new Map<number, { watermark: number; aligned: boolean; active: boolean }>()
  let output = NONE
  const settle = (): void => {
    const aligned = [...splits.values()].filter(split => split.active && split.aligned)
    if (aligned.length > 0) output = Math.max(output, Math.min(...aligned.map(({ watermark }) => watermark)))
  }
  const rows: (number | undefined)[][] = []
  for (const element of elements) {
    if (element.kind !== 'row' && element.kind !== 'idle' && element.kind !== 'active') continue
    const number = element.split ?? 0
    let split = splits.get(number)
    if (split === undefined) {
      split = { watermark: NONE, active: true, aligned: output === NONE }
      splits.set(number, split)
    }
    if (element.kind === 'idle') {
      split.active = false
      if ([...splits.values()].every(({ active }) => !active)) {
        output = Math.max(output, ...[...splits.values()].map(({ watermark }) => watermark))
      }
    } else {
      if (!split.active) split.aligned = split.watermark >= output
      split.active = true
      settle()
    }
    if (element.kind === 'row') {
      const { at } = element.row as { at: number }
      rows.push([at, output])
      split.watermark = Math.max(split.watermark, at - BOUND - 1)
      if (split.watermark >= output) split.aligned = true
    }
    settle()
  }
  return { rows, last: output }
}

describe('the splits of a source', () => {
  const element = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 300 })).map(([s, at]) => row(s, at)) },
    { weight: 1, arbitrary: fc.nat(3).map(idle) },
    { weight: 1, arbitrary: fc.nat(3).map(active) },
  )

  it('have a watermark each, the least of which counts, in every mode', () => {
    fc.assert(
      fc.property(fc.array(element, { maxLength: 40 }), fc.nat(4), (elements, announced) => {
        const all = [...Array.from({ length: announced }, (_, split) => active(split)), ...elements]
        const expected = oracle(all)
        for (const mode of HARNESS_MODES) {
          const outputs = run(all, mode)
          expect(rowsOf(outputs), mode.name).toEqual(expected.rows)
          expect(lastWatermark(outputs) ?? NONE, mode.name).toBe(expected.last)
        }
      }),
      { numRuns: 80 },
    )
  })

  it('flush to the highest when all are idle, and say so once', () => {
    const outputs = run([active(0), active(1), row(0, 111), row(1, 51), idle(1), idle(0), active(1), row(1, 60)])
    expect(othersOf(outputs)).toEqual([{ watermark: 40 }, { watermark: 100 }, { status: 'idle' }, { status: 'active' }])
    expect(rowsOf(outputs)).toEqual([
      [111, NONE],
      [51, NONE],
      [60, 100],
    ])
  })

  it('are as many as come: one that comes when others have gone ahead counts when it has caught up', () => {
    const many = Array.from({ length: 9 }, (_, split) => row(split, 1_000 + split))
    for (const mode of HARNESS_MODES) {
      const outputs = run([row(20, 2_000), ...many, row(20, 3_000)], mode)
      expect(rowsOf(outputs).slice(1), mode.name).toEqual([
        ...many.map((_, split) => [1_000 + split, 2_000 - BOUND - 1]),
        [3_000, 2_000 - BOUND - 1],
      ])
      expect(lastWatermark(outputs)).toBe(3_000 - BOUND - 1)
    }
  })

  it('go on where they were in other subtasks: what a subtask does not read does not hold it back', () => {
    const create = timestampsOperator(SETTINGS)
    const open = () => {
      const watermarks: number[] = []
      const rows: (number | undefined)[] = []
      const operator = create({
        id: 'tested',
        kernel: build.create(),
        output: {
          batch: batch => void rows.push(...(batch.watermarks ?? [])),
          side: () => {},
          watermark: timestamp => void watermarks.push(timestamp),
          idle: () => {},
          active: () => {},
        },
        keyGroups: { start: 0, end: 127 },
        processingTime: { now: () => 0, wakeAt: () => {} },
        wake: () => {},
      })
      return { operator, watermarks, rows }
    }
    const give = (operator: ReturnType<typeof create>, split: number, at: number): void => {
      const [batch] = batchesOf([row(split, at)])
      if (batch !== undefined) operator.onBatch(batch.with({ split }), 0)
    }
    const former = [open(), open()]
    for (const [index, { operator }] of former.entries()) {
      for (const split of [index, index + 2]) operator.onActive?.(0, split)
      for (const split of [index, index + 2]) give(operator, split, 100 * (split + 1))
    }
    const now = open()
    now.operator.restore(former.map(({ operator }) => operator.snapshot()))
    now.operator.onActive?.(0, 2)
    now.operator.onActive?.(0, 3)
    give(now.operator, 3, 500)
    expect(now.watermarks.at(-1)).toBe(300 - BOUND - 1)
    give(now.operator, 2, 450)
    expect(now.watermarks.at(-1)).toBe(450 - BOUND - 1)
    for (const { operator } of [...former, now]) operator.close()
  })
})

function batchesOf(elements: readonly TestElement[]) {
  const builder = new BatchBuilder(schema)
  for (const element of elements) if (element.kind === 'row') builder.append(element.row)
  return [builder.finish()]
}
