import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ABI_VERSION } from '../../assembly/abi.js'
import { root } from './tree.js'

const BUILDS = { simd: 'sabot.wasm', scalar: 'sabot.scalar.wasm', checked: 'sabot.checked.wasm' }
const PUBLISHED = { simd: BUILDS.simd, scalar: BUILDS.scalar }
const MOST_GZIP_BYTES = 48_000

const load = (file: string) => readFileSync(join(root, 'build', file))
const again = mkdtempSync(join(tmpdir(), 'sabot-wasm-'))
beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build-wasm.mjs', again, ...Object.keys(PUBLISHED)], {
    cwd: root,
    stdio: 'pipe',
  })
}, 300_000)
afterAll(() => rmSync(again, { recursive: true }))

describe.each(Object.entries(BUILDS))('the %s build', (_, file) => {
  it('has no imports, so that any host can instantiate it', () => {
    const module = new WebAssembly.Module(load(file))
    expect(WebAssembly.Module.imports(module)).toEqual([])
    const { exports } = new WebAssembly.Instance(module)
    expect((exports.abiVersion as () => number)()).toBe(ABI_VERSION)
  })
})

describe.each(Object.entries(PUBLISHED))('the published %s build', (_, file) => {
  it(`is at most ${MOST_GZIP_BYTES} bytes with gzip`, () => {
    expect(gzipSync(load(file), { level: 9 }).length).toBeLessThanOrEqual(MOST_GZIP_BYTES)
  })
  it('comes out the same when it is built again', () => {
    expect(readFileSync(join(again, file)).equals(load(file))).toBe(true)
  })
})

it('keeps SIMD out of the scalar build', () => {
  const validate = (file: string) => {
    const args = [
      '--all-features',
      '--disable-simd',
      '--disable-relaxed-simd',
      join(root, 'build', file),
      '-o',
      '/dev/null',
    ]
    const { status, stderr } = spawnSync(join(root, 'node_modules/.bin/wasm-opt'), args, { encoding: 'utf8' })
    return { valid: status === 0, stderr }
  }
  expect(validate(BUILDS.scalar)).toMatchObject({ valid: true })
  // The same question about the other build shows that the answer can be no.
  expect(validate(BUILDS.simd)).toMatchObject({ valid: false, stderr: expect.stringContaining('SIMD') })
})
