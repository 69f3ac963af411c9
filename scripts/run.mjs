// Running other programs from scripts: inherit the terminal, and stop with their exit code when they fail.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** The program's exit code; a program killed by a signal or not found counts as 1. */
export function exitCodeOf(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) console.error(`${command}: ${error.message}`)
  return status ?? 1
}

/** Runs a script of this Node, or ends this process with its exit code. */
export function node(args, options) {
  const code = exitCodeOf(process.execPath, args, options)
  if (code !== 0) process.exit(code)
}

export const tsc = 'node_modules/typescript/bin/tsc'

/** Ends with a message on how the script is called; exit code 2, as for wrong arguments everywhere here. */
export function usage(message, text) {
  console.error(`${message}\n\n${text}`)
  process.exit(2)
}
