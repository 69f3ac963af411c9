import type { Exchange, ExecutionGraph } from './execution-graph.js'
import type { EdgePartition } from './job-graph.js'
import { localAggregateOf } from './local-aggregates.js'

/** The physical graph for people: tasks with their operators, what flows between them, and the slots. */
export function explainExecution(graph: ExecutionGraph): string {
  const { chains, exchanges, slots, parallelism, maxParallelism } = graph
  const lines = [`parallelism ${parallelism}, ${maxParallelism} key groups`, 'tasks']
  for (const { id, nodes, parallelism: subtasks } of chains) {
    lines.push(`  ${id}  ${nodes.map(node => node.id).join(' → ')}  × ${subtasks}`)
    for (const exchange of exchanges.filter(({ to }) => to.chain === id)) {
      const isAggregated = subtasks > 1 && localAggregateOf(graph.job, exchange) !== undefined
      lines.push(`     <- ${describe(exchange)}${isAggregated ? ', aggregated before' : ''}`)
    }
  }
  lines.push('slots')
  for (const { index, group, subtasks } of slots) {
    const tasks = subtasks.map(({ chain, index: number }) => `${chain.id} (${number + 1}/${chain.parallelism})`)
    lines.push(`  ${index}  ${group === 'default' ? '' : `${group}: `}${tasks.join(', ')}`)
  }
  return lines.join('\n')
}

function describe({ from, to, partition }: Exchange): string {
  const output = from.output === 'main' ? from.node : `${from.node}, output ${from.output}`
  return `task ${from.chain} (${output} → ${to.node}), ${inWords(partition)}`
}

function inWords(partition: EdgePartition): string {
  if (typeof partition === 'object') return `by key (${partition.hashOf.join(', ')})`
  const words = { forward: 'one to one', rebalance: 'by turns', broadcast: 'each record to all' }
  return words[partition]
}

/** The physical graph in Graphviz' language: a cluster a task, a node an operator, an edge where rows flow. */
export function executionDot(graph: ExecutionGraph): string {
  const { job, chains } = graph
  const chainOf = new Map(chains.flatMap(({ id, nodes }) => nodes.map(node => [node.id, id] as const)))
  const lines = [`digraph ${quoted(job.name)} {`, '  rankdir=LR', '  node [shape=box]']
  for (const { id, nodes, parallelism } of chains) {
    lines.push(`  subgraph ${quoted(`cluster_${id}`)} {`, `    label=${quoted(`task ${id} × ${parallelism}`)}`)
    for (const { id: operator, description } of nodes) {
      lines.push(`    ${quoted(operator)} [label=${quoted(`${operator}\n${description}`)}]`)
    }
    lines.push('  }')
  }
  for (const { id, inputs } of job.nodes) {
    for (const [input, { from, output }] of inputs.entries()) {
      const exchange = graph.exchanges.find(({ to }) => to.node === id && to.input === input)
      const label = [output === 'main' ? '' : output, exchange === undefined ? '' : inWords(exchange.partition)]
      const style = chainOf.get(from) === chainOf.get(id) ? '' : ', style=bold'
      lines.push(
        `  ${quoted(from)} -> ${quoted(id)} [label=${quoted(label.filter(text => text !== '').join(', '))}${style}]`,
      )
    }
  }
  return [...lines, '}'].join('\n')
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`
}
