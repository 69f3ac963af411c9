import { describeValue, SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'
import type { Schema } from '../core/schema.js'
import {
  type EdgePartition,
  type FieldsRead,
  type GraphEdge,
  type GraphNode,
  JobGraph,
  type JobParallelism,
  type JobParameter,
  MAIN_OUTPUT,
  type NodeHints,
  type NodeRole,
} from './job-graph.js'
import { checkParallelism } from './parallelism.js'
import { projectedSources } from './projected-sources.js'

/** An edge to a node of the same builder, whose id may still change. */
export interface NodeInput {
  readonly from: DraftNode
  readonly output?: string
  readonly hashOf?: readonly string[]
  /** Without `hashOf`: 'forward' unless it says otherwise. */
  readonly partition?: Exclude<EdgePartition, object>
}

export interface DraftInit {
  readonly kind: string
  readonly id?: string | undefined
  readonly description: string
  readonly inputs: readonly NodeInput[]
  readonly role: NodeRole
  readonly settings?: Json
  readonly schema?: Schema | undefined
  readonly reads?: FieldsRead | undefined
}

/** A node while the job is being built: it can still be named. */
export interface DraftNode extends DraftInit {
  id: string | undefined
  hints: NodeHints
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** Collects the nodes that a job's function makes. */
export class GraphBuilder {
  private readonly nodes: DraftNode[] = []
  private isFinished = false

  private readonly jobName: string

  constructor(jobName: string) {
    this.jobName = jobName
  }

  add(init: DraftInit): DraftNode {
    if (this.isFinished) throw new TypeError(`Job ${this.jobName} is built: its streams cannot be used any more`)
    const node: DraftNode = { ...init, id: undefined, hints: {} }
    if (init.id !== undefined) this.name(node, init.id)
    this.nodes.push(node)
    return node
  }

  /** @throws SabotError INVALID_NAME, DUPLICATE_ID */
  name(node: DraftNode, id: string): void {
    if (typeof id !== 'string' || !ID.test(id)) {
      throw new SabotError(
        'INVALID_NAME',
        `An operator's id is 1 to 64 letters, digits, hyphens and underscores, not ${describeValue(id)}`,
        { id },
      )
    }
    if (this.nodes.some(other => other !== node && other.id === id)) {
      throw new SabotError('DUPLICATE_ID', `Job ${this.jobName} has two operators with the id ${id}`, { id })
    }
    node.id = id
  }

  /** Says how an operator runs, beside what was said before. @throws SabotError INVALID_PARALLELISM, INVALID_OPTION */
  hint(node: DraftNode, hints: NodeHints): void {
    checkHints(hints)
    node.hints = { ...node.hints, ...hints }
  }

  /** @throws SabotError EMPTY_JOB, NO_SINK */
  finish(parameters: readonly JobParameter[], parallelism: JobParallelism): JobGraph {
    this.isFinished = true
    const { jobName } = this
    if (!this.nodes.some(({ role }) => role.kind === 'source')) {
      throw new SabotError('EMPTY_JOB', `Job ${jobName} reads nothing: begin with j.from(source)`, { job: jobName })
    }
    if (!this.nodes.some(({ role }) => role.kind === 'sink')) {
      throw new SabotError('NO_SINK', `Job ${jobName} writes nothing: end a stream with .to(sink)`, { job: jobName })
    }
    const ids = this.assignIds()
    const nodes = this.nodes.map((draft): GraphNode => {
      const { kind, description, role, settings = null, schema, reads } = draft
      const inputs = draft.inputs.map(({ from, output = MAIN_OUTPUT, hashOf, partition = 'forward' }): GraphEdge => {
        return { from: idOf(ids, from), output, partition: hashOf === undefined ? partition : { hashOf } }
      })
      return { id: idOf(ids, draft), kind, description, inputs, role, settings, schema, reads, hints: draft.hints }
    })
    return new JobGraph(jobName, parameters, projectedSources(nodes), parallelism)
  }

  /** Nodes without a name are numbered by kind in the order in which they were built. */
  private assignIds(): Map<DraftNode, string> {
    const taken = new Set(this.nodes.flatMap(({ id }) => id ?? []))
    const counts = new Map<string, number>()
    const ids = new Map<DraftNode, string>()
    for (const node of this.nodes) {
      let count = counts.get(node.kind) ?? 0
      let id = node.id
      while (id === undefined) {
        count += 1
        const candidate = `${node.kind}-${count}`
        if (!taken.has(candidate)) id = candidate
      }
      counts.set(node.kind, count)
      ids.set(node, id)
    }
    return ids
  }
}

function checkHints({ parallelism, chaining, slotSharingGroup }: NodeHints): void {
  if (parallelism !== undefined) checkParallelism('An operator', parallelism)
  if (chaining !== undefined && !['auto', 'head', 'never'].includes(chaining)) {
    throw new SabotError('INVALID_OPTION', `chaining is 'auto', 'head' or 'never', not ${describeValue(chaining)}`, {
      option: 'chaining',
      value: chaining,
    })
  }
  if (slotSharingGroup !== undefined && !ID.test(slotSharingGroup)) {
    throw new SabotError(
      'INVALID_NAME',
      `A slot sharing group's name is 1 to 64 letters, digits, hyphens and underscores, not ${describeValue(slotSharingGroup)}`,
      { name: slotSharingGroup },
    )
  }
}

function idOf(ids: ReadonlyMap<DraftNode, string>, node: DraftNode): string {
  const id = ids.get(node)
  if (id === undefined) throw new TypeError('Streams of two different jobs cannot be connected')
  return id
}
