import { describe, expect, it } from 'vitest'
import {
  collect,
  count,
  execute,
  iterable,
  type JobHandle,
  job,
  memory,
  type OperatorWatermark,
  splits,
  tumbling,
} from '../../src/index.js'
import { describeHolder, mergeInputs, watermarkReport } from '../../src/runtime/watermark-report.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { nextTurn } from '../platform/next-turn.js'
import { environment } from './streams.js'

const START = Date.UTC(2026, 0, 1)

/** Rows one after the other, each when the gate before it is opened. */
function gated(times: readonly number[]): { rows: AsyncIterable<{ at: number }>; open: () => void } {
  let open: () => void = () => {}
  const rows = (async function* () {
    for (const at of times) {
      await new Promise<void>(resolve => {
        open = resolve
      })
      yield { at }
    }
    await new Promise<void>(resolve => {
      open = resolve
    })
  })()
  return { rows, open: () => open() }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 40; turn++) await nextTurn()
}

const report = (handle: JobHandle, id: string): OperatorWatermark => {
  const found = handle.watermarks().find(operator => operator.id === id)
  if (found === undefined) throw new TypeError(`no operator ${id}`)
  return found
}

describe('the watermarks of a job', () => {
  it('name the split that holds each, and since when', async () => {
    const clock = new ManualClock(START)
    const a = gated([100, 300])
    const b = gated([50, 200])
    const graph = job('held', j => {
      j.from(splits({ a: iterable(a.rows), b: iterable(b.rows) }), { id: 'orders', idleness: 0 })
        .filter(() => true)
        .withTimestamps('at', { outOfOrderness: 0 })
        .as('times')
        .keyBy('at')
        .window(tumbling(100))
        .aggregate({ n: count() })
        .as('windows')
        .to(collect())
    }).plan()
    const handle = execute(graph, environment(new MemoryFiles(), clock))
    const give = async (side: { open: () => void }): Promise<void> => {
      clock.advance(1_000)
      side.open()
      await settle()
    }
    await settle()
    expect(describeHolder(report(handle, 'times'))).toBe('split a of orders has none yet')
    await give(a)
    expect(describeHolder(report(handle, 'times'))).toBe('split b of orders has none yet')
    await give(b)
    expect(report(handle, 'times')).toMatchObject({
      watermark: 49,
      sinceMs: START + 2_000,
      holder: { name: 'split b of orders', watermark: 49, sinceMs: START + 2_000, status: 'active' },
      inputs: [
        { name: 'split a of orders', watermark: 99, sinceMs: START + 1_000 },
        { name: 'split b of orders', watermark: 49 },
      ],
    })
    await give(b)
    await give(a)
    expect(describeHolder(report(handle, 'times'))).toBe('split b of orders holds it since 2026-01-01T00:00:03.000Z')
    expect(report(handle, 'windows')).toMatchObject({ watermark: 199, inputs: [{ name: 'times', watermark: 199 }] })
    await give(b)
    expect(report(handle, 'times')).toMatchObject({
      watermark: 299,
      holder: { name: 'split a of orders' },
      inputs: [{ status: 'active' }, { name: 'split b of orders', status: 'ended' }],
    })
    await give(a)
    expect((await handle.ended).status).toBe('finished')
    expect(report(handle, 'times').holder).toBeUndefined()
    expect(describeHolder(report(handle, 'times'))).toBe('it has ended')
  })

  it('name the input that holds a union, or the source of it where there is no event time yet', async () => {
    const clock = new ManualClock(START)
    const late = gated([10])
    const build = (isTimedFirst: boolean) =>
      job('union', j => {
        const quick = j.from(memory([{ at: 500 }]), { id: 'quick', idleness: 0 })
        const slow = j.from(iterable(late.rows), { id: 'slow', idleness: 0 })
        const options = { outOfOrderness: 0 } as const
        const stream = isTimedFirst
          ? quick.withTimestamps('at', options).as('a').union(slow.withTimestamps('at', options).as('b')).as('all')
          : quick.union(slow).withTimestamps('at', options).as('all')
        stream.to(collect())
      }).plan()
    for (const isTimedFirst of [false, true]) {
      const handle = execute(build(isTimedFirst), environment(new MemoryFiles(), clock))
      await settle()
      const name = isTimedFirst ? 'b' : 'slow'
      expect(describeHolder(report(handle, 'all'))).toBe(`${name} has none yet`)
      await handle.cancel()
    }
  })

  it('are put together from several subtasks', () => {
    const input = (name: string, watermark: number, status: 'active' | 'idle' | 'ended' = 'active') => ({
      name,
      watermark,
      sinceMs: watermark,
      status,
    })
    const merged = mergeInputs([
      [input('a', 5), input('b', 1, 'idle'), input('c', 9, 'ended')],
      [input('a', 3), input('b', 7), input('d', 2, 'idle')],
    ])
    expect(merged).toEqual([input('a', 3), input('b', 7), input('c', 9, 'ended'), input('d', 2, 'idle')])
    expect(watermarkReport({ operators: [] })).toEqual([])
  })
})

describe('the metrics of a job', () => {
  it('count bytes, and the time that operators work, wait and are blocked', async () => {
    const clock = new (class extends ManualClock {
      /** Each look at the clock takes a millisecond. */
      override elapsed(): number {
        this.advance(1)
        return super.elapsed()
      }
    })(START)
    const rows = Array.from({ length: 100 }, (_, n) => ({ n, text: 'x'.repeat(10) }))
    const graph = job('bytes', j => {
      j.from(memory(rows))
        .filter(({ n }) => n < 50)
        .to(collect())
    }).plan()
    const { metrics } = await execute(graph, environment(new MemoryFiles(), clock), { batchRows: 10 }).ended
    const [source, filter, sink] = metrics.operators
    // 8 bytes a number, 4 the code of a text.
    expect([source?.bytesOut, filter?.bytesIn, filter?.bytesOut, sink?.bytesIn]).toEqual([1_200, 1_200, 600, 600])
    expect(metrics.takenAtMs).toBeGreaterThan(START)
    for (const operator of metrics.operators) {
      const { busyMs, idleMs, backpressuredMs } = operator
      if (operator !== source) expect(busyMs, operator.id).toBeGreaterThanOrEqual(5)
      expect(busyMs + idleMs + backpressuredMs, operator.id).toBeLessThanOrEqual(metrics.elapsedMs)
      expect(idleMs).toBeGreaterThan(0)
    }
  })
})
