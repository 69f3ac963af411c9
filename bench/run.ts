import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { type Benchmark, measure, type Result, select } from './harness.js'

const USAGE = `npm run bench -- [NAME...] [--json]
NAME is a benchmark or a group of them; all run when none is given. --json prints one line a result.`

/** All *.bench.js files beside this one; each exports its benchmarks as default. */
async function allBenchmarks(): Promise<Benchmark[]> {
  const files = readdirSync(new URL('.', import.meta.url)).filter(file => file.endsWith('.bench.js'))
  const modules = await Promise.all(files.sort().map(file => import(new URL(file, import.meta.url).href)))
  return modules.flatMap((module: { default: readonly Benchmark[] }) => module.default)
}

function commit(): string {
  try {
    const args = ['rev-parse', '--short', 'HEAD']
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}

const rounded = (value: number): number => Number(value.toPrecision(4))

function row({ name, value, unit, peer = '', baseline, ratio }: Result): string {
  const against = baseline === undefined || ratio === undefined ? '' : `${rounded(baseline)}  ×${ratio.toFixed(2)}`
  return `${name.padEnd(40)} ${String(rounded(value)).padStart(10)} ${unit.padEnd(8)} ${peer.padEnd(20)} ${against}`
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

const args = process.argv.slice(2)
if (args.includes('--help')) {
  console.log(USAGE)
  process.exit(0)
}
const json = args.includes('--json')
const option = args.find(arg => arg.startsWith('-') && arg !== '--json')
if (option !== undefined) fail(`unknown option ${option}\n\n${USAGE}`)

const all = await allBenchmarks()
let wanted: readonly Benchmark[]
try {
  wanted = select(
    all,
    args.filter(arg => !arg.startsWith('-')),
  )
} catch (error) {
  fail((error as Error).message)
}
if (wanted.length === 0) fail('there is no benchmark')

const origin = { node: process.versions.node, commit: commit() }
for (const benchmark of wanted) {
  const results = await measure(benchmark, text => console.error(text))
  if (json) {
    for (const { value, baseline, ratio, ...result } of results) {
      const figures =
        baseline === undefined || ratio === undefined ? {} : { baseline: rounded(baseline), ratio: rounded(ratio) }
      console.log(JSON.stringify({ ...result, value: rounded(value), ...figures, ...origin }))
    }
  } else {
    console.log(`${benchmark.name}: ${benchmark.workload}`)
    for (const result of results) console.log(row(result))
  }
}
