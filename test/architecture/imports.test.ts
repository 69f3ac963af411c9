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
import { filesBelow, read } from './tree.js'

const packageJson = JSON.parse(read('package.json')) as {
  bin: Record<string, string>
  exports: Record<string, string | { default: string }>
  scripts: Record<string, string>
  dependencies: Record<string, string>
}

/** The sources behind what package.json exports, installs as a command or runs. */
const entries = [
  ...Object.values(packageJson.bin),
  ...Object.values(packageJson.exports).map(target => (typeof target === 'string' ? target : target.default)),
  ...Object.values(packageJson.scripts).flatMap(script => script.split(' ')),
].flatMap(target => {
  const path = /^(?:\.\/)?dist\/(src\/.*)\.js$/.exec(target)?.[1]
  return path ? [`${path}.ts`] : []
})

const sources = filesBelow('src')
  .filter(path => path.endsWith('.ts'))
  .map(path => parseSource(path, read(path)))

describe('the house', () => {
  it('has sources to look at', () => {
    expect(sources.length).toBeGreaterThan(10)
    expect(entries.length).toBeGreaterThanOrEqual(4)
  })
  it('has arrows that go down only', () => {
    expect(sources.flatMap(checkArrows)).toEqual([])
  })
  it('uses packages only where they are allowed and declared', () => {
    const dependencies = Object.keys(packageJson.dependencies)
    expect(sources.flatMap(file => checkPackages(file, dependencies))).toEqual([])
  })
  it('has neutral folders without clock, randomness, timers and platform', () => {
    expect(sources.flatMap(checkBannedUses)).toEqual([])
  })
  it('has index files that only re-export', () => {
    expect(sources.flatMap(checkIndex)).toEqual([])
  })
  it('has no file that nothing leads to', () => {
    expect(checkReferenced(sources, entries)).toEqual([])
  })
  it('keeps abi.ts free of imports', () => {
    expect(parseSource('assembly/abi.ts', read('assembly/abi.ts')).imports).toEqual([])
  })
  it('keeps to its style in the kernels', () => {
    const files = filesBelow('assembly').filter(path => path.endsWith('.ts'))
    expect(files.flatMap(path => checkAssemblyStyle(path, read(path)))).toEqual([])
  })
  it('names no place of one machine', () => {
    expect(filesBelow('').flatMap(path => checkPaths(path, read(path)))).toEqual([])
  })
})
