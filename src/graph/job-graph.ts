import type { Json } from '../core/json.js'
import { DEFAULT_MAX_PARALLELISM } from '../core/key-groups.js'
import type { Schema } from '../core/schema.js'
import type { LocalAggregateFactory } from '../operators/local-aggregate.js'
import type { OperatorFactory } from '../operators/operator.js'
import type { Sink } from '../operators/sink.js'
import type { Source } from '../operators/source.js'

/** The output that every operator has; others are side outputs such as 'late'. */
export const MAIN_OUTPUT = 'main'

/** One operator of the logical graph. */
export interface GraphNode {
  /** Stable and unique: state is found again by it. */
  readonly id: string
  /** 'source', 'map', 'window-aggregate', ... */
  readonly kind: string
  /** What it does, in words. */
  readonly description: string
  readonly inputs: readonly GraphEdge[]
  readonly role: NodeRole
  /** The settings that its state depends on. */
  readonly settings: Json
  /** The schema of its main output where it is known before the job runs. */
  readonly schema: Schema | undefined
  /** undefined: it may look at any field. */
  readonly reads?: FieldsRead | undefined
  readonly hints: NodeHints
}

/** What an operator looks at of the rows of its inputs. */
export interface FieldsRead {
  readonly fields: readonly string[]
  /** The outputs that hold rows of the inputs as they came: who reads those, reads the inputs' fields. */
  readonly passes: readonly string[]
}

/** What the author of a job says about how an operator runs; results do not depend on it. */
export interface NodeHints {
  /** Subtasks of the operator; undefined: as many as its place in the graph asks for (parallelism.ts). */
  readonly parallelism?: number
  /** 'head': a task of its own begins here; 'never': it shares a task with no other. Default 'auto'. */
  readonly chaining?: Chaining
  /** Subtasks of different groups are in different slots. Default: the group of its inputs, or 'default'. */
  readonly slotSharingGroup?: string
}

export type Chaining = 'auto' | 'head' | 'never'

export type NodeRole = SourceRole | OperatorRole | { readonly kind: 'sink'; readonly sink: Sink }

export interface OperatorRole {
  readonly kind: 'operator'
  readonly create: OperatorFactory
  /** What senders may do with rows before they leave for it; results do not depend on it. */
  readonly localAggregate?: LocalAggregateFactory | undefined
}

export interface SourceRole {
  readonly kind: 'source'
  readonly source: Source
  readonly idleAfterMs: number
  /** Whether all of its fields are decoded, though nobody reads them. */
  readonly readsAll: boolean
  /** The only ones that are decoded, since nobody reads the others; undefined: all. */
  readonly fields?: readonly string[]
}

export interface GraphEdge {
  /** The id of the node whose output flows in. */
  readonly from: string
  readonly output: string
  readonly partition: EdgePartition
}

/**
 * How rows are spread over parallel subtasks of the receiver: they stay where they are, go round by turns, go to all,
 * or go by the key group of these fields; of no fields: to one subtask.
 */
export type EdgePartition = 'forward' | 'rebalance' | 'broadcast' | { readonly hashOf: readonly string[] }

/** How many subtasks the job has where an operator says nothing else. */
export interface JobParallelism {
  /** undefined: as whoever runs it says, or 1. */
  readonly parallelism: number | undefined
  /** Key groups: the most subtasks that a keyed operator can ever have. Its state depends on it. */
  readonly maxParallelism: number
}

export const DEFAULT_PARALLELISM: JobParallelism = { parallelism: undefined, maxParallelism: DEFAULT_MAX_PARALLELISM }

export interface JobParameter {
  readonly name: string
  readonly defaultValue: string
  readonly value: string
}

/** The logical graph of a job: its operators in an order in which every node comes behind its inputs. */
export class JobGraph {
  readonly name: string
  readonly parameters: readonly JobParameter[]
  readonly nodes: readonly GraphNode[]
  readonly parallelism: number | undefined
  readonly maxParallelism: number

  constructor(
    name: string,
    parameters: readonly JobParameter[],
    nodes: readonly GraphNode[],
    { parallelism, maxParallelism }: JobParallelism = DEFAULT_PARALLELISM,
  ) {
    this.name = name
    this.parameters = parameters
    this.nodes = nodes
    this.parallelism = parallelism
    this.maxParallelism = maxParallelism
  }

  node(id: string): GraphNode {
    const node = this.nodes.find(candidate => candidate.id === id)
    if (node === undefined) throw new TypeError(`Job ${this.name} has no operator ${id}`)
    return node
  }

  toJSON(): { readonly [field: string]: Json } {
    return {
      name: this.name,
      parameters: Object.fromEntries(this.parameters.map(({ name, value }) => [name, value])),
      parallelism: this.parallelism ?? null,
      maxParallelism: this.maxParallelism,
      operators: this.nodes.map(({ id, kind, description, inputs, settings, schema, hints }) => ({
        id,
        kind,
        description,
        inputs: inputs.map(({ from, output, partition }) => ({
          from,
          output,
          partition: typeof partition === 'string' ? partition : { hashOf: partition.hashOf },
        })),
        settings,
        schema: schema === undefined ? null : schema.describe(),
        ...(Object.keys(hints).length > 0 && { hints: { ...hints } }),
      })),
    }
  }
}
