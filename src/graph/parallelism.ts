import { describeValue, SabotError } from '../core/errors.js'
import { MAX_KEY_GROUPS } from '../core/key-groups.js'
import { type GraphNode, JobGraph } from './job-graph.js'

/** @throws SabotError INVALID_PARALLELISM, beginning with `what` */
export function checkParallelism(what: string, parallelism: number): void {
  if (Number.isInteger(parallelism) && parallelism >= 1 && parallelism <= MAX_KEY_GROUPS) return
  throw new SabotError(
    'INVALID_PARALLELISM',
    `${what} has a whole number from 1 to ${MAX_KEY_GROUPS}, not ${describeValue(parallelism)}`,
    { value: parallelism },
  )
}

/** @throws SabotError INVALID_PARALLELISM */
export function checkMaxParallelism(maxParallelism: number): void {
  if (Number.isInteger(maxParallelism) && maxParallelism >= 1 && maxParallelism <= MAX_KEY_GROUPS) return
  throw new SabotError(
    'INVALID_PARALLELISM',
    `maxParallelism, the number of key groups, is a whole number from 1 to ${MAX_KEY_GROUPS}, not ${describeValue(maxParallelism)}`,
    { value: maxParallelism },
  )
}

/**
 * The graph with the number of key groups that whoever runs the job wants, or as it is where that is undefined.
 * @throws SabotError INVALID_PARALLELISM
 */
export function withMaxParallelism(graph: JobGraph, maxParallelism: number | undefined): JobGraph {
  if (maxParallelism === undefined) return graph
  checkMaxParallelism(maxParallelism)
  const { name, parameters, nodes, parallelism } = graph
  return new JobGraph(name, parameters, nodes, { parallelism, maxParallelism })
}

/**
 * The number of subtasks of each operator.
 *
 * 1. What the operator's author says, where it is possible.
 * 2. A source, or a sink, that cannot be shared has one; so has what is keyed by no field.
 * 3. A keyed operator, and a source that can be shared, has as many as the job.
 * 4. Any other has as many as the most of its inputs: so rows stay in order until a key spreads them.
 *
 * @throws SabotError INVALID_PARALLELISM
 */
export function assignParallelism(graph: JobGraph, parallelism: number): ReadonlyMap<string, number> {
  const assigned = new Map<string, number>()
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(({ from }) => assigned.get(from) ?? 1)
    const most = mostOf(node)
    const asked = node.hints.parallelism
    if (asked !== undefined && asked > most) throw tooMany(node, asked, 'cannot be shared: it has one subtask')
    const natural = isShared(node) ? parallelism : Math.max(1, ...inputs)
    const chosen = asked ?? Math.min(most, natural)
    if (chosen > graph.maxParallelism) {
      const why = `is more than its ${graph.maxParallelism} key groups (maxParallelism): lower it`
      throw tooMany(node, chosen, why)
    }
    assigned.set(node.id, chosen)
  }
  return assigned
}

function mostOf({ role, inputs }: GraphNode): number {
  if (role.kind === 'source') return role.source.splits === undefined ? 1 : Number.POSITIVE_INFINITY
  if (role.kind === 'sink') return role.sink.concurrent === true ? Number.POSITIVE_INFINITY : 1
  const isGlobal = inputs.some(({ partition }) => typeof partition === 'object' && partition.hashOf.length === 0)
  return isGlobal ? 1 : Number.POSITIVE_INFINITY
}

function isShared({ role, inputs }: GraphNode): boolean {
  return role.kind === 'source' || inputs.some(({ partition }) => typeof partition === 'object')
}

function tooMany({ id, kind }: GraphNode, parallelism: number, why: string): SabotError {
  return new SabotError('INVALID_PARALLELISM', `Operator ${id} (${kind}) with parallelism ${parallelism} ${why}`, {
    operator: id,
    parallelism,
  })
}
