import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const ignored = new Set(
  readFileSync(join(root, '.gitignore'), 'utf8')
    .split('\n')
    .map(line => line.replace(/^\/|\/$/g, ''))
    .concat('.git'),
)

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Paths of files below a folder of the repository, except what git ignores; forward slashes. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (ignored.has(entry.name) || entry.name.endsWith('.log')) return []
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}
