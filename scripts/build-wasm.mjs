/*
 * build-wasm.mjs [FOLDER [TARGET ...]]: builds the kernels, all targets of asconfig.json unless some are named, into
 * build/ unless a folder is given. Fails when a target does not compile, or when a module imports anything. Prints sizes.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import asc from 'assemblyscript/asc'
import binaryen from 'assemblyscript/binaryen'

const root = fileURLToPath(new URL('..', import.meta.url))
const [folder = join(root, 'build'), ...wanted] = process.argv.slice(2)
const config = JSON.parse(await readFile(join(root, 'asconfig.json'), 'utf8'))
await mkdir(folder, { recursive: true })

const kilobytes = bytes => `${(bytes / 1000).toFixed(1)} kB`

/** The compiler's own order of passes leaves more than a percent, which Binaryen's usual order finds. */
function shrunk(bytes, simd) {
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt, SIMD128 } = binaryen.Features
  const module = binaryen.readBinary(bytes)
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SignExt | (simd ? SIMD128 : 0))
  // The compiler has set all of these for itself.
  binaryen.setOptimizeLevel(3)
  binaryen.setShrinkLevel(1)
  binaryen.setFastMath(false)
  binaryen.setGenerateStackIR(true)
  binaryen.setOptimizeStackIR(true)
  // What is called once is inlined, however large.
  binaryen.setOneCallerInlineMaxSize(-1)
  binaryen.setAlwaysInlineMaxSize(2)
  binaryen.setFlexibleInlineMaxSize(20)
  // Static data begins at 1024, so an address and an offset may be one.
  binaryen.setLowMemoryUnused(true)
  module.optimize()
  module.runPasses(['coalesce-locals', 'reorder-locals', 'reorder-functions'])
  const smaller = module.emitBinary()
  module.dispose()
  return smaller
}

for (const [target, { outFile, optimizeLevel, enable = [] }] of Object.entries(config.targets)) {
  if (wanted.length > 0 && !wanted.includes(target)) continue
  const file = join(folder, basename(outFile))
  const options = ['--config', 'asconfig.json', '--target', target, '--baseDir', root, '--outFile', file]
  const { error, stderr } = await asc.main(options)
  const messages = stderr.toString()
  if (error !== null || messages.includes('WARNING')) {
    console.error(messages)
    console.error(`sabot kernels: target "${target}" does not compile cleanly${error ? `: ${error.message}` : ''}`)
    process.exit(1)
  }
  if (optimizeLevel === 3) await writeFile(file, shrunk(await readFile(file), enable.includes('simd')))
  const bytes = await readFile(file)
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
  if (imports.length > 0) {
    const names = imports.map(({ module, name }) => `${module}.${name}`).join(', ')
    console.error(`sabot kernels: ${outFile} imports ${names}; a kernel imports nothing`)
    process.exit(1)
  }
  console.log(`${outFile}  ${kilobytes(bytes.length)}, gzip ${kilobytes(gzipSync(bytes, { level: 9 }).length)}`)
}
