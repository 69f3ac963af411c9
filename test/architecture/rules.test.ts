import { describe, expect, it } from 'vitest'
import {
  checkArrows,
  checkAssemblyStyle,
  checkBannedUses,
  checkIndex,
  checkPackages,
  checkPaths,
  checkReferenced,
} from './rules.js'
import { parseSource } from './source-file.js'

const clean = `import { a } from './a.js'\nexport const b = (now: number) => new Date(now)\n`

describe('checkArrows', () => {
  it.each([
    ['src/core/a.ts', `import type { B } from '../kernel/b.js'`],
    ['src/core/a.ts', `import { ABI_VERSION } from '../../assembly/abi.js'`],
    ['src/operators/a.ts', `import { ABI_VERSION } from '../../assembly/abi.js'`],
    ['src/operators/a.ts', `export * from '../graph/b.js'`],
    ['src/operators/deep/a.ts', `export { b } from '../../graph/b.js'`],
    ['src/runtime/a.ts', `const b = await import('../node/b.js')`],
    ['src/graph/a.ts', `type B = import('../connectors/b.js').B`],
    ['src/node/a.ts', `import '../browser/b.js'`],
    ['src/browser/a.ts', `new Worker(new URL('../node/b.js', import.meta.url))`],
    ['src/index.ts', `export * from './node/index.js'`],
    ['src/kernel/a.ts', `import '../../test/b.js'`],
    ['src/helpers/a.ts', `export const a = 1`],
  ])('refuses %s: %s', (path, text) => {
    expect(checkArrows(parseSource(path, text))).toHaveLength(1)
  })
  it('lets pass what goes down or stays', () => {
    expect(checkArrows(parseSource('src/core/b.ts', clean))).toEqual([])
    expect(
      checkArrows(parseSource('src/kernel/b.ts', `import '../../assembly/abi.js'; import '../core/a.js'`)),
    ).toEqual([])
    expect(checkArrows(parseSource('src/node/b.ts', `import '../testing/a.js'; import 'node:fs'`))).toEqual([])
  })
  it('is not led astray by comments and strings', () => {
    const text = `// import '../node/b.js'\nexport const a = "import '../node/b.js'"\n`
    expect(checkArrows(parseSource('src/core/a.ts', text))).toEqual([])
  })
})

describe('checkPackages', () => {
  const dependencies = ['apache-arrow', '@scope/name']
  it.each([
    ['src/core/a.ts', `import 'apache-arrow'`],
    ['src/connectors/a.ts', `import 'node:fs'`],
    ['src/browser/a.ts', `import { open } from 'node:fs/promises'`],
    ['src/node/a.ts', `import 'vitest'`],
    ['src/node/a.ts', `import '@scope/other/part'`],
  ])('refuses %s: %s', (path, text) => {
    expect(checkPackages(parseSource(path, text), dependencies)).toHaveLength(1)
  })
  it('lets declared packages pass', () => {
    const text = `import 'apache-arrow'; import '@scope/name/part'; import 'node:fs'`
    expect(checkPackages(parseSource('src/node/a.ts', text), dependencies)).toEqual([])
  })
})

describe('checkBannedUses', () => {
  it.each([
    'Date.now()',
    'const now = Date.now',
    'new Date()',
    'Date()',
    'Math.random()',
    'setTimeout(() => 1, 2)',
    'setInterval(f, 2)',
    'performance.now()',
    'process.env.HOME',
    'Buffer.from([1])',
    'globalThis.Date',
    'crypto.getRandomValues(a)',
  ])('refuses %s', text => {
    expect(checkBannedUses(parseSource('src/core/a.ts', text))[0]).toMatch(/src\/core\/a\.ts:1: .*: \w+/)
  })
  it('lets pass dates from numbers, methods of the same name, and the edges', () => {
    const text = `class A { process(x: Date) { this.process(x); clock.now(); return new Date(5) } }\n// Date.now()`
    expect(checkBannedUses(parseSource('src/core/a.ts', text))).toEqual([])
    expect(checkBannedUses(parseSource('src/node/a.ts', 'Date.now(); process.exit()'))).toEqual([])
  })
})

describe('checkIndex', () => {
  it('refuses an index that does something', () => {
    expect(checkIndex(parseSource('src/core/index.ts', `export * from './a.js'\nexport const b = 1`))).toHaveLength(1)
    expect(checkIndex(parseSource('src/index.ts', `import './a.js'`))).toHaveLength(1)
  })
  it('lets re-exports pass', () => {
    const text = `export * from './a.js'\nexport { b, type C } from './b.js'\nexport type { D } from './d.js'`
    expect(checkIndex(parseSource('src/core/index.ts', text))).toEqual([])
  })
})

describe('checkReferenced', () => {
  const index = parseSource('src/index.ts', `export * from './core/a.js'`)
  const worker = parseSource('src/core/a.ts', `new Worker(new URL('./worker.js', import.meta.url))`)
  const leaf = parseSource('src/core/worker.ts', '')
  it('follows imports and the URLs of workers', () => {
    expect(checkReferenced([index, worker, leaf], ['src/index.ts'])).toEqual([])
  })
  it('names files that nothing leads to, and entries without a source', () => {
    const stray = parseSource('src/core/stray.ts', `import './a.js'`)
    expect(checkReferenced([index, worker, leaf, stray], ['src/index.ts', 'src/gone.ts'])).toEqual([
      'package.json: no source src/gone.ts',
      'src/core/stray.ts: nothing that the package exports leads here',
    ])
  })
})

describe('checkPaths', () => {
  // In pieces, as this file is itself checked.
  it.each([
    `see ${'/'}work/main/x`,
    `"${'/'}tmp/helpers"`,
    `cd ${'/'}home/me`,
    `readFile('..${'/'}shared/x')`,
    `${'shared'}/vectors`,
  ])('refuses %s', text => {
    expect(checkPaths('a.md', `fine\n${text}`)[0]).toMatch(/^a\.md:2: /)
  })
  it('lets other paths pass', () => {
    expect(checkPaths('a.md', '/usr/bin/chromium src/work/x /work a/tmp/b https://x.org/home/me')).toEqual([])
  })
})

describe('checkAssemblyStyle', () => {
  it('refuses long lines, tabs, space at the end, semicolons', () => {
    const text = `${'x'.repeat(121)}\n\tlet a\nlet b \nlet c;\nlet d; // why\n`
    expect(checkAssemblyStyle('assembly/a.ts', text)).toHaveLength(5)
  })
  it('lets loops and comments pass', () => {
    expect(checkAssemblyStyle('assembly/a.ts', ' * a;\nfor (let i = 0; i < 3; i++) f(i) // a; b\n')).toEqual([])
  })
})
