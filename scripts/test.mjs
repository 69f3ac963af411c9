// npm test: every test, in Node and in Chromium, then one line `N passed, N failed, N skipped`.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requiredServices, services } from '../test/services/services.mjs'
import { exitCodeOf, root, usage } from './run.mjs'

const USAGE = `npm test -- [vitest filters and options]
  e.g. npm test -- test/kernel -t murmur     some files, some names
       npm test -- --coverage                with line coverage of src/, at least 90 %
  SABOT_REQUIRE=chromium                     a service that is missing is a failure, not a skip`

let required
try {
  required = requiredServices()
} catch (error) {
  usage(error.message, USAGE)
}

const filters = process.argv.slice(2)
if (filters.includes('--help')) {
  console.log(USAGE)
  process.exit(0)
}

function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), 'sabot-test-'))
  const file = join(folder, 'counts.json')
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...filters]
  const code = exitCodeOf(process.execPath, args, { env: { ...process.env, SABOT_COUNTS: file } })
  try {
    return { code, ...JSON.parse(readFileSync(file, 'utf8')) }
  } catch {
    return { code: code || 1, passed: 0, failed: 0, skipped: 0, skips: [], crashed: true }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const total = runVitest()
if (total.crashed) {
  console.error('the test run ended before it could count its tests')
  total.failed += 1
}

for (const [name, { find, files }] of Object.entries(services)) {
  const { reason } = find()
  if (!reason) continue
  const waiting = readdirSync(join(root, 'test'), { recursive: true }).filter(file => file.endsWith(files)).length
  if (required.includes(name)) {
    console.error(`required, but missing: ${name}. ${reason}`)
    total.failed += 1
  } else {
    total.skipped += waiting
    total.skips.push({ name: `${waiting} files *${files}`, reason })
  }
}

const byReason = new Map()
for (const skip of total.skips) byReason.set(skip.reason, [...(byReason.get(skip.reason) ?? []), skip])
for (const [reason, skips] of byReason) {
  const more = skips.length > 1 ? ` and ${skips.length - 1} more` : ''
  console.log(`skipped: ${reason} (${skips[0].name}${more})`)
}

if (total.passed + total.failed === 0) {
  console.error('no test was executed')
  total.failed += 1
}
// What vitest fails for besides tests: coverage below the threshold, for one.
if (total.code !== 0 && total.failed === 0) {
  console.error(`vitest ended with code ${total.code}`)
  total.failed += 1
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 ? 1 : 0
