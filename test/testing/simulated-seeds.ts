/*
 * Many seeds over jobs of some shapes. SABOT_SIMULATION_SEEDS says how many in all (2,000), SABOT_SIMULATION_FIRST with
 * which they begin (1): `SABOT_SIMULATION_SEEDS=50000 npm run simulate`. A run that fails is kept in build/simulations.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type FaultKind, simulate, undisturbed } from '../../src/testing/index.js'
import { setting } from '../platform/setting.js'
import { createKernel, SHAPES } from './simulated-jobs.js'

/** Files of tests that share the seeds. */
const FILES = 4
const SEEDS = Math.ceil(setting('SABOT_SIMULATION_SEEDS', 2_000) / FILES)
const FIRST = setting('SABOT_SIMULATION_FIRST', 1)
/** With so many every fault must have happened. */
const ENOUGH_SEEDS = 200
const KEPT = fileURLToPath(new URL('../../build/simulations/', import.meta.url))

function keep(name: string, text: string): void {
  mkdirSync(KEPT, { recursive: true })
  writeFileSync(`${KEPT}${name}`, text)
}

export function testSeeds(...shapes: readonly (keyof typeof SHAPES)[]): void {
  const jobs = shapes.flatMap(shape => SHAPES[shape] ?? [])
  describe(`simulated jobs: ${shapes.join(', ')}`, () => {
    it(`commit what they write undisturbed: ${SEEDS} seeds over ${jobs.map(({ name }) => name).join(', ')}`, async () => {
      const happened = new Map<FaultKind, number>()
      let lives = 0
      let checkpoints = 0
      for (const [index, job] of jobs.entries()) {
        const expected = await undisturbed(job, { createKernel })
        expect([...expected.values()].flat().length, job.name).toBeGreaterThan(5)
        for (let number = index; number < SEEDS; number += jobs.length) {
          const options = { seed: FIRST + number, createKernel, expected, batchRows: 12, saveTrace: keep }
          const simulation = await simulate(job, options)
          lives += simulation.lives
          checkpoints += simulation.checkpoints
          for (const [kind, times] of Object.entries(simulation.faults) as [FaultKind, number][]) {
            happened.set(kind, (happened.get(kind) ?? 0) + times)
          }
        }
      }
      expect(lives).toBeGreaterThanOrEqual(SEEDS)
      if (SEEDS < ENOUGH_SEEDS) return
      // A fault that never happens proves nothing.
      for (const [kind, times] of happened) expect(times, kind).toBeGreaterThan(0)
      expect(lives).toBeGreaterThan(SEEDS)
      expect(checkpoints).toBeGreaterThan(SEEDS / 2)
    }, 3_600_000)
  })
}
