/*
 * Benchmarks measure their subject and its peers in turn (A B C, A B C, ...) in one process, so that what disturbs the
 * machine disturbs them all, and the ratio binds where absolute figures only orient.
 */

/** What is measured: `run` is timed by the harness; `measure` brings its own figure, in the benchmark's unit. */
export type Contender =
  | { readonly prepare?: () => void | Promise<void>; readonly run: () => void | Promise<void> }
  | MeasuredContender

export interface MeasuredContender {
  readonly measure: () => number | Promise<number>
}

/** A peer that this machine cannot run (no C compiler, ...), and why. */
export interface Unavailable {
  readonly unavailable: string
}

export interface Contest {
  readonly subject: Contender
  readonly peers?: Readonly<Record<string, Contender | Unavailable>>
  readonly close?: () => void | Promise<void>
}

/** Timed units are worked out from `rows` and the time of a run; the others come from `measure`. */
export type TimedUnit = 'Mrows/s' | 'ns/row' | 'ms'
export type Unit = TimedUnit | 'MB' | 'kB'

export interface Benchmark {
  /** `group/what`, in lower case. */
  readonly name: string
  /** One sentence: what is done to what. */
  readonly workload: string
  readonly unit: Unit
  /** Rows that one run goes through. */
  readonly rows: number
  /** Measured rounds, after the warm-up. */
  readonly runs?: number
  /** Rounds before that, of all contenders, that are not measured: until the just-in-time compilers are done. */
  readonly warmUpRuns?: number
  /** Makes the input; called only when the benchmark is wanted. */
  readonly open: () => Contest | Promise<Contest>
}

/** A line of --json, besides node and commit. One for each peer, or one alone where there is none. */
export interface Result {
  readonly name: string
  readonly unit: Unit
  /** The subject's median. */
  readonly value: number
  readonly peer?: string
  /** The peer's median, in the same unit. */
  readonly baseline?: number
  /** Median over the rounds of subject / peer, in the same unit: above 1 is better for Mrows/s, worse for the others. */
  readonly ratio?: number
  readonly rows: number
  readonly runs: number
}

export const DEFAULT_RUNS = 9
const WARM_UP_RUNS = 2
/** Below this a run is too short to be told from the noise of the clock and the scheduler. */
const SHORTEST_RUN_MS = 5

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

function inUnit(unit: Unit, elapsedMs: number, rows: number): number {
  switch (unit) {
    case 'ms':
      return elapsedMs
    case 'ns/row':
      return (elapsedMs * 1e6) / rows
    case 'Mrows/s':
      return rows / elapsedMs / 1000
    default:
      throw new TypeError(`a time cannot be told in ${unit}: give a contender with measure()`)
  }
}

async function figure(contender: Contender, { unit, rows }: Benchmark, shortest: { ms: number }): Promise<number> {
  if ('measure' in contender) return contender.measure()
  await contender.prepare?.()
  const start = performance.now()
  const pending = contender.run()
  if (pending) await pending
  const elapsedMs = performance.now() - start
  shortest.ms = Math.min(shortest.ms, elapsedMs)
  return inUnit(unit, elapsedMs, rows)
}

/** Runs one benchmark. `note` takes what a reader should know besides the figures. */
export async function measure(benchmark: Benchmark, note: (text: string) => void): Promise<Result[]> {
  const { name, unit, rows, runs = DEFAULT_RUNS, warmUpRuns = WARM_UP_RUNS } = benchmark
  const { subject, peers = {}, close } = await benchmark.open()
  const contenders: [string, Contender][] = []
  for (const [peer, contender] of Object.entries(peers)) {
    if ('unavailable' in contender) note(`${name}: ${peer} is left out: ${contender.unavailable}`)
    else contenders.push([peer, contender])
  }
  const shortest = { ms: Number.POSITIVE_INFINITY }
  const subjectFigures: number[] = []
  const peerFigures = new Map<string, number[]>(contenders.map(([peer]) => [peer, []]))
  try {
    for (let round = -warmUpRuns; round < runs; round++) {
      const value = await figure(subject, benchmark, shortest)
      if (round >= 0) subjectFigures.push(value)
      for (const [peer, contender] of contenders) {
        const baseline = await figure(contender, benchmark, shortest)
        if (round >= 0) peerFigures.get(peer)?.push(baseline)
      }
    }
  } finally {
    await close?.()
  }
  if (shortest.ms < SHORTEST_RUN_MS) note(`${name}: a run took ${shortest.ms.toFixed(2)} ms, too short to trust`)

  const value = median(subjectFigures)
  if (contenders.length === 0) return [{ name, unit, value, rows, runs }]
  return contenders.map(([peer]) => {
    const figures = peerFigures.get(peer) ?? []
    const ratio = median(figures.map((baseline, round) => (subjectFigures[round] ?? Number.NaN) / baseline))
    return { name, unit, value, peer, baseline: median(figures), ratio, rows, runs }
  })
}

/** The benchmarks that the names ask for: a name, or a group for all below it; all when none is given. */
export function select(all: readonly Benchmark[], names: readonly string[]): readonly Benchmark[] {
  if (names.length === 0) return all
  const isWanted = (benchmark: Benchmark, name: string) =>
    benchmark.name === name || benchmark.name.startsWith(`${name}/`)
  const unknown = names.find(name => !all.some(benchmark => isWanted(benchmark, name)))
  if (unknown !== undefined) {
    throw new RangeError(`no benchmark ${unknown}; there are:\n${all.map(({ name }) => `  ${name}`).join('\n')}`)
  }
  return all.filter(benchmark => names.some(name => isWanted(benchmark, name)))
}
