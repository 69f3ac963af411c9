import { posix } from 'node:path'
import { parseSync } from 'vite'

export interface Use {
  /** What is used, as it is written: `Date.now`, `setTimeout`. */
  readonly name: string
  readonly line: number
}

export interface Import {
  readonly specifier: string
  readonly line: number
}

/** One TypeScript file as the rules see it. */
export interface SourceFile {
  /** Path from the repository's root, with forward slashes. */
  readonly path: string
  /** Static, dynamic and type imports, re-exports, and `new URL('./x.js', import.meta.url)`. */
  readonly imports: readonly Import[]
  /** Members of globals, calls of global functions, and `new Date()`. */
  readonly uses: readonly Use[]
  readonly onlyReexports: boolean
}

interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string'

function visit(value: unknown, visitor: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, visitor)
  else if (isNode(value)) {
    visitor(value)
    for (const field of Object.values(value)) if (typeof field === 'object') visit(field, visitor)
  }
}

const identifier = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Identifier' ? String(value.name) : undefined

const literal = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return literal(node.source)
    case 'NewExpression':
      return identifier(node.callee) === 'URL' ? moduleUrl(node.arguments as readonly unknown[]) : undefined
    default:
      return undefined
  }
}

function moduleUrl([target, base]: readonly unknown[]): string | undefined {
  const isImportMeta = isNode(base) && base.type === 'MemberExpression' && isNode(base.object)
  return isImportMeta && literal(target)?.endsWith('.js') ? literal(target) : undefined
}

function useOf(node: Node): string | undefined {
  if (node.type === 'MemberExpression' && identifier(node.object) && identifier(node.property)) {
    return `${identifier(node.object)}.${identifier(node.property)}`
  }
  if (node.type === 'CallExpression') return identifier(node.callee)
  if (node.type === 'NewExpression' && (node.arguments as readonly unknown[]).length === 0) {
    const name = identifier(node.callee)
    return name && `new ${name}()`
  }
  return undefined
}

const REEXPORTS = new Set(['ExportAllDeclaration', 'ExportNamedDeclaration'])

export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  const imports: Import[] = []
  const uses: Use[] = []
  visit(program.body, node => {
    const line = () => text.slice(0, node.start).split('\n').length
    const specifier = specifierOf(node)
    if (specifier !== undefined) imports.push({ specifier, line: line() })
    const name = useOf(node)
    if (name !== undefined) uses.push({ name, line: line() })
  })
  const body: readonly { type: string; source?: unknown }[] = program.body
  return { path, imports, uses, onlyReexports: body.every(({ type, source }) => REEXPORTS.has(type) && !!source) }
}

/** The file that a relative import leads to: `./x.js` is written for `./x.ts`. Undefined for packages. */
export function targetOf(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(file.path), specifier)).replace(/\.js$/, '.ts')
}
