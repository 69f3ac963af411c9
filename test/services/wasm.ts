import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OUTPUTS = ['sabot.wasm', 'sabot.scalar.wasm', 'sabot.checked.wasm']

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function isStale(): boolean {
  const sources = readdirSync(join(root, 'assembly'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => join(root, 'assembly', file))
  const inputs = [...sources, join(root, 'asconfig.json'), join(root, 'scripts/build-wasm.mjs')]
  const newestInput = Math.max(...inputs.map(modified))
  const oldestOutput = Math.min(...OUTPUTS.map(file => modified(join(root, 'build', file))))
  return newestInput > oldestOutput
}

/** Builds the kernels when they are older than their sources. As vitest's global setup it runs before all tests. */
export default function buildKernels(): void {
  if (!isStale()) return
  execFileSync(process.execPath, ['scripts/build-wasm.mjs'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
}
