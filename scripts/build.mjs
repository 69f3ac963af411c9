// npm run build: the kernels into build/*.wasm, then what is published into dist/.
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emit } from './emit.mjs'
import { node, root, usage } from './run.mjs'

if (process.argv.length > 2) usage(`unexpected argument ${process.argv[2]}`, 'npm run build')

node(['scripts/build-wasm.mjs'])
emit('tsconfig.build.json', 'dist')

const { bin, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const promised = [...Object.values(bin), ...Object.values(exports).flatMap(target => Object.values(Object(target)))]
for (const file of promised.filter(path => path.startsWith?.('./dist/') && !existsSync(join(root, path)))) {
  console.error(`package.json promises ${file}, which the build did not make`)
  process.exitCode = 1
}
for (const file of Object.values(bin)) if (existsSync(join(root, file))) chmodSync(join(root, file), 0o755)
