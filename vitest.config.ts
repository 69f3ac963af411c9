import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { chromiumArguments, findChromium } from './test/services/chromium.mjs'
import { neutralTests } from './test/services/neutral-tests.mjs'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

// The package's own names lead to its sources, so that tests and examples need no build.
const alias = [
  { find: /^sabot$/, replacement: path('./src/index.ts') },
  { find: /^sabot\/(node|browser|testing)$/, replacement: path('./src/$1/index.ts') },
]

const common = {
  expect: { requireAssertions: true },
  globalSetup: ['./test/services/wasm.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

const nodeProject: TestProjectConfiguration = {
  resolve: { alias },
  test: { ...common, name: 'node', include: ['test/**/*.test.ts'], exclude: ['test/**/*.browser.test.ts'] },
}

const pageTests = ['test/**/*.browser.test.ts']
const neutral = neutralTests(path('.'))

const browserProject = (executablePath: string): TestProjectConfiguration => ({
  resolve: {
    alias: [...alias, { find: /^.*\/kernel-bytes\.js$/, replacement: path('./test/platform/kernel-bytes.browser.ts') }],
  },
  // Bundled before the first page loads: a library found later would reload the page in the middle of a test.
  optimizeDeps: {
    include: [
      'apache-arrow',
      'apache-arrow/ipc/metadata/file',
      'apache-arrow/ipc/metadata/message',
      'apache-arrow/visitor/vectorassembler',
      'apache-arrow/visitor/vectorloader',
      'fast-check',
      'hyparquet',
      'hyparquet/src/assemble.js',
      'hyparquet/src/column.js',
      'hyparquet/src/convert.js',
      'hyparquet/src/encoding.js',
      'hyparquet/src/plain.js',
      'hyparquet/src/schema.js',
      'hyparquet-writer/src/bytewriter.js',
      'hyparquet-writer/src/parquet-writer.js',
      'idb-keyval',
      'zstddec/stream',
    ],
  },
  test: {
    ...common,
    name: 'browser',
    // What is searched for libraries to bundle; which of the browsers below runs a file stands there.
    include: [...pageTests, ...neutral],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, args: chromiumArguments } }),
      // A browser for each: all workers of a process share one range of addresses, of which each WASM memory reserves
      // some 10 GB until it is collected, and a worker cannot make the pages of other tests collect theirs.
      instances: [
        { browser: 'chromium', name: 'page', include: pageTests },
        { browser: 'chromium', name: 'neutral', include: neutral },
      ],
    },
  },
})

const chromium = findChromium()
if (chromium.reason) console.warn(`browser tests are left out: ${chromium.reason}`)

export default defineConfig({
  test: {
    projects: [nodeProject, ...(chromium.path ? [browserProject(chromium.path)] : [])],
    reporters: ['default', './test/report-counts.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
})
