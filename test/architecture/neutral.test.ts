import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from './tree.js'

const folder = join(root, 'build', `probe-${process.pid}`)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the compiler says, with the neutral settings, about a file of these lines; one list of codes a line. */
function errorsByLine(lines: readonly string[]): string[][] {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'probe.ts'), lines.join('\n'))
  const config = {
    extends: '../../tsconfig.neutral.json',
    include: ['probe.ts', '../../scripts/types/*.d.ts'],
    exclude: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' })
  const byLine: string[][] = lines.map(() => [])
  for (const [, line, code = ''] of stdout.matchAll(/probe\.ts\((\d+),\d+\): error (TS\d+)/g)) {
    byLine[Number(line) - 1]?.push(code)
  }
  return byLine
}

describe('the settings of the neutral folders', () => {
  // A library whose declarations ask for the types of Node is in the program, as in src/formats.
  const arrow = `import { RecordBatch } from 'apache-arrow'\nexport const batch = RecordBatch`.split('\n')
  const platform = [
    'process.exit()',
    'Buffer.from([])',
    'document.title',
    'window.name',
    'setTimeout(() => {}, 1)',
    'performance.now()',
    'fetch("x")',
    'new URL("x")',
    'new ReadableStream()',
    'console.log()',
    'structuredClone(1)',
    'crypto.randomUUID()',
    'import("node:fs")',
  ]
  const portable = [
    'export const memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1 })',
    'export const bytes: Uint8Array = new TextEncoder().encode("x")',
    'export const text: string = new TextDecoder("utf-8", { fatal: true }).decode(bytes)',
  ]

  it('make each use of the DOM or of Node a compile error, and let the portable through', () => {
    const lines = [...arrow, ...platform, ...portable]
    const errors = errorsByLine(lines)
    const wrong = lines.filter((line, index) => platform.includes(line) !== (errors[index]?.length !== 0))
    expect(errors).toHaveLength(lines.length)
    expect(wrong).toEqual([])
  })
})
