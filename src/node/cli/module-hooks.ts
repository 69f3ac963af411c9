/*
 * Hooks of Node's module loader for the modules that users write. They run in the loader's own thread and are put on
 * both sides of tsx (see load.ts).
 *
 * `sabot` always leads to the copy that the command line itself belongs to: batches of one copy are strangers to the
 * engine of another, and a file outside of any project needs no installation.
 */
import type { InitializeHook, ResolveHook } from 'node:module'

export interface HookData {
  /** 'sabot' and its subpaths -> URLs of this copy's files. */
  readonly ownFiles: Readonly<Record<string, string>>
}

let ownFiles: ReadonlyMap<string, string> = new Map()

export const initialize: InitializeHook<HookData> = data => {
  ownFiles = new Map(Object.entries(data.ownFiles))
}

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const url = ownFiles.get(specifier)
  if (url !== undefined) return { url, format: 'module', shortCircuit: true }
  const resolved = await nextResolve(specifier, context)
  // Without "type": "module" beside it, TypeScript would be compiled to CommonJS, which cannot await at top level.
  const isTypeScript = /\.tsx?(\?|$)/.test(resolved.url) && !resolved.url.includes('/node_modules/')
  return isTypeScript ? { ...resolved, format: 'module' } : resolved
}
