import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { ALL_KEY_GROUPS } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import { asyncMapOperator } from '../../../src/operators/async/async-map.js'
import type { AsyncMapSettings } from '../../../src/operators/async/async-settings.js'
import type { Operator, OperatorState, Steps } from '../../../src/operators/operator.js'
import { builds } from '../../kernel/builds.js'

const schema = Schema.of({ id: 'i32' })
const BEFORE = Number.NEGATIVE_INFINITY

interface Call {
  readonly id: number
  readonly attempt: number
  readonly resolve: (value: unknown) => void
  readonly reject: (cause: unknown) => void
}

/** An operator whose calls are answered by hand. */
class Bench {
  readonly calls: Call[] = []
  readonly out: unknown[] = []
  readonly letters: unknown[] = []
  operator: Operator
  now = 0
  private readonly settings: AsyncMapSettings
  private wakes = 0
  private readonly wishes: number[] = []

  constructor(settings: Partial<AsyncMapSettings> = {}) {
    this.settings = {
      call: (row, attempt) =>
        new Promise((resolve, reject) => this.calls.push({ id: (row as { id: number }).id, attempt, resolve, reject })),
      schema: Schema.of({ id: 'i32' }),
      isOrdered: true,
      capacity: 3,
      timeoutMs: Number.POSITIVE_INFINITY,
      retries: 0,
      retryDelayMs: 10,
      errors: 'fail',
      ...settings,
    }
    this.operator = this.open()
  }

  rows(ids: readonly number[], watermark = BEFORE): void {
    const builder = new BatchBuilder(schema)
    for (const id of ids) builder.append({ id })
    const timestamps = Float64Array.from(ids)
    const watermarks = new Float64Array(ids.length).fill(watermark)
    finish(this.operator.onBatch(builder.finish().with({ timestamps, watermarks }), 0))
  }

  watermark(timestamp: number): void {
    finish(this.operator.onWatermark(timestamp, 0))
  }

  /** The open call of a record is answered, and the operator is woken up as a task would. */
  async answer(id: number, value: unknown = { id }): Promise<void> {
    this.last(id).resolve(value)
    await this.settle()
  }

  async reject(id: number, cause: unknown = new Error(`no ${id}`)): Promise<void> {
    this.last(id).reject(cause)
    await this.settle()
  }

  at(now: number): void {
    this.now = now
    if (this.wishes.some(wish => wish <= now)) finish(this.operator.onProcessingTime?.(now))
  }

  /** Everything out so far. */
  take(): unknown[] {
    return this.out.splice(0)
  }

  restore(states: readonly OperatorState[]): void {
    this.operator.close()
    this.operator = this.open()
    this.operator.restore(states.map(state => JSON.parse(JSON.stringify(state)) as OperatorState))
    this.wake()
  }

  private wake(): void {
    for (; this.wakes > 0; this.wakes--) finish(this.operator.onWake?.())
  }

  private last(id: number): Call {
    const call = this.calls.findLast(each => each.id === id)
    if (call === undefined) throw new TypeError(`${id} was not called`)
    return call
  }

  private async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    this.wake()
  }

  private open(): Operator {
    return asyncMapOperator(this.settings)({
      id: 'asked',
      kernel: (builds[0] as (typeof builds)[number]).create(),
      output: {
        batch: batch => {
          batch.forEachRow(row => {
            this.out.push([(batch.row(row) as { id: number }).id, batch.timestamps?.[row], batch.watermarks?.[row]])
          })
        },
        side: (_name, batch) => this.letters.push(...batch.toRows()),
        watermark: timestamp => this.out.push(timestamp),
        idle: () => {},
        active: () => {},
      },
      keyGroups: ALL_KEY_GROUPS,
      processingTime: { now: () => this.now, wakeAt: timeMs => this.wishes.push(timeMs) },
      wake: () => {
        this.wakes++
      },
    })
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // All of it.
  }
}

const ids = (out: readonly unknown[]) => out.map(item => (Array.isArray(item) ? item[0] : `w${item}`))

