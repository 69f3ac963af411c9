/* From FILE[:export] on the command line to a job. */
import { existsSync, statSync } from 'node:fs'
import { register } from 'node:module'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { register as registerTypeScript } from 'tsx/esm/api'
import type { Job } from '../../graph/job.js'
import { systemCode } from '../durable.js'
import type { HookData } from './module-hooks.js'
import { UsageError } from './usage-error.js'

const EXPORT_NAME = /^(.+):([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u

/** `jobs.ts:hourly` -> the file and the name of the export; a file may have a colon in its own name. */
export function parseJobSpecifier(specifier: string): { file: string; exportName: string | undefined } {
  const match = EXPORT_NAME.exec(specifier)
  if (match === null || existsSync(specifier)) return { file: specifier, exportName: undefined }
  return { file: match[1] ?? specifier, exportName: match[2] }
}

/**
 * The job that a module exports. TypeScript runs as it is.
 * @throws UsageError when there is no such file, it does not load, or it is not clear which job is meant.
 */
export async function loadJob(specifier: string): Promise<Job> {
  const { file, exportName } = parseJobSpecifier(specifier)
  return pickJob(await importModule(file), file, exportName)
}

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) {
    throw new UsageError(
      'NO_SUCH_FILE',
      `There is no file ${file}. FILE is a module that exports a job; see sabot run --help`,
    )
  }
  if (!stats.isFile()) {
    throw new UsageError('NOT_A_MODULE', `${file} is a directory. Name the module in it that exports a job`)
  }
  if (!/\.[cm]?[jt]sx?$/.test(path)) {
    const name = basename(file)
    throw new UsageError(
      'NOT_A_MODULE',
      `${name} is not a module: its name ends neither in .ts or .mts nor in .js or .mjs`,
    )
  }
  try {
    return await loader()(pathToFileURL(path).href)
  } catch (cause) {
    // CommonJS finds only what is installed: the hooks do not see its require().
    if (systemCode(cause) === 'MODULE_NOT_FOUND' && String(cause).includes("'sabot")) {
      const way = 'Name it .ts or .mjs, or put "type": "module" into its package.json'
      throw new UsageError('MODULE_FAILED', `${file} does not load: it is a CommonJS module. ${way}`, { cause })
    }
    throw new UsageError('MODULE_FAILED', `${file} does not load: ${firstLines(cause)}`, { cause })
  }
}

let load: ((url: string) => Promise<Readonly<Record<string, unknown>>>) | undefined

/** Importing with TypeScript, and with this copy of Sabot. */
function loader(): (url: string) => Promise<Readonly<Record<string, unknown>>> {
  if (load !== undefined) return load
  const data: HookData = { ownFiles: ownFiles() }
  const hooks = new URL('./module-hooks.js', import.meta.url)
  // Below tsx the hooks tell it that TypeScript files are modules, above it they find Sabot before a tsconfig's
  // `paths` can lead to another copy.
  register(hooks, { data })
  const typeScript = registerTypeScript({ namespace: 'sabot' })
  register(hooks, { data })
  load = url => typeScript.import(url, import.meta.url)
  return load
}

/** What modules may import of this package, and where it lies beside this file. */
const OWN_FILES = { sabot: 'index.js', 'sabot/node': 'node/index.js', 'sabot/testing': 'testing/index.js' }

function ownFiles(): Record<string, string> {
  const entries = Object.entries(OWN_FILES)
  return Object.fromEntries(entries.map(([name, file]) => [name, new URL(`../../${file}`, import.meta.url).href]))
}

function pickJob(module: Readonly<Record<string, unknown>>, file: string, exportName: string | undefined): Job {
  const jobs = new Map<string, Job>()
  for (const [name, value] of Object.entries(module)) if (isJob(value)) jobs.set(name, value)
  const names = [...jobs.keys()]
  if (exportName !== undefined) {
    const job = jobs.get(exportName)
    if (job !== undefined) return job
    const what = exportName in module ? `exports ${exportName}, but it is not a job` : `has no export ${exportName}`
    throw new UsageError('NO_SUCH_EXPORT', `${file} ${what}. ${describeExports(names, module)}`)
  }
  const job = jobs.get('default') ?? (names.length === 1 ? jobs.get(names[0] ?? '') : undefined)
  if (job !== undefined) return job
  if (names.length === 0) throw new UsageError('NO_JOB', `${file} exports no job. ${describeExports(names, module)}`)
  throw new UsageError(
    'SEVERAL_JOBS',
    `${file} exports ${names.length} jobs: ${names.join(', ')}. Choose one: ${file}:${names[0]}`,
  )
}

function describeExports(jobs: readonly string[], module: object): string {
  if (jobs.length > 0) return `Its jobs are ${jobs.join(', ')}`
  const names = Object.keys(module)
  const list = names.length === 0 ? 'It has no exports' : `It exports ${names.join(', ')}`
  return `${list}. Add: export default job('name', j => { ... })`
}

/** By its brand, not by class: the module may have got its Sabot from another copy of the package. */
function isJob(value: unknown): value is Job {
  if (typeof value !== 'object' || value === null) return false
  return 'kind' in value && value.kind === 'sabot-job' && 'plan' in value && typeof value.plan === 'function'
}

function firstLines(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.split('\n').slice(0, 4).join('\n')
}
