// Which tests know no platform, so that they run in Chromium as they do in Node: those that import nothing of Node,
// themselves or through what they import from test/. The project's own scripts are for Node alone.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** What gets another implementation in the browser (vitest.config.ts) may use Node. */
const PLATFORM = /\/test\/platform\//
const SPECIFIER = /(?:\bfrom|\bimport\(|^import)\s*'([^']+)'/gm
const ONLY_NODE = [/^node:/, /^sabot\/node$/, /^@duckdb\//, /^@opentelemetry\//, /^avsc$/, /\/src\/node\//]

/** @param {string} root the checkout @returns {string[]} paths from `root`, with forward slashes */
export function neutralTests(root) {
  const known = new Map()
  const isNeutral = file => {
    if (known.has(file)) return known.get(file)
    known.set(file, true) // A circle of imports is as neutral as the rest of it.
    known.set(
      file,
      PLATFORM.test(file) || importsOf(file).every(imported => imported !== undefined && isNeutral(imported)),
    )
    return known.get(file)
  }
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts') && !file.endsWith('.browser.test.ts') && !file.startsWith('scripts'))
    .map(file => join(root, 'test', file))
    .filter(isNeutral)
    .map(file => relative(root, file).replaceAll('\\', '/'))
    .sort()
}

/** The files below test/ that a file imports; undefined in the place of something that only Node has. */
function importsOf(file) {
  return [...readFileSync(file, 'utf8').matchAll(SPECIFIER)].flatMap(([, specifier]) => {
    if (ONLY_NODE.some(pattern => pattern.test(specifier))) return [undefined]
    const path = join(file, '..', specifier.replace(/\.js$/, '.ts'))
    return specifier.startsWith('.') && path.includes('/test/') && existsSync(path) ? [path] : []
  })
}
