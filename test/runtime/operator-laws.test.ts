import { describe, expect, it } from 'vitest'
import { execute, type JobHandle, job, memory } from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { MemoryFiles } from '../../src/testing/index.js'
import {
  HARNESS_MODES,
  type HarnessMode,
  runOperator,
  type TestElement,
  type TestOutput,
} from '../../src/testing/operator-harness.js'
import { randomBelow, seededRandom } from '../../src/testing/seeded-random.js'
import { builds } from '../kernel/builds.js'
import { LAW_CASES, type LawCase, lawPipeline } from './law-cases.js'
import { environment, inMemory, OUTPUT, observed, PassingClock, type Reading, readings, text } from './streams.js'

const ROWS = 100

/** Time that passes, for calls that are tried again. */
class Time extends PassingClock {
  override now(): number {
    return Date.now()
  }

  override schedule(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  }
}

type Rows = readonly [left: readonly Reading[], right: readonly Reading[]]

interface Life {
  readonly parallelism: number
  /** The read of the left source at which it ends; none: it goes on to the end. */
  readonly endsAt?: number
  readonly crashes?: boolean
}

/** Runs a case in lives, each going on from the last checkpoint of the one before: what it has written in all. */
async function outcome(of: LawCase, rows: Rows, lives: readonly Life[], batchRows = 8): Promise<string[]> {
  const files = new MemoryFiles()
  const storage = new MemoryCheckpointStorage()
  let resumed = 0
  for (const [index, { parallelism, endsAt, crashes = false }] of lives.entries()) {
    let handle: JobHandle | undefined
    const onRead = (read: number): void => {
      if (endsAt === undefined) return
      if (crashes && read === endsAt - 2) handle?.checkpoint().catch(() => undefined)
      if (read === endsAt) void (crashes ? handle?.cancel() : handle?.stop())
    }
    const graph = job('law', j => lawPipeline(j, of, [observed(inMemory(rows[0]), onRead), inMemory(rows[1])])).plan()
    const options = { parallelism, batchRows, resume: true, checkpoints: { storage, intervalMs: 0 } }
    handle = execute(graph, environment(files, new Time()), options)
    const result = await handle.ended
    expect(result.error).toBeUndefined()
    if (result.resumedFrom !== undefined) resumed += 1
    if (crashes) files.crash(index)
  }
  expect(resumed).toBeGreaterThanOrEqual(lives.length > 1 ? 2 : 0)
  return compared(of, text(files.get(OUTPUT)).split('\n').slice(0, -1))
}

/** All lines, or those that were not taken back. */
function compared({ compared }: LawCase, lines: readonly string[]): string[] {
  if (compared === 'rows') return lines.toSorted()
  const counts = new Map<string, number>()
  for (const line of lines) {
    const { op, ...row } = JSON.parse(line) as { readonly op: string }
    const name = JSON.stringify(row)
    const now = (counts.get(name) ?? 0) + (op.startsWith('-') ? -1 : 1)
    if (now === 0) counts.delete(name)
    else counts.set(name, now)
  }
  return Array.from(counts, ([row, n]) => `${n} ${row}`).toSorted()
}

const LIVES: readonly Life[] = [
  { parallelism: 1, endsAt: 4 },
  { parallelism: 2, endsAt: 4, crashes: true },
  { parallelism: 5, endsAt: 4 },
  { parallelism: 3, endsAt: 3, crashes: true },
  { parallelism: 2 },
]

/** The rows in another order, none of which is late. */
function shuffled(rows: readonly Reading[], seed: number): Reading[] {
  const random = seededRandom(seed)
  const keyed = rows.map(row => ({ row, place: row.at + randomBelow(random, 450) }))
  return keyed.sort((a, b) => a.place - b.place).map(({ row }) => row)
}

/** One row for each time: of equal times the one that came last may count. */
function distinct(rows: readonly Reading[]): Reading[] {
  return [...new Map(rows.map(row => [row.at, row])).values()]
}

function modeOf(name: string): HarnessMode {
  const mode = HARNESS_MODES.find(one => one.name === name)
  if (mode === undefined) throw new TypeError(`There is no mode ${name}`)
  return mode
}

const kernel = () => (builds[0] as (typeof builds)[number]).create()

/** The last keyed operator of a case, fed with the readings of both sides as they come: the rows of each output. */
function outputsOf(of: LawCase, rows: Rows, mode: HarnessMode): Readonly<Record<string, readonly TestOutput[]>> {
  const { nodes } = job('law', j => lawPipeline(j, of, [inMemory(rows[0]), inMemory(rows[1])])).plan()
  const node = nodes.findLast(({ inputs }) => inputs.some(({ partition }) => typeof partition === 'object'))
  if (node?.role.kind !== 'operator') throw new TypeError('no keyed operator')
  const reached = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const elements = rows[0].flatMap((row, n) =>
    [row, rows[1][n]].slice(0, node.inputs.length).flatMap((side, input): TestElement[] => {
      if (side === undefined) return []
      const watermark = reached[input] ?? 0
      reached[input] = Math.max(watermark, side.at - 500 - 1)
      return [{ kind: 'row', row: side, input, timestamp: side.at, watermark }]
    }),
  )
  const ends = node.inputs.map((_, input): TestElement => {
    return { kind: 'watermark', input, timestamp: Number.POSITIVE_INFINITY }
  })
  const schema = memory(rows[0]).schema
  if (schema === undefined) throw new TypeError('no schema')
  const outputs = runOperator(node.role.create, kernel, [schema, schema], [...elements, ...ends], mode)
  const byOutput: Record<string, TestOutput[]> = {}
  for (const out of outputs) {
    if (!('row' in out)) continue
    byOutput[out.output] ??= []
    byOutput[out.output]?.push(out)
  }
  return byOutput
}

describe.each(LAW_CASES.map(one => [one.name, one] as const))('%s', (_name, of) => {
  // Rows of two inputs meet in any order: what is late would depend on it.
  const lateShare = of.compared === 'rows' ? 0.05 : 0
  const rows: Rows = [readings(ROWS, 11, lateShare), readings(ROWS, 12, lateShare)]

  it('gives the same with 1, 2, 5, 3 and 2 subtasks in turn, stopped and crashed', async () => {
    const expected = await outcome(of, rows, [{ parallelism: 1 }])
    expect(expected.length).toBeGreaterThan(2)
    expect(await outcome(of, rows, LIVES)).toEqual(expected)
  })

  const itSteps = of.waits === true ? undefined : it
  itSteps?.('gives the same however rows are cut, and restored at every position', () => {
    const few: Rows = [rows[0].slice(0, 40), rows[1].slice(0, 40)]
    const expected = outputsOf(of, few, modeOf('batched'))
    expect(Object.values(expected).flat().length).toBeGreaterThan(2)
    for (const mode of [modeOf('in threes'), modeOf('restored after each row')])
      expect(outputsOf(of, few, mode), mode.name).toEqual(expected)
  })

  const itReorders = of.anyOrder ? it : undefined
  itReorders?.('gives the same for any order of records within the bound', async () => {
    const [one, two] = [distinct(readings(ROWS, 13, 0)), distinct(readings(ROWS, 14, 0))]
    const expected = await outcome(of, [shuffled(one, 1), two], [{ parallelism: 1 }])
    expect(await outcome(of, [shuffled(one, 2), shuffled(two, 3)], [{ parallelism: 3 }], 5)).toEqual(expected)
  })
})
