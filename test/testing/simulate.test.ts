import { describe, expect, it } from 'vitest'
import {
  count,
  generator,
  type Job,
  job,
  max,
  memory,
  ndjson,
  type Source,
  schema,
  sliding,
  sum,
  tumbling,
} from '../../src/index.js'
import { type SimulateOptions, type Simulation, simulate, undisturbed } from '../../src/testing/index.js'
import { builds } from '../kernel/builds.js'
import { setting } from '../platform/setting.js'
import { type Reading, readings, sensorJob } from '../runtime/streams.js'

/** Seeds in all, over the shapes; SABOT_SIMULATION_SEEDS=2000 for a long run. */
const SEEDS = setting('SABOT_SIMULATION_SEEDS', 100)

const createKernel: SimulateOptions['createKernel'] = () => {
  const [build] = builds
  if (build === undefined) throw new TypeError('no kernel is built')
  return build.create()
}

const rows = readings(160, 1)
const onTime = readings(160, 2, 0)

/** Parts that are read side by side. */
function inSplits(all: readonly Reading[], parts: number): Source<Reading> {
  const whole = memory(all)
  return {
    kind: whole.kind,
    description: whole.description,
    schema: whole.schema,
    replayable: true,
    open: context => whole.open(context),
    splits: async () =>
      Array.from({ length: parts }, (_, part) => {
        return { id: `part-${part}`, source: memory(all.filter((_row, n) => n % parts === part)) }
      }),
  }
}

const SHAPES: readonly Job[] = [
  sensorJob([memory(rows)]),
  sensorJob([memory(onTime.slice(0, 90)), memory(onTime.slice(90)), memory(readings(20, 3, 0))]),
  sensorJob([inSplits(onTime, 4)], 2_000),
  job('stateless', j => {
    j.from(memory(rows))
      .rebalance()
      .filter(row => row.value > 0)
      .parallelism(3)
      .map(row => ({ sensor: row.sensor, twice: row.value * 2 }))
      .to(ndjson('doubled.ndjson'))
  }),
  job('two-stages', j => {
    const perSensor = j
      .from(memory(rows))
      .withTimestamps('at', { outOfOrderness: '1s' })
      .keyBy('sensor')
      .window(sliding('2s', '500ms'))
      .aggregate({ n: count(), total: sum('value') })
    const perCount = perSensor
      .keyBy('n')
      .window(tumbling('2s'))
      .aggregate({ sensors: count(), most: max('total') })
    perSensor.to(ndjson('sensors.ndjson'))
    perCount.to(ndjson('counts.ndjson'))
    perSensor.late.to(ndjson('late.ndjson'))
  }),
  job('branches', j => {
    const shape = schema({ n: 'i32', at: 'timestamp', group: 'utf8' })
    const numbers = j
      .from(generator(n => ({ n, at: n * 25, group: `g${n % 11}` }), { count: 150, schema: shape }))
      .withTimestamps('at', { outOfOrderness: 0 })
    const even = numbers
      .filter(row => row.n % 2 === 0)
      .keyBy('group')
      .window(tumbling('1s'))
      .aggregate({ n: count() })
    even.as('even').to(ndjson('even.ndjson'))
    numbers
      .chaining('never')
      .keyBy('n')
      .window(tumbling('100ms'))
      .aggregate({ total: sum('n') })
      .to(ndjson('all.ndjson'))
  }),
].map((shape): Job => shape)

describe('simulate', () => {
  it('the same seed gives the same trace and the same output, another one another trace', async () => {
    const [shape] = SHAPES
    if (shape === undefined) throw new TypeError('no shape')
    const one = await simulate(shape, { seed: 7, createKernel })
    const two = await simulate(shape, { seed: 7, createKernel })
    expect(two).toEqual(one)
    expect(one.trace.length).toBeGreaterThan(5)
    expect((await simulate(shape, { seed: 8, createKernel })).trace).not.toEqual(one.trace)
  })

  it(`commits what the undisturbed job writes: ${SEEDS} seeds over ${SHAPES.length} shapes of jobs`, async () => {
    const oracles = await Promise.all(SHAPES.map(shape => undisturbed(shape, { createKernel })))
    const total: Partial<Record<keyof Simulation['faults'], number>> = {}
    let lives = 0
    let checkpoints = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const number = seed % SHAPES.length
      const shape = SHAPES[number]
      const expected = oracles[number]
      if (shape === undefined || expected === undefined) throw new TypeError('no shape')
      const simulation = await simulate(shape, { seed, createKernel, expected, batchRows: 12 })
      lives += simulation.lives
      checkpoints += simulation.checkpoints
      for (const [kind, times] of Object.entries(simulation.faults) as [keyof Simulation['faults'], number][]) {
        total[kind] = (total[kind] ?? 0) + times
      }
    }
    // A fault that never happens proves nothing.
    for (const [kind, times] of Object.entries(total)) expect(times, kind).toBeGreaterThan(0)
    expect(lives).toBeGreaterThan(SEEDS)
    expect(checkpoints).toBeGreaterThan(SEEDS / 2)
  }, 600_000)

  it('finds a source that forgets its position, and says with which seed and how', async () => {
    const forgetful = memory(rows)
    const broken: Source<Reading> = {
      kind: forgetful.kind,
      description: forgetful.description,
      schema: forgetful.schema,
      replayable: true,
      // The planted bug: after a recovery it reads a row too few.
      async open(context) {
        const { position } = context
        return forgetful.open({
          ...context,
          position: typeof position === 'number' ? Math.min(position + 1, rows.length) : position,
        })
      },
    }
    let found: unknown
    for (let seed = 1; seed <= 40 && found === undefined; seed++) {
      await simulate(sensorJob([broken]), { seed, createKernel }).catch((cause: unknown) => {
        found = cause
      })
    }
    expect(found).toMatchObject({ code: 'SIMULATION_FAILED', details: { seed: expect.any(Number) } })
    expect(String(found)).toMatch(/fails with seed \d+: (out|late)\.ndjson has .* lines instead of/)
    expect(String(found)).toContain('resumes from')
  }, 120_000)

  it('says when a job never ends', async () => {
    const stuck: Source<Reading> = {
      ...memory(rows),
      kind: 'stuck',
      description: '',
      schema: memory(rows).schema,
      replayable: true,
      open: async () => ({ rowCount: undefined, read: () => new Promise(() => undefined), close: async () => {} }),
    }
    await expect(
      simulate(sensorJob([stuck]), { seed: 1, createKernel, expected: new Map(), maxSteps: 2_000 }),
    ).rejects.toMatchObject({ code: 'SIMULATION_FAILED', cause: { code: 'SIMULATION_STALLED' } })
  })
})
