/* Jobs, sources and environments for the tests of the runtime. */

import { count, type Job, job, max, memory, ndjson, type Source, sum, tumbling } from '../../src/index.js'
import { ManualClock, MemoryFiles, type TestEnvironment, testEnvironment } from '../../src/testing/index.js'
import { randomBelow, seededRandom } from '../../src/testing/seeded-random.js'
import { builds } from '../kernel/builds.js'
import { nextTurn } from '../platform/next-turn.js'

export interface Reading {
  readonly sensor: string
  readonly at: number
  readonly value: number
}

/** Readings of a few sensors, out of order by up to 400 ms, and a share of them up to 4 s. */
export function readings(count: number, seed: number, lateShare = 0.05): Reading[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, n) => ({
    sensor: `s${randomBelow(random, 7)}`,
    at: n * 20 - randomBelow(random, random() < lateShare ? 4_000 : 400),
    value: randomBelow(random, 1_000) - 500,
  }))
}

export const OUTPUT = 'out.ndjson'
export const LATE = 'late.ndjson'

/** Every stateful operator at once: event time, a union where there are several sources, windows with late rows. */
export function sensorJob(sources: readonly Source<Reading>[], size: number = 1_000): Job {
  return job('sensors', j => {
    const [first, ...others] = sources.map(source => {
      return j.from(source, { idleness: 0 }).withTimestamps('at', { outOfOrderness: '500ms' })
    })
    if (first === undefined) throw new TypeError('a job has a source')
    const windows = (others.length === 0 ? first : first.union(...others))
      .select({ sensor: 'sensor', value: 'value', high: r => r.value > 250 })
      .filter(r => r.value !== 0)
      .keyBy('sensor')
      .window(tumbling(size))
      .aggregate({ n: count(), total: sum('value'), high: sum('high'), most: max('value') })
      .as('windows')
    windows.to(ndjson(OUTPUT))
    windows.late.to(ndjson(LATE))
  })
}

export function inMemory(rows: readonly Reading[]): Source<Reading> {
  return memory(rows)
}

/**
 * Calls `onRead` with the number of each read before it happens, so that a test can act, or fail the source, there.
 */
export function observed<Row>(source: Source<Row>, onRead: (read: number) => void | Promise<void>): Source<Row> {
  return {
    kind: source.kind,
    description: source.description,
    schema: source.schema,
    replayable: source.replayable,
    async open(context) {
      const reader = await source.open(context)
      let reads = 0
      return {
        rowCount: reader.rowCount,
        async read() {
          await onRead(reads++)
          return reader.read()
        },
        close: () => reader.close(),
      }
    },
  }
}

export function environment(files = new MemoryFiles(), clock: ManualClock = new PassingClock()): TestEnvironment {
  const [build] = builds
  if (build === undefined) throw new TypeError('no kernel is built')
  return testEnvironment(() => build.create(), { files, clock })
}

/** Time that passes by itself, for jobs that never end: a clock that stands still would give the event loop no turn. */
export class PassingClock extends ManualClock {
  override elapsed(): number {
    return performance.now()
  }

  override nextTurn(): Promise<void> {
    return nextTurn()
  }
}

export const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
