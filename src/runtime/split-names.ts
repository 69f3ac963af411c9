import type { JobGraph } from '../graph/job-graph.js'
import type { TaskSource } from './source-splits.js'

/** A split of a source as an operator behind it knows it. */
export interface NamedSplit {
  readonly name: string
  /** undefined: another subtask reads it. */
  readonly source: TaskSource | undefined
}

/** The splits that a subtask reads, by source and number. */
export type SourcesBySplit = ReadonlyMap<string, ReadonlyMap<number | undefined, TaskSource>>

export function bySplit(sources: readonly TaskSource[]): SourcesBySplit {
  const all = new Map<string, Map<number | undefined, TaskSource>>()
  for (const source of sources) {
    const { id } = source.node
    const ofSource = all.get(id) ?? new Map<number | undefined, TaskSource>()
    all.set(id, ofSource.set(source.split?.number, source))
  }
  return all
}

/**
 * The name of a split by the number that an operator behind the source knows it by: unions without event time number
 * the splits of their inputs anew (operators/union.ts).
 */
export function nameSplit(
  job: JobGraph,
  operator: string,
  split: number | undefined,
  sources: SourcesBySplit,
): NamedSplit {
  const { inputs, id } = job.node(operator)
  const [first] = inputs
  if (first === undefined) {
    const source = sources.get(id)?.get(split)
    return { name: split === undefined ? id : `split ${source?.split?.id ?? split} of ${id}`, source }
  }
  if (inputs.length === 1 || split === undefined) return nameSplit(job, first.from, split, sources)
  const from = inputs[split % inputs.length]?.from ?? first.from
  const number = Math.floor(split / inputs.length)
  return nameSplit(job, from, number === 0 ? undefined : number - 1, sources)
}
