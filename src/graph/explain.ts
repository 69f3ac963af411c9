import type { EdgePartition, GraphNode, JobGraph } from './job-graph.js'

/** The graph for people: a line an operator, its inputs, and the schema where it is known. */
export function explainGraph(graph: JobGraph): string {
  const width = Math.max(...graph.nodes.map(({ id }) => id.length))
  const lines = [`job ${graph.name}`]
  for (const { name, value, defaultValue } of graph.parameters) {
    lines.push(`  parameter ${name} = ${value}${value === defaultValue ? '' : ` (default ${defaultValue})`}`)
  }
  for (const node of graph.nodes) {
    lines.push(`  ${node.id.padEnd(width)}  ${node.description}`)
    for (const line of details(node)) lines.push(`  ${' '.repeat(width)}    ${line}`)
  }
  return lines.join('\n')
}

function details({ inputs, schema, role }: GraphNode): string[] {
  const lines = inputs.map(({ from, output, partition }) => {
    const what = output === 'main' ? from : `${from}, output ${output}`
    return `<- ${what}${describePartition(partition)}`
  })
  if (role.kind === 'source') {
    lines.push(role.source.replayable ? 'can be read again' : 'can be read once only')
    if (role.fields !== undefined) lines.push(`decodes ${role.fields.join(', ')} only: nobody reads more`)
  }
  if (role.kind === 'sink') lines.push(role.sink.guarantee)
  else lines.push(schema === undefined ? 'fields are known when it runs' : schema.describe())
  return lines
}

function describePartition(partition: EdgePartition): string {
  if (typeof partition === 'object') return `, by key (${partition.hashOf.join(', ')})`
  if (partition === 'rebalance') return ', by turns'
  return partition === 'broadcast' ? ', to all' : ''
}
