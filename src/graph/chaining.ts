import type { GraphEdge, GraphNode, JobGraph } from './job-graph.js'

/** Operators that run in one task. */
export interface Chain {
  /** By the order in which tasks depend on one another: inputs come from chains of lower numbers only. */
  readonly id: number
  readonly nodes: readonly GraphNode[]
  readonly parallelism: number
  readonly slotSharingGroup: string
}

export interface ChainingContext {
  readonly parallelism: ReadonlyMap<string, number>
  readonly groups: ReadonlyMap<string, string>
}

const DEFAULT_GROUP = 'default'

/** The slot sharing group of each operator: its own, that of its inputs where they agree, or 'default'. */
export function assignGroups(graph: JobGraph): ReadonlyMap<string, string> {
  const groups = new Map<string, string>()
  for (const { id, inputs, hints } of graph.nodes) {
    const inherited = new Set(inputs.map(({ from }) => groups.get(from) ?? DEFAULT_GROUP))
    const [only = DEFAULT_GROUP] = inherited
    groups.set(id, hints.slotSharingGroup ?? (inherited.size === 1 ? only : DEFAULT_GROUP))
  }
  return groups
}

/**
 * Whether rows may flow over the edge inside one task: sender and receiver have as many subtasks, row for row in the
 * same one. With one subtask each, every way of spreading rows leads there.
 */
export function isLocal(node: GraphNode, edge: GraphEdge, parallelism: ReadonlyMap<string, number>): boolean {
  const to = parallelism.get(node.id)
  return parallelism.get(edge.from) === to && (edge.partition === 'forward' || to === 1)
}

/**
 * Puts operators into chains: along each local edge that no hint forbids, unless that would make two tasks wait for
 * each other (a path that leaves a chain and comes back).
 */
export function chainOperators(graph: JobGraph, context: ChainingContext): Chain[] {
  const { parallelism, groups } = context
  const chainOf = new Map<string, Set<GraphNode>>()
  const chains = new Set<Set<GraphNode>>()
  for (const node of graph.nodes) {
    let own = new Set([node])
    chains.add(own)
    chainOf.set(node.id, own)
    for (const edge of node.inputs) {
      const other = chainOf.get(edge.from)
      if (other === undefined || other === own) continue
      const areAllowed = [...own].every(member =>
        member.inputs
          .filter(({ from }) => chainOf.get(from) === other)
          .every(between => mayChain(graph.node(between.from), member, between, context)),
      )
      if (!areAllowed || leadsAround(other, own, chainOf)) continue
      const joined = new Set([...other, ...own])
      chains.delete(other)
      chains.delete(own)
      chains.add(joined)
      for (const { id } of joined) chainOf.set(id, joined)
      own = joined
    }
  }
  return inOrder(chains, chainOf).map((nodes, id): Chain => {
    const members = graph.nodes.filter(node => nodes.has(node))
    const [first] = members
    if (first === undefined) throw new TypeError('A chain without operators')
    return {
      id,
      nodes: members,
      parallelism: parallelism.get(first.id) ?? 1,
      slotSharingGroup: groups.get(first.id) ?? DEFAULT_GROUP,
    }
  })
}

function mayChain(from: GraphNode, to: GraphNode, edge: GraphEdge, { parallelism, groups }: ChainingContext): boolean {
  if (from.hints.chaining === 'never' || (to.hints.chaining ?? 'auto') !== 'auto') return false
  return isLocal(to, edge, parallelism) && groups.get(from.id) === groups.get(to.id)
}

type ChainOf = ReadonlyMap<string, ReadonlySet<GraphNode>>

function inputsOf(chain: ReadonlySet<GraphNode>, chainOf: ChainOf): Set<ReadonlySet<GraphNode>> {
  const inputs = new Set<ReadonlySet<GraphNode>>()
  for (const { inputs: edges } of chain) {
    for (const { from } of edges) {
      const other = chainOf.get(from)
      if (other !== undefined && other !== chain) inputs.add(other)
    }
  }
  return inputs
}

/** Whether `to` can be reached from `from`, or `from` from `to`, by a path through a third chain. */
function leadsAround(from: ReadonlySet<GraphNode>, to: ReadonlySet<GraphNode>, chainOf: ChainOf): boolean {
  const reaches = (start: ReadonlySet<GraphNode>, goal: ReadonlySet<GraphNode>): boolean => {
    const seen = new Set<ReadonlySet<GraphNode>>()
    const open = [...inputsOf(start, chainOf)].filter(chain => chain !== goal)
    for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
      if (chain === goal) return true
      if (seen.has(chain)) continue
      seen.add(chain)
      open.push(...inputsOf(chain, chainOf))
    }
    return false
  }
  return reaches(to, from) || reaches(from, to)
}

/** Chains behind all that they take input from; among those that are free the one whose first operator came first. */
function inOrder(chains: ReadonlySet<ReadonlySet<GraphNode>>, chainOf: ChainOf): ReadonlySet<GraphNode>[] {
  const ordered: ReadonlySet<GraphNode>[] = []
  const left = new Set(chains)
  while (left.size > 0) {
    const next = [...left].find(chain => [...inputsOf(chain, chainOf)].every(input => !left.has(input)))
    if (next === undefined) throw new TypeError('The operators of a job form a circle')
    left.delete(next)
    ordered.push(next)
  }
  return ordered
}
