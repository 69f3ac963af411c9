/*
 * Patterns of paths, as shells have them:
 *   *       any characters of one name, none at all too, but not the dot that hides a name
 *   ?       one character        [a-z] [!a-z]   one of these, none of these
 *   {a,b}   either text          **             any directories, none at all too
 */
import type { Directories } from '../core/files.js'

/** Whether a path has a character that means something in a pattern. */
export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path)
}

/** The paths of files that a pattern matches, ascending by their UTF-16 code units. Reads no more directories than needed. */
export async function matchPaths(directories: Directories, pattern: string): Promise<string[]> {
  const found = new Set<string>()
  for (const alternative of alternatives(pattern)) {
    const absolute = alternative.startsWith('/')
    const parts = alternative.split('/').filter(part => part !== '' && part !== '.')
    await descend(directories, absolute ? '/' : '', parts, found)
  }
  return [...found].sort(byCodeUnits)
}

/** The files in a directory and those below it, without names that begin with a dot or an underscore. */
export async function filesBelow(directories: Directories, directory: string): Promise<string[] | undefined> {
  const entries = await directories.list(directory)
  if (entries === undefined) return undefined
  const found: string[] = []
  for (const { name, kind } of entries) {
    if (/^[._]/.test(name)) continue
    const path = joined(directory, name)
    if (kind === 'file') found.push(path)
    else found.push(...((await filesBelow(directories, path)) ?? []))
  }
  return found.sort(byCodeUnits)
}

export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function descend(
  directories: Directories,
  directory: string,
  [part, ...rest]: readonly string[],
  found: Set<string>,
): Promise<void> {
  if (part === undefined) return
  if (part === '**') await descend(directories, directory, rest, found)
  if (!isPattern(part) && rest.length > 0) return descend(directories, joined(directory, part), rest, found)
  const matches = part === '**' ? (name: string) => !name.startsWith('.') : nameMatcher(part)
  for (const { name, kind } of (await directories.list(directory)) ?? []) {
    if (!matches(name)) continue
    const path = joined(directory, name)
    if (kind === 'directory' && part === '**') await descend(directories, path, ['**', ...rest], found)
    else if (kind === 'directory') await descend(directories, path, rest, found)
    else if (rest.length === 0) found.add(path)
  }
}

function joined(directory: string, name: string): string {
  return directory === '' || directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`
}

/** `a{b,c}d` as `abd` and `acd`; braces may stand in braces. What is not closed stands for itself. */
function alternatives(pattern: string): string[] {
  const open = pattern.indexOf('{')
  if (open < 0) return [pattern]
  let depth = 0
  let start = open + 1
  const choices: string[] = []
  for (let at = open; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === '{') depth += 1
    if (character === '}') depth -= 1
    if (depth > 1 || (character !== ',' && depth > 0)) continue
    if (character === ',' || depth === 0) {
      choices.push(pattern.slice(start, at))
      start = at + 1
    }
    if (depth === 0)
      return choices.flatMap(choice => alternatives(pattern.slice(0, open) + choice + pattern.slice(start)))
  }
  return [pattern]
}

/** Each step is bounded by the two lengths: no pattern makes a match take exponential time. */
function nameMatcher(pattern: string): (name: string) => boolean {
  const steps = stepsOf(pattern)
  const hidden = pattern.startsWith('.')
  return name => {
    if (name.startsWith('.') && !hidden) return false
    const characters = [...name]
    // at[i]: the steps so far match the first i characters.
    let at = characters.map(() => false)
    at = [true, ...at]
    for (const step of steps) {
      if (step === 'any') {
        for (let index = 1; index < at.length; index++) at[index] = at[index] === true || at[index - 1] === true
      } else {
        at = at.map((_, index) => index > 0 && at[index - 1] === true && step(characters[index - 1] ?? ''))
      }
    }
    return at[characters.length] === true
  }
}

type Step = 'any' | ((character: string) => boolean)

function stepsOf(pattern: string): Step[] {
  const steps: Step[] = []
  const characters = [...pattern]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    const end = character === '[' ? characters.indexOf(']', at + (characters[at + 1] === '!' ? 3 : 2)) : -1
    if (character === '*') steps.push('any')
    else if (character === '?') steps.push(() => true)
    else if (end > 0) {
      steps.push(classMatcher(characters.slice(at + 1, end)))
      at = end
    } else steps.push(other => other === character)
  }
  return steps
}

function classMatcher(characters: readonly string[]): (character: string) => boolean {
  const isNegated = characters[0] === '!'
  const members = isNegated ? characters.slice(1) : characters
  return character => {
    for (let at = 0; at < members.length; at++) {
      const from = members[at] ?? ''
      const isRange = members[at + 1] === '-' && at + 2 < members.length
      const to = isRange ? (members[at + 2] ?? '') : from
      if (character >= from && character <= to) return !isNegated
      if (isRange) at += 2
    }
    return isNegated
  }
}
