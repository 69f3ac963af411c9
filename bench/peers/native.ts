import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contender, Unavailable } from '../harness.js'

const SOURCE = 'bench/native/window.c'
const PASSES = 3

let program: string | Unavailable | undefined

/** The same loop in C over the same rows, in a process of its own that prints its CPU time a row. */
export function nativeLoop(rows: number, keyCount: number, windowMs: number): Contender | Unavailable {
  program ??= compile()
  if (typeof program !== 'string') return program
  const path = program
  return {
    measure: () => {
      const printed = execFileSync(path, [rows, keyCount, windowMs, PASSES].map(String), { encoding: 'utf8' })
      const { nsPerRow } = JSON.parse(printed) as { nsPerRow: number }
      return 1000 / nsPerRow
    },
  }
}

function compile(): string | Unavailable {
  const path = join(mkdtempSync(join(tmpdir(), 'sabot-bench-')), 'window')
  try {
    execFileSync('cc', ['-O3', SOURCE, '-o', path, '-lm'], { stdio: ['ignore', 'ignore', 'pipe'] })
    return path
  } catch (error) {
    return { unavailable: `cc -O3 does not compile ${SOURCE}: ${error instanceof Error ? error.message : error}` }
  }
}
