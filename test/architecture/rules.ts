import { type SourceFile, targetOf } from './source-file.js'

/** `file:line: what is wrong`. */
export type Violation = string

const NEUTRAL = ['core', 'kernel', 'formats', 'state', 'operators', 'graph', 'connectors', 'runtime', 'app', 'testing']
const ENGINE = NEUTRAL.slice(0, NEUTRAL.indexOf('app'))

/** folder of src/ -> the folders that its files may import, besides their own. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  kernel: ['core'],
  formats: ['core', 'kernel'],
  state: ['core', 'kernel'],
  operators: ['core', 'kernel', 'state'],
  graph: ['core', 'operators'],
  connectors: ['core', 'formats', 'operators'],
  runtime: ENGINE,
  app: ENGINE,
  testing: NEUTRAL,
  node: NEUTRAL,
  browser: NEUTRAL,
  // src/index.ts itself: what is the same in Node and in the browser.
  '': NEUTRAL,
}

/** Folders that may use a package; the others stand on the language alone. */
const MAY_USE_PACKAGES = new Set(['formats', 'connectors', 'node', 'browser'])

const CLOCK = 'take the time from the clock that is handed in'
const TIMERS = 'ask the scheduler or the timers that are handed in'
const BANNED: Readonly<Record<string, string>> = {
  'Date.now': CLOCK,
  'new Date()': CLOCK,
  Date: CLOCK,
  'performance.now': CLOCK,
  'Math.random': 'take a seed, and use the generator made from it',
  setTimeout: TIMERS,
  setInterval: TIMERS,
  setImmediate: TIMERS,
}
const BANNED_OBJECTS: Readonly<Record<string, string>> = {
  process: 'belongs to Node: hand in what is needed from src/node',
  Buffer: 'belongs to Node: use Uint8Array and DataView',
  performance: CLOCK,
  crypto: 'take a seed, and use the generator made from it',
  globalThis: 'hand in what is needed from src/node or src/browser',
}

export function folderOf(path: string): string {
  const parts = path.split('/')
  return parts.length > 2 ? (parts[1] ?? '') : ''
}

export const isNeutral = (path: string): boolean => !['node', 'browser'].includes(folderOf(path))

/** The direction of the arrows between the folders of src/. */
export function checkArrows(file: SourceFile): Violation[] {
  const folder = folderOf(file.path)
  const allowed = ARROWS[folder]
  if (!allowed) return [`${file.path}: src/${folder}/ is not a folder of the design`]
  const violations: Violation[] = []
  for (const { specifier, line } of file.imports) {
    const target = targetOf(file, specifier)
    if (target === undefined) continue
    const at = `${file.path}:${line}`
    if (target === 'assembly/abi.ts') {
      if (folder !== 'kernel') violations.push(`${at}: only src/kernel/ may import assembly/abi.ts`)
    } else if (!target.startsWith('src/')) {
      violations.push(`${at}: ${specifier} leads outside of src/`)
    } else {
      const to = folderOf(target)
      if (to !== folder && !allowed.includes(to)) violations.push(`${at}: ${folder || 'src'} may not import ${target}`)
    }
  }
  return violations
}

/** Packages only where they are allowed and declared; modules of Node only in src/node. */
export function checkPackages(file: SourceFile, dependencies: readonly string[]): Violation[] {
  const folder = folderOf(file.path)
  const violations: Violation[] = []
  for (const { specifier, line } of file.imports) {
    if (specifier.startsWith('.')) continue
    const at = `${file.path}:${line}`
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
    if (specifier.startsWith('node:')) {
      if (folder !== 'node') violations.push(`${at}: ${specifier} may be imported in src/node/ only`)
    } else if (!MAY_USE_PACKAGES.has(folder)) {
      violations.push(`${at}: ${folder || 'src'} may not use the package ${name}`)
    } else if (!dependencies.includes(name)) {
      violations.push(`${at}: ${name} is not among the dependencies in package.json`)
    }
  }
  return violations
}

/** Neutral folders know no clock, no randomness, no timers and no platform. */
export function checkBannedUses(file: SourceFile): Violation[] {
  if (!isNeutral(file.path)) return []
  return file.uses.flatMap(({ name, line }) => {
    const [object = '', member] = name.split('.')
    const advice = BANNED[name] ?? (member === undefined ? undefined : BANNED_OBJECTS[object])
    return advice ? [`${file.path}:${line}: ${name} in neutral code: ${advice}`] : []
  })
}

/** index.ts files show what a folder offers, and do nothing else. */
export function checkIndex(file: SourceFile): Violation[] {
  if (!/(^|\/)index\.ts$/.test(file.path) || file.onlyReexports) return []
  return [`${file.path}: an index.ts only re-exports`]
}

/** Files of src/ that no entry of the package leads to. */
export function checkReferenced(files: readonly SourceFile[], entries: readonly string[]): Violation[] {
  const byPath = new Map(files.map(file => [file.path, file]))
  const reached = new Set<string>()
  const open = [...entries]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const file = byPath.get(path)
    if (!file || reached.has(path)) continue
    reached.add(path)
    for (const { specifier } of file.imports) {
      const target = targetOf(file, specifier)
      if (target !== undefined) open.push(target)
    }
  }
  const missing = entries.filter(path => !byPath.has(path)).map(path => `package.json: no source ${path}`)
  const unreached = files.filter(file => !reached.has(file.path))
  return [...missing, ...unreached.map(file => `${file.path}: nothing that the package exports leads here`)]
}

// Written in pieces, so that this file does not name them itself.
const MACHINE_PATHS = new RegExp(
  ['work', 'tmp', 'home', 'root', 'Users'].map(folder => `(?<![\\w.}-])/${folder}/[\\w.]`).join('|'),
)
const OUTSIDE = new RegExp(`['"\`/]\\.\\./${'shared'}/|(?<![\\w-])${'shared'}/(vectors|DESIGN|STYLE)`)

/** No file names a path of one machine, or reads what lies beside the repository. */
export function checkPaths(path: string, text: string): Violation[] {
  return text.split('\n').flatMap((line, index) => {
    const found = MACHINE_PATHS.exec(line) ?? OUTSIDE.exec(line)
    return found ? [`${path}:${index + 1}: names a place of one machine: ${line.trim().slice(0, 80)}`] : []
  })
}

/** The kernels' sources, which the linter cannot read: lines, spaces, semicolons. */
export function checkAssemblyStyle(path: string, text: string): Violation[] {
  return text.split('\n').flatMap((line, index) => {
    const at = `${path}:${index + 1}`
    if (line.length > 120) return [`${at}: ${line.length} columns; 120 is the most`]
    if (/\s$|\t/.test(line)) return [`${at}: a tab, or space at the end of the line`]
    const isComment = /^\s*(\*|\/\*|\/\/)/.test(line)
    return !isComment && /;\s*(\/\/.*)?$/.test(line) ? [`${at}: a semicolon at the end of the line`] : []
  })
}
