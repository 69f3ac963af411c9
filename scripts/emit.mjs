// Compiles a tsconfig into a folder and puts the WebAssembly builds beside it. The emitted tree mirrors the
// repository: <folder>/src, <folder>/assembly/abi.js, <folder>/build/*.wasm.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { node, root, tsc } from './run.mjs'

const WASM_FILES = ['sabot.wasm', 'sabot.scalar.wasm']

export function emit(project, folder) {
  const target = join(root, folder)
  rmSync(target, { recursive: true, force: true })
  node([tsc, '-p', project])
  mkdirSync(join(target, 'build'), { recursive: true })
  for (const file of WASM_FILES) copyFileSync(join(root, 'build', file), join(target, 'build', file))
}
