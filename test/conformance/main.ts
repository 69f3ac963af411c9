import { fileURLToPath } from 'node:url'
import buildKernels from '../services/wasm.js'
import { readVectors } from './files.js'
import { registry } from './kinds/index.js'
import { report } from './report.js'

const USAGE = `npm run conformance -- [DIR...]
Runs the vectors of all .json files in the directories; without one, those of test/vectors/.`

const args = process.argv.slice(2)
const option = args.find(arg => arg.startsWith('-'))
if (option === '--help') {
  console.log(USAGE)
  process.exit(0)
}
if (option !== undefined) {
  console.error(`unknown option ${option}\n\n${USAGE}`)
  process.exit(2)
}

buildKernels()
const directories = args.length > 0 ? args : [fileURLToPath(new URL('../vectors', import.meta.url))]
const { lines, failed } = report(registry, readVectors(directories))
console.log(lines.join('\n'))
process.exitCode = failed > 0 ? 1 : 0
