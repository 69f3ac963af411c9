/*
 * Which fields of its sources a job reads. What nobody reads is not decoded: each operator says which fields of its
 * inputs it looks at, as far as it can tell (a function of whole rows cannot), and from the sinks up to the sources this
 * adds up. Rows of a union come from several sources and must have the same columns, so these are taken together.
 */
import { readSchema } from '../core/read-schema.js'
import { type GraphNode, MAIN_OUTPUT } from './job-graph.js'

/** The fields that are read of the rows of an output; undefined: all. */
type Needed = ReadonlySet<string> | undefined

/** The nodes, in their order, with sources that leave undecoded what nobody reads. */
export function projectedSources(nodes: readonly GraphNode[]): GraphNode[] {
  const origins = originsOf(nodes)
  const needed = neededOfSources(nodes, origins)
  const projected = new Map<string, GraphNode>()
  for (const node of nodes) {
    const fields = needed.get(origins.get(node.id)?.[0] ?? '')
    projected.set(node.id, fields === undefined ? node : projection(node, [...fields].sort()))
  }
  return nodes.map(node => projected.get(node.id) ?? node)
}

function projection(node: GraphNode, fields: readonly string[]): GraphNode {
  const schema = node.schema && readSchema(node.schema, fields)
  if (schema !== undefined && schema === node.schema) return node
  const { role } = node
  if (role.kind !== 'source') return { ...node, schema }
  const source = role.source.project?.(fields)
  if (source === undefined) return node
  return { ...node, schema, role: { ...role, source, fields: schema?.names ?? fields } }
}

/** The sources whose rows a node's main output holds as they came; none where it makes rows of its own. */
function originsOf(nodes: readonly GraphNode[]): Map<string, readonly string[]> {
  const origins = new Map<string, readonly string[]>()
  for (const { id, role, inputs, reads } of nodes) {
    if (role.kind === 'source') origins.set(id, [id])
    else if (reads?.passes.includes(MAIN_OUTPUT) !== true) origins.set(id, [])
    else {
      const all = inputs.map(({ from, output }) => (output === MAIN_OUTPUT ? (origins.get(from) ?? []) : []))
      // Where one input has columns of its own making, the others keep theirs.
      origins.set(id, all.some(each => each.length === 0) ? [] : [...new Set(all.flat())])
    }
  }
  return origins
}

/** By source; undefined, or not there: all of its fields. */
function neededOfSources(
  nodes: readonly GraphNode[],
  origins: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, Needed> {
  const ofOutputs = new Map<string, Needed>()
  const add = (from: string, output: string, fields: Needed): void => {
    const key = `${from} ${output}`
    const before = ofOutputs.has(key) ? ofOutputs.get(key) : new Set<string>()
    ofOutputs.set(key, before === undefined || fields === undefined ? undefined : new Set([...before, ...fields]))
  }
  const ofOutput = (id: string, output: string): Needed => {
    const key = `${id} ${output}`
    return ofOutputs.has(key) ? ofOutputs.get(key) : new Set()
  }
  for (const node of nodes.toReversed()) {
    const own = needsOf(node, output => ofOutput(node.id, output), origins.get(node.id) ?? [])
    for (const { from, output, partition } of node.inputs) {
      add(from, output, own)
      if (typeof partition === 'object') add(from, output, new Set(partition.hashOf))
    }
  }
  const needed = new Map<string, Needed>()
  for (const { id, role } of nodes) {
    if (role.kind !== 'source') continue
    const fields = role.readsAll || role.source.project === undefined ? undefined : ofOutput(id, MAIN_OUTPUT)
    needed.set(id, fields)
  }
  return together(needed, origins)
}

function needsOf(node: GraphNode, ofOutput: (output: string) => Needed, origins: readonly string[]): Needed {
  const { reads } = node
  if (reads === undefined) return undefined
  const all = new Set(reads.fields)
  for (const output of reads.passes) {
    // A union with rows that are made elsewhere: those have all of their columns.
    const fields = output === MAIN_OUTPUT && origins.length === 0 ? undefined : ofOutput(output)
    if (fields === undefined) return undefined
    for (const field of fields) all.add(field)
  }
  return all
}

/** Sources whose rows meet in a union give the same fields. */
function together(
  needed: ReadonlyMap<string, Needed>,
  origins: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, Needed> {
  const result = new Map(needed)
  const unions = [...origins.values()].filter(sources => sources.length > 1)
  // What a union adds to a source, the next one may have to add to another.
  for (let changed = true; changed; ) {
    changed = false
    for (const sources of unions) {
      const all = sources.map(source => result.get(source))
      const sizes = all.map(fields => fields?.size)
      const every = all.includes(undefined) ? undefined : new Set(all.flatMap(fields => [...(fields ?? [])]))
      if (sizes.every(size => size === every?.size)) continue
      for (const source of sources) result.set(source, every)
      changed = true
    }
  }
  return result
}
