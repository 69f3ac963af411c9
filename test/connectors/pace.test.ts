import { describe, expect, it } from 'vitest'
import { limit, memory, replay } from '../../src/connectors/index.js'
import type { Source } from '../../src/operators/source.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { contextOf, expectResumable } from './reading.js'

const ROWS = [5, 0, 40, 10, 20].map(at => ({ at }))

/** When each row was given, by a clock that moves only where somebody waits for it. */
async function times(source: Source<unknown>, until: number): Promise<[time: number, at: unknown][]> {
  const clock = new ManualClock(1000)
  const reader = await source.open(contextOf({ clock }))
  const seen: [number, unknown][] = []
  const reading = (async () => {
    for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
      for (const row of next.batch.toRows()) seen.push([clock.now() - 1000, (row as { at: unknown }).at])
    }
  })()
  for (let ms = 0; ms <= until; ms++) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    clock.advance(1)
  }
  await reader.close()
  await reading
  return seen
}

describe('pace', () => {
  it('replays as fast as time went, or n times as fast', async () => {
    const by = ({ at }: { at: number }) => at * 10
    expect(await times(replay(memory(ROWS), { by, speed: 1 }), 450)).toEqual(
      [0, 5, 10, 20, 40].map(at => [at * 10, at]),
    )
    expect(await times(replay(memory(ROWS), { by, speed: 10 }), 45)).toEqual([0, 5, 10, 20, 40].map(at => [at, at]))
    const fast = await times(replay(memory(ROWS), { by }), 5)
    expect(fast.map(([time]) => time)).toEqual([0, 0, 0, 0, 0])
    expect(await times(replay(memory(ROWS), { by, speed: 1 }), 120)).toHaveLength(3)
    expect(() => replay(memory(ROWS), { by, speed: 0 })).toThrow(TypeError)
  })

  it('limits rows a second, evenly, without changing rows or positions', async () => {
    const rows = Array.from({ length: 30 }, (_, at) => ({ at }))
    const seen = await times(limit(memory(rows), { rowsPerSecond: 100 }), 400)
    expect(seen.map(([, at]) => at)).toEqual(rows.map(({ at }) => at))
    expect(seen.map(([time]) => time)).toEqual(rows.map((_, index) => (Math.floor(index / 5) + 1) * 50))
    expect(await times(limit(memory(rows), { rowsPerSecond: 10 }), 1000)).toHaveLength(10)
    const quick = await expectResumable(limit(memory(rows), { rowsPerSecond: 1e9 }), {
      clock: {
        now: () => Date.now() * 1e6,
        schedule: (_, run) => {
          queueMicrotask(run)
          return () => {}
        },
      },
    })
    expect(quick.rows).toEqual(rows)
    for (const rowsPerSecond of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => limit(memory(rows), { rowsPerSecond })).toThrow(TypeError)
    }
  })
})
