import type { Json } from '../core/json.js'
import type { Schema } from '../core/schema.js'
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
}

export type NodeRole =
  | { readonly kind: 'source'; readonly source: Source; readonly idleAfterMs: number }
  | { readonly kind: 'operator'; readonly create: OperatorFactory }
  | { readonly kind: 'sink'; readonly sink: Sink }

export interface GraphEdge {
  /** The id of the node whose output flows in. */
  readonly from: string
  readonly output: string
  /** How rows are spread over parallel subtasks of the receiver: as they are, or by the key group of these fields. */
  readonly partition: 'forward' | { readonly hashOf: readonly string[] }
}

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

  constructor(name: string, parameters: readonly JobParameter[], nodes: readonly GraphNode[]) {
    this.name = name
    this.parameters = parameters
    this.nodes = nodes
  }

  node(id: string): GraphNode {
    const node = this.nodes.find(candidate => candidate.id === id)
    if (node === undefined) throw new TypeError(`Job ${this.name} has no operator ${id}`)
    return node
  }

  toJSON(): Json {
    return {
      name: this.name,
      parameters: Object.fromEntries(this.parameters.map(({ name, value }) => [name, value])),
      operators: this.nodes.map(({ id, kind, description, inputs, settings, schema }) => ({
        id,
        kind,
        description,
        inputs: inputs.map(({ from, output, partition }) => ({
          from,
          output,
          partition: partition === 'forward' ? 'forward' : { hashOf: partition.hashOf },
        })),
        settings,
        schema: schema === undefined ? null : schema.describe(),
      })),
    }
  }
}
