export { ManualClock } from './manual-clock.js'
export { MemoryFiles } from './memory-files.js'
export { HARNESS_MODES, type HarnessMode, runOperator, type TestElement, type TestOutput } from './operator-harness.js'
export { type TestEnvironment, testEnvironment } from './test-environment.js'
