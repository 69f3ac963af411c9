import { describe, expect, it } from 'vitest'
import { type Job, job, memory, ndjson, type SabotError, type Source } from '../../src/index.js'
import {
  DEFAULT_FAULTS,
  decodeTrace,
  type FaultKind,
  type Faults,
  NO_FAULTS,
  replay,
  simulate,
  undisturbed,
} from '../../src/testing/index.js'
import { inMemory, readings, sensorJob } from '../runtime/streams.js'
import { createKernel, rows, SHAPES } from './simulated-jobs.js'

const [shape] = SHAPES.windows as readonly [Job]

/** A source with a planted bug: after a recovery it reads a row too few. */
function forgetful(): Source<(typeof rows)[number]> {
  const whole = memory(rows)
  return {
    kind: whole.kind,
    description: whole.description,
    schema: whole.schema,
    replayable: true,
    async open(context) {
      const { position } = context
      return whole.open({
        ...context,
        position: typeof position === 'number' ? Math.min(position + 1, rows.length) : position,
      })
    },
  }
}

/** The failure of the first seed that finds something wrong. */
async function found(job: Job, faults: Partial<Faults>, seeds = 60): Promise<SabotError | undefined> {
  const expected = await undisturbed(job, { createKernel })
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await simulate(job, { seed, createKernel, expected, batchRows: 12, faults })
    } catch (cause) {
      return cause as SabotError
    }
  }
  return undefined
}

describe('simulate', () => {
  it('the same seed gives the same trace and the same output, another one another trace', async () => {
    const one = await simulate(shape, { seed: 7, createKernel })
    const two = await simulate(shape, { seed: 7, createKernel })
    expect(two).toEqual(one)
    expect(one.trace.length).toBeGreaterThan(5)
    expect((await simulate(shape, { seed: 8, createKernel })).trace).not.toEqual(one.trace)
  })

  it('does to the job what it is told, and each fault can be seen in the trace', async () => {
    const kinds = Object.keys(DEFAULT_FAULTS) as FaultKind[]
    const expected = await undisturbed(shape, { createKernel })
    for (const kind of kinds) {
      let times = 0
      for (let seed = 1; seed <= 20 && times === 0; seed++) {
        // Checkpoints give the others something to happen to.
        const faults = {
          ...NO_FAULTS,
          checkpoint: 0.02,
          [kind]: kind === 'tornWrite' ? 0.3 : Math.max(0.02, DEFAULT_FAULTS[kind]),
        }
        const { events, faults: counted } = await simulate(shape, {
          seed,
          createKernel,
          expected,
          batchRows: 12,
          faults,
        })
        const seen = events.filter(event => event.kind === kind)
        expect(seen.length).toBe(counted[kind])
        for (const event of events)
          if (event.kind !== 'engine' && event.kind !== 'life') expect(event.text).not.toBe('')
        for (const other of kinds) if (other !== kind && other !== 'checkpoint') expect(counted[other]).toBe(0)
        times = counted[kind]
      }
      expect(times, kind).toBeGreaterThan(0)
    }
  }, 120_000)

  it.each(['crash', 'workerDeath', 'workerHang', 'rescale', 'stop', 'tornWrite'] as const)(
    'finds a source that forgets its position by %s alone, and says with which seed and how',
    async kind => {
      const faults = { ...NO_FAULTS, checkpoint: 0.02, [kind]: kind === 'tornWrite' ? 0.3 : 0.02 }
      const failure = await found(sensorJob([forgetful()]), faults)
      expect(failure).toMatchObject({ code: 'SIMULATION_FAILED', details: { seed: expect.any(Number) } })
      expect(String(failure)).toMatch(/fails with seed \d+: (out|late)\.ndjson has .* lines instead of/)
      expect(String(failure)).toContain('resumes from')
      // Without the fault nothing is wrong.
      expect(await found(sensorJob([forgetful()]), NO_FAULTS, 5)).toBeUndefined()
    },
    120_000,
  )

  it('finds results that depend on how long a source is silent', async () => {
    const hasty = job('sensors', j => {
      const [one, two] = [inMemory(readings(80, 2, 0)), inMemory(readings(80, 3, 0))].map(source => {
        return j.from(source, { idleness: '100ms' }).withTimestamps('at', { outOfOrderness: '500ms' })
      })
      if (one === undefined || two === undefined) throw new TypeError('two sources')
      const late = one
        .union(two)
        .keyBy('sensor')
        .process(
          {
            onRecord: (row, { watermark, timestamp, emit }) => {
              if (timestamp <= watermark) emit(row)
            },
          },
          { sensor: 'utf8', at: 'f64', value: 'f64' },
        )
      late.to(ndjson('late.ndjson'))
    })
    const failure = await found(hasty, { ...NO_FAULTS, idleSplit: 0.1 })
    expect(failure?.code).toBe('SIMULATION_FAILED')
  }, 120_000)

  it('keeps a run that failed, and runs it again with the same events', async () => {
    const broken = sensorJob([forgetful()])
    const kept = new Map<string, string>()
    const saveTrace = (name: string, text: string): void => void kept.set(name, text)
    let failure: SabotError | undefined
    let seed = 0
    while (failure === undefined && seed < 60) {
      await simulate(broken, { seed: ++seed, createKernel, batchRows: 12, saveTrace }).catch((cause: SabotError) => {
        failure = cause
      })
    }
    const text = kept.get(`sensors-seed-${seed}.json`) ?? ''
    const saved = decodeTrace(text)
    expect(saved).toMatchObject({ format: 'sabot-simulation', version: 1, job: 'sensors', seed, batchRows: 12 })
    expect(saved.events.length).toBeGreaterThan(5)
    expect(saved.reason).toContain('lines instead of')
    // Byte for byte.
    const again = await replay(broken, text, { createKernel }).catch((cause: SabotError) => cause)
    expect(again).toMatchObject({ code: 'SIMULATION_FAILED', details: { saved: text } })
    // The bug is mended: the same faults harm nothing.
    const mended = await replay(sensorJob([memory(rows)]), text, { createKernel })
    expect(mended.outputs.size).toBe(2)
    for (const bad of [
      '',
      '{}',
      '{"format":"sabot-simulation","version":2}',
      '{"format":"sabot-simulation","version":1}',
    ]) {
      expect(() => decodeTrace(bad)).toThrow(expect.objectContaining({ code: 'TRACE_INVALID' }))
    }
  }, 120_000)

  it('says when a job never ends, and when it fails by itself', async () => {
    const stuck: Source<(typeof rows)[number]> = {
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
    const throwing = job('throwing', j => {
      const thrower = (): number => {
        throw new Error('always')
      }
      j.from(memory(rows))
        .map(() => ({ n: thrower() }))
        .to(ndjson('out.ndjson'))
    })
    const failed = { code: 'USER_FUNCTION_FAILED' }
    await expect(simulate(throwing, { seed: 1, createKernel })).rejects.toMatchObject(failed)
    const cause = failed
    await expect(simulate(throwing, { seed: 1, createKernel, expected: new Map() })).rejects.toMatchObject({ cause })
  })
})
