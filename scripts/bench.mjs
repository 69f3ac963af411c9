// npm run bench: compiles the benchmarks as the package is compiled, then runs them.
import { emit } from './emit.mjs'
import { exitCodeOf, node } from './run.mjs'

node(['scripts/build-wasm.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] })
emit('tsconfig.bench.json', 'build/bench')
process.exitCode = exitCodeOf(process.execPath, ['--expose-gc', 'build/bench/bench/run.js', ...process.argv.slice(2)])