describe('an asynchronous map', () => {
  it('sends up to its capacity, and takes nothing more while records wait', async () => {
    const bench = new Bench()
    bench.rows([1, 2, 3, 4, 5])
    expect(bench.calls.map(({ id }) => id)).toEqual([1, 2, 3])
    expect(bench.operator.isFull).toBe(true)
    await bench.answer(2)
    // Its result waits for that of 1, and keeps its place.
    expect(bench.calls.length).toBe(3)
    await bench.answer(1)
    expect(bench.calls.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(bench.operator.isFull).toBe(false)
    expect(bench.operator.isPending).toBe(true)
    for (const id of [5, 4, 3]) await bench.answer(id)
    expect(bench.take()).toEqual([1, 2, 3, 4, 5].map(id => [id, id, BEFORE]))
    expect(bench.operator.isPending).toBe(false)
  })

  it('keeps records and watermarks in their order', async () => {
    const bench = new Bench({ capacity: 10 })
    bench.rows([1, 2])
    bench.watermark(7)
    bench.rows([8], 7)
    await bench.answer(8)
    await bench.answer(2)
    expect(bench.take()).toEqual([])
    await bench.answer(1)
    expect(ids(bench.take())).toEqual([1, 2, 'w7', 8])
  })

  it('puts results out as they come where the order is free, but never past a watermark', async () => {
    const bench = new Bench({ capacity: 10, isOrdered: false })
    bench.rows([1, 2, 3])
    bench.watermark(7)
    bench.rows([8, 9], 7)
    // The watermark in force before a row keeps it back as well.
    bench.rows([20], 15)
    bench.watermark(30)
    for (const id of [20, 9, 3, 1]) await bench.answer(id)
    expect(ids(bench.take())).toEqual([3, 1])
    await bench.answer(2)
    expect(ids(bench.take())).toEqual([2, 'w7', 9])
    await bench.answer(8)
    expect(bench.take()).toEqual([[8, 8, 7], [20, 20, 15], 30])
  })

  it('drops a record for null, and takes an answer at once', () => {
    const bench = new Bench({ capacity: 1, call: row => ((row as { id: number }).id === 2 ? null : (row as object)) })
    bench.rows([1, 2, 3])
    expect(ids(bench.take())).toEqual([1, 3])
  })

  it.each([true, false])('sends records in flight again after a recovery, ordered: %s', async isOrdered => {
    const bench = new Bench({ isOrdered, capacity: 3 })
    bench.rows([1, 2, 3, 4])
    await bench.answer(2)
    const taken = ids(bench.take())
    const before = bench.calls.length
    bench.restore([bench.operator.snapshot()])
    const again = bench.calls.slice(before).map(({ id }) => id)
    expect(again).toEqual(isOrdered ? [1, 2, 3] : [1, 3, 4])
    for (const id of isOrdered ? [1, 2, 3, 4] : [4, 3, 1]) await bench.answer(id)
    expect([...taken, ...ids(bench.take())].sort()).toEqual([1, 2, 3, 4])
  })

  it('keeps watermarks through a recovery', async () => {
    const bench = new Bench()
    bench.rows([1])
    bench.watermark(7)
    bench.rows([9], 7)
    bench.restore([bench.operator.snapshot()])
    await bench.answer(9)
    await bench.answer(1)
    expect(ids(bench.take())).toEqual([1, 'w7', 9])
  })

  it('tries again, later each time', async () => {
    const bench = new Bench({ retries: 2 })
    bench.rows([1])
    await bench.reject(1)
    bench.at(9)
    expect(bench.calls.length).toBe(1)
    bench.at(10)
    expect(bench.calls.map(({ attempt }) => attempt)).toEqual([1, 2])
    await bench.reject(1)
    bench.at(29)
    expect(bench.calls.length).toBe(2)
    bench.at(30)
    await bench.answer(1)
    expect(ids(bench.take())).toEqual([1])
  })

  it('fails the job with the record when the last attempt fails', async () => {
    const bench = new Bench()
    bench.rows([1])
    await expect(bench.reject(1)).rejects.toMatchObject({
      code: 'USER_FUNCTION_FAILED',
      message: 'Operator asked: its function threw on the record {"id":1}: no 1',
    })
    const wrong = new Bench({ call: () => 5 })
    expect(() => wrong.rows([1])).toThrow(expect.objectContaining({ code: 'USER_FUNCTION_RESULT' }))
    const misfit = new Bench({ call: () => ({ id: 'x' }) })
    expect(() => misfit.rows([1])).toThrow(expect.objectContaining({ code: 'USER_FUNCTION_FAILED' }))
  })

  it('skips or sets aside what failed or took too long', async () => {
    for (const errors of ['skip', 'deadLetter'] as const) {
      const bench = new Bench({ errors, timeoutMs: 50, capacity: 10 })
      bench.rows([1, 2, 3])
      await bench.reject(2)
      await bench.answer(3)
      bench.at(49)
      expect(bench.take()).toEqual([])
      bench.at(50)
      expect(ids(bench.take())).toEqual([3])
      expect(bench.operator.dropped).toEqual({ failed: 2 })
      const letters = [
        { id: 1, reason: 'no answer within 50 ms' },
        { id: 2, reason: 'no 2' },
      ]
      expect(bench.letters).toEqual(errors === 'skip' ? [] : letters)
      // Too late: nobody waits any more.
      await bench.answer(1)
      expect(bench.take()).toEqual([])
    }
    const strict = new Bench({ timeoutMs: 50 })
    strict.rows([1])
    expect(() => strict.at(50)).toThrow(/no answer within 50 ms/)
  })

  it('listens to nothing once it is closed', async () => {
    const bench = new Bench()
    bench.rows([1])
    bench.operator.close()
    await bench.answer(1)
    expect(bench.take()).toEqual([])
  })
})
