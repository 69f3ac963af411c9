import type { VectorFiles } from './files.js'
import { type Registry, runVector } from './registry.js'

export interface Report {
  readonly lines: readonly string[]
  readonly failed: number
}

const LONGEST = 400

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

/** A line for each file that cannot be read and each vector that fails, the reasons of skips, a line a suite, and the totals last. */
export function report(registry: Registry, { vectors, problems }: VectorFiles): Report {
  const failures = problems.map(problem => `failed ${problem}`)
  const skips = new Map<string, number>()
  const suites = new Map<string, { passed: number; total: number }>()
  let passed = 0
  let skipped = 0
  for (const vector of vectors) {
    const suite = suites.get(vector.suite) ?? { passed: 0, total: 0 }
    suites.set(vector.suite, suite)
    suite.total += 1
    const outcome = runVector(registry, vector)
    if (outcome.status === 'passed') {
      suite.passed += 1
      passed += 1
    } else if (outcome.status === 'skipped') {
      skipped += 1
      const reason = `${vector.kind}: ${outcome.reason}`
      skips.set(reason, (skips.get(reason) ?? 0) + 1)
    } else {
      failures.push(`failed ${vector.id}: expected ${shown(outcome.expected)}, got ${shown(outcome.got)}`)
    }
  }
  if (vectors.length === 0 && failures.length === 0) failures.push('failed: there is no vector to run')
  const lines = [
    ...failures,
    ...Array.from(skips, ([reason, count]) => `skipped ${count} × ${reason}`),
    ...Array.from(suites, ([name, suite]) => `${name} ${suite.passed}/${suite.total}`),
    `${passed} passed, ${failures.length} failed, ${skipped} skipped`,
  ]
  return { lines, failed: failures.length }
}
