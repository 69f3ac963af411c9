/* The command line and the demo as child processes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { compiled, root } from './package-under-test.js'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** Fulfilled when the standard error matches, or the process has ended without. */
  says(pattern: RegExp): Promise<void>
}

/** Starts a compiled script of the package; `cwd` is the repository unless told otherwise. */
export function startScript(script: string, args: readonly string[], cwd = root): Started {
  return startNode([compiled(script), ...args], cwd)
}

export function startNode(args: readonly string[], cwd = root): Started {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, NO_COLOR: '1' } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const says = (pattern: RegExp): Promise<void> =>
    new Promise(resolve => {
      const look = (): void => {
        if (pattern.test(stderr)) resolve()
      }
      child.stderr.on('data', look)
      void ended.then(() => resolve())
      look()
    })
  return { process: child, ended, says }
}

export const startSabot = (args: readonly string[], cwd?: string): Started =>
  startScript('src/node/cli/main.js', args, cwd)

export const sabot = (args: readonly string[], cwd?: string): Promise<Ended> => startSabot(args, cwd).ended

export const demo = (args: readonly string[]): Promise<Ended> => startScript('src/node/demo/main.js', args).ended
