import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** What scripts/test.mjs adds up. A file that fails to load, or an error outside of tests, is one failure. */
export interface TestCounts {
  passed: number
  failed: number
  skipped: number
  skips: { name: string; reason: string }[]
}

/** Counts single tests, with the reasons of those that are skipped, into the file that SABOT_COUNTS names. */
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env.SABOT_COUNTS
    if (!file) return
    const counts: TestCounts = { passed: 0, failed: unhandledErrors.length, skipped: 0, skips: [] }
    for (const module of modules) {
      counts.failed += module.errors().length
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') counts.passed += 1
        else if (result.state === 'failed') counts.failed += 1
        else {
          counts.skipped += 1
          const reason = (result.state === 'skipped' && result.note) || 'no reason given'
          counts.skips.push({ name: `${module.project.name}: ${test.fullName}`, reason })
        }
      }
    }
    writeFileSync(file, JSON.stringify(counts))
  }
}
