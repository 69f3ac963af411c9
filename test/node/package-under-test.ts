/*
 * The package as it is published, compiled into a folder of its own under build/: the tests of the command line and of
 * the demo start it as processes. It is compiled anew when a source is newer.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const FOLDER = 'build/test-package'
const STAMP = join(root, 'build/test-package.stamp')
const LOCK = join(root, 'build/test-package.lock')
const BUILD_MS = 120_000
const TSC = 'node_modules/typescript/bin/tsc'
const WASM_FILES = ['build/sabot.wasm', 'build/sabot.scalar.wasm']

/** Path of a compiled file, such as 'src/node/cli/main.js'. */
export function compiled(file: string): string {
  return join(root, FOLDER, file)
}

/** Call it in beforeAll. Test files run side by side: one compiles, the others wait. */
export async function compilePackage(): Promise<void> {
  await lock()
  try {
    if (!isStale()) return
    const target = join(root, FOLDER)
    rmSync(target, { recursive: true, force: true })
    // Types are checked by `npm run typecheck`; here only the JavaScript is wanted.
    const options = ['--noCheck', '--declaration', 'false', '--outDir', FOLDER]
    execFileSync(process.execPath, [TSC, '-p', 'tsconfig.build.json', ...options], { cwd: root, stdio: 'inherit' })
    mkdirSync(join(target, 'build'), { recursive: true })
    for (const file of WASM_FILES) copyFileSync(join(root, file), join(target, file))
    writeFileSync(STAMP, '')
  } finally {
    rmdirSync(LOCK)
  }
}

function isStale(): boolean {
  const inputs = [
    ...readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).map(file => join('src', file)),
    ...['assembly/abi.ts', 'tsconfig.base.json', 'tsconfig.build.json', ...WASM_FILES],
  ]
  return Math.max(...inputs.map(file => modified(join(root, file)))) > modified(STAMP)
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

async function lock(): Promise<void> {
  mkdirSync(join(root, 'build'), { recursive: true })
  for (;;) {
    try {
      mkdirSync(LOCK)
      return
    } catch {
      // A test run that was killed may have left it behind.
      if (Date.now() - modified(LOCK) > BUILD_MS && modified(LOCK) > 0) rmdirSync(LOCK)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}
