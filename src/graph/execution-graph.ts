import type { Json } from '../core/json.js'
import { assignGroups, type Chain, chainOperators, isLocal } from './chaining.js'
import type { EdgePartition, JobGraph } from './job-graph.js'
import { assignParallelism, checkParallelism } from './parallelism.js'

/** One parallel instance of a chain: what one task runs. */
export interface Subtask {
  readonly chain: Chain
  /** 0 to parallelism - 1. */
  readonly index: number
  /** Unique in the graph: '2.0'. */
  readonly id: string
  /** For people: 'windows → sink-1 (2/4)'. */
  readonly name: string
  readonly slot: number
}

/** An edge between two chains: every pair of subtasks that it connects has a channel of its own. */
export interface Exchange {
  readonly id: number
  readonly from: { readonly chain: number; readonly node: string; readonly output: string }
  readonly to: { readonly chain: number; readonly node: string; readonly input: number }
  /** 'forward' connects subtasks of equal index, any other each sender with each receiver. */
  readonly partition: EdgePartition
}

/** Where subtasks run together: a thread's share of the job. */
export interface Slot {
  readonly index: number
  readonly group: string
  readonly subtasks: readonly Subtask[]
}

/**
 * The physical graph of a job: its operators in chains, the chains in subtasks, the subtasks in slots. It follows from
 * the job graph and the parallelism alone, so that every worker that builds it has the same.
 *
 * Laws: each operator is in one chain; edges inside a chain connect equal subtasks; chains and exchanges have no
 * circle; a slot has at most one subtask of a chain.
 */
export class ExecutionGraph {
  readonly job: JobGraph
  readonly parallelism: number
  readonly maxParallelism: number
  readonly chains: readonly Chain[]
  readonly exchanges: readonly Exchange[]
  readonly subtasks: readonly Subtask[]
  readonly slots: readonly Slot[]

  /** @throws SabotError INVALID_PARALLELISM */
  constructor(job: JobGraph, parallelism: number = job.parallelism ?? 1) {
    checkParallelism(`Job ${job.name}`, parallelism)
    this.job = job
    this.parallelism = parallelism
    this.maxParallelism = job.maxParallelism
    const assigned = assignParallelism(job, parallelism)
    this.chains = chainOperators(job, { parallelism: assigned, groups: assignGroups(job) })
    this.exchanges = connect(job, this.chains, assigned)
    this.subtasks = subtasksOf(this.chains)
    this.slots = slotsOf(this.subtasks)
  }

  /** What every worker's graph must agree on; a fingerprint is a hash of it. */
  get canonical(): string {
    return JSON.stringify([this.job.toJSON(), this.toJSON()])
  }

  /** The chain of an operator. */
  chainOf(node: string): Chain {
    const chain = this.chains.find(({ nodes }) => nodes.some(({ id }) => id === node))
    if (chain === undefined) throw new TypeError(`Job ${this.job.name} has no operator ${node}`)
    return chain
  }

  toJSON(): { readonly [field: string]: Json } {
    return {
      parallelism: this.parallelism,
      maxParallelism: this.maxParallelism,
      tasks: this.chains.map(({ id, nodes, parallelism, slotSharingGroup }) => {
        return { id, operators: nodes.map(node => node.id), parallelism, slotSharingGroup }
      }),
      exchanges: this.exchanges.map(({ id, from, to, partition }) => ({
        id,
        from: { ...from },
        to: { ...to },
        partition: typeof partition === 'string' ? partition : { hashOf: partition.hashOf },
      })),
      slots: this.slots.map(({ index, group, subtasks }) => ({ index, group, subtasks: subtasks.map(({ id }) => id) })),
    }
  }
}

function connect(job: JobGraph, chains: readonly Chain[], parallelism: ReadonlyMap<string, number>): Exchange[] {
  const chainOf = new Map(chains.flatMap(({ id, nodes }) => nodes.map(node => [node.id, id] as const)))
  const exchanges: Exchange[] = []
  for (const node of job.nodes) {
    for (const [input, edge] of node.inputs.entries()) {
      const fromChain = chainOf.get(edge.from) ?? 0
      const toChain = chainOf.get(node.id) ?? 0
      if (fromChain === toChain) continue
      exchanges.push({
        id: exchanges.length,
        from: { chain: fromChain, node: edge.from, output: edge.output },
        to: { chain: toChain, node: node.id, input },
        partition: partitionOf(edge.partition, isLocal(node, edge, parallelism)),
      })
    }
  }
  return exchanges
}

/** Rows that were to stay where they are go by turns where sender and receiver have not as many subtasks. */
function partitionOf(partition: EdgePartition, isLocalEdge: boolean): EdgePartition {
  if (isLocalEdge) return 'forward'
  return partition === 'forward' ? 'rebalance' : partition
}

function subtasksOf(chains: readonly Chain[]): Subtask[] {
  const firstSlot = new Map<string, number>()
  let slots = 0
  for (const { slotSharingGroup } of chains) {
    if (firstSlot.has(slotSharingGroup)) continue
    firstSlot.set(slotSharingGroup, slots)
    slots += Math.max(...chains.filter(c => c.slotSharingGroup === slotSharingGroup).map(c => c.parallelism))
  }
  return chains.flatMap(chain => {
    const first = firstSlot.get(chain.slotSharingGroup) ?? 0
    const names = chain.nodes.map(({ id }) => id).join(' → ')
    return Array.from({ length: chain.parallelism }, (_, index): Subtask => {
      const name = `${names} (${index + 1}/${chain.parallelism})`
      return { chain, index, id: `${chain.id}.${index}`, name, slot: first + index }
    })
  })
}

function slotsOf(subtasks: readonly Subtask[]): Slot[] {
  const count = Math.max(...subtasks.map(({ slot }) => slot)) + 1
  return Array.from({ length: count }, (_, index): Slot => {
    const own = subtasks.filter(({ slot }) => slot === index)
    return { index, group: own[0]?.chain.slotSharingGroup ?? '', subtasks: own }
  })
}
