import { NO_WATERMARK } from '../core/element.js'
import type { Json } from '../core/json.js'
import { numberFromJson } from '../core/json-numbers.js'
import { keyGroupRange } from '../core/key-groups.js'
import type { Exchange, ExecutionGraph, Subtask } from '../graph/execution-graph.js'
import type { GraphNode, JobGraph } from '../graph/job-graph.js'
import { localAggregateOf } from '../graph/local-aggregates.js'
import type { Kernel } from '../kernel/module.js'
import type { Alignment } from './alignment.js'
import { type Channels, receiversOf, sendersOf } from './channels.js'
import type { Environment } from './environment.js'
import { ExchangeNode } from './exchange-node.js'
import { InputGate } from './input-gate.js'
import { InputProgress } from './input-progress.js'
import { LocalAggregateNode } from './local-aggregate-node.js'
import { createPartitioner } from './partitioner.js'
import { SinkPump } from './sink-pump.js'
import { openSplits, positionOf, type TaskSource } from './source-splits.js'
import type { RestoredNode, RestoredStates } from './subtask-state.js'
import type { TaskInput, TaskParts } from './task.js'
import { type Acknowledge, OperatorNode, SinkNode, SourceNode, type TaskNode } from './task-node.js'
import { WakeUps } from './wake-ups.js'

export interface WiringContext {
  readonly execution: ExecutionGraph
  readonly environment: Environment
  readonly kernel: Kernel
  readonly channels: Channels
  readonly restored: RestoredStates
  readonly batchRows: number
  readonly bufferTimeoutMs: number
  /** Shared by the subtasks of an executor. */
  readonly alignment: Alignment
  readonly acknowledge: Acknowledge
  onItem(): void
  onFailure(cause: unknown): void
}

const NOT_RESTORED: RestoredNode = { states: [], rowsIn: 0, rowsOut: 0 }

/** The operators of one subtask: opened, restored and connected, with one another and with the channels. */
export class Wiring implements TaskParts {
  readonly subtask: Subtask
  readonly nodes: TaskNode[] = []
  /** The splits of all sources that this subtask reads. */
  readonly sources: TaskSource[] = []
  readonly sourceNodes: SourceNode[] = []
  readonly inputs: TaskInput[] = []
  readonly sinks: SinkNode[] = []
  readonly operators: OperatorNode[] = []
  readonly exchanges: ExchangeNode[] = []
  private readonly localAggregates: LocalAggregateNode[] = []
  readonly alignment: Alignment
  /** With the operator and the number of its input that the gate feeds. */
  readonly gates: { readonly gate: InputGate; readonly node: string; readonly input: number }[] = []
  private readonly byId = new Map<string, TaskNode>()
  private readonly context: WiringContext

  private constructor(subtask: Subtask, context: WiringContext) {
    this.subtask = subtask
    this.context = context
    this.alignment = context.alignment
  }

  /** Closes what was opened when something fails. */
  static async open(subtask: Subtask, context: WiringContext): Promise<Wiring> {
    const wiring = new Wiring(subtask, context)
    try {
      for (const node of subtask.chain.nodes) await wiring.add(node)
      wiring.addExchanges()
      wiring.align()
      return wiring
    } catch (cause) {
      await wiring.close().catch(() => undefined)
      throw cause
    }
  }

  get job(): JobGraph {
    return this.context.execution.job
  }

  /** Releases everything; the first failure is thrown when all is released. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const node of this.operators) node.close()
    for (const { gate } of this.gates) gate.close()
    for (const node of [...this.localAggregates, ...this.exchanges]) node.close()
    for (const { pump } of [...this.sources, ...this.sinks])
      await pump.close().catch((cause: unknown) => failures.push(cause))
    if (failures.length > 0) throw failures[0]
  }

  /** How far each source has been taken. */
  positions(): { readonly node: SourceNode; readonly position: Json }[] {
    return this.sourceNodes.map(node => {
      return { node, position: positionOf(this.sources.filter(source => source.node === node)) }
    })
  }

  /** Aligned operators have one source (the graph builder sees to it), of which the splits read here are aligned. */
  private align(): void {
    const { job } = this.context.execution
    for (const { id, operator } of this.operators) {
      if (operator.alignment === undefined) continue
      let node = job.node(id)
      for (let [input] = node.inputs; input !== undefined; [input] = node.inputs) node = job.node(input.from)
      this.alignment.add(
        operator.alignment,
        this.sources.filter(source => source.node.id === node.id),
      )
    }
  }

  private async add(graphNode: GraphNode): Promise<void> {
    const { id } = graphNode
    const restored = this.context.restored.get(id) ?? NOT_RESTORED
    const node = await this.create(graphNode, restored)
    for (const [input, { from, output }] of graphNode.inputs.entries()) {
      const upstream = this.byId.get(from) ?? this.openGate(id, input, restored)
      upstream.connect(this.byId.has(from) ? output : 'main', node)
    }
    const { clock } = this.context.environment
    node.progress = new InputProgress(
      graphNode.inputs.map(({ from }) => from),
      () => clock.now(),
    )
    node.rowsIn = restored.rowsIn
    node.rowsOut = restored.rowsOut
    this.byId.set(id, node)
    this.nodes.push(node)
  }

  private openGate(id: string, input: number, { states }: RestoredNode): InputGate {
    const { execution, channels, kernel } = this.context
    const exchange = execution.exchanges.find(({ to }) => to.node === id && to.input === input)
    if (exchange === undefined) throw new TypeError(`Operator ${id} has no input ${input}`)
    const { index } = this.subtask
    const senders = sendersOf(exchange, index, parallelismOf(execution, exchange.from.chain))
    const gate = new InputGate(`${exchange.from.node}-${id}`, senders.length, kernel)
    gate.restore(watermarkOf(states, input))
    for (const [channel, sender] of senders.entries()) {
      this.inputs.push({ gate, channel, reader: channels.reader(exchange, sender, index) })
    }
    this.gates.push({ gate, node: id, input })
    return gate
  }

  private addExchanges(): void {
    const { execution } = this.context
    for (const exchange of execution.exchanges) {
      if (exchange.from.chain !== this.subtask.chain.id) continue
      const node = this.createExchange(exchange)
      const sender = this.byId.get(exchange.from.node)
      const local = this.createLocalAggregate(exchange, node.writers.length)
      if (local === undefined) {
        sender?.connect(exchange.from.output, node)
      } else {
        sender?.connect(exchange.from.output, local)
        local.connect('main', node)
        this.localAggregates.push(local)
        this.nodes.push(local)
      }
      this.exchanges.push(node)
      this.nodes.push(node)
    }
  }

  private createLocalAggregate(exchange: Exchange, receivers: number): LocalAggregateNode | undefined {
    const { execution, kernel } = this.context
    const { from, to } = exchange
    const create = localAggregateOf(execution.job, exchange)
    if (create === undefined || receivers < 2) return undefined
    const of = execution.maxParallelism
    const keyGroups = { ...keyGroupRange(0, 1, of), of }
    return new LocalAggregateNode(`${from.node}-${to.node}-local`, output => {
      return create({ id: to.node, kernel, output, keyGroups })
    })
  }

  private createExchange(exchange: Exchange): ExchangeNode {
    const { execution, channels, kernel, batchRows, bufferTimeoutMs, environment } = this.context
    const { index } = this.subtask
    const receivers = receiversOf(exchange, index, parallelismOf(execution, exchange.to.chain))
    const writers = receivers.map(receiver => channels.writer(exchange, index, receiver))
    const { maxParallelism } = execution
    const spread = { channels: writers.length, index, kernel, maxParallelism, batchRows }
    return new ExchangeNode(
      `${exchange.from.node}-${exchange.to.node}`,
      writers,
      send => createPartitioner(exchange.partition, { ...spread, send }),
      { clock: environment.clock, bufferTimeoutMs },
    )
  }

  private async create({ id, kind, role }: GraphNode, restored: RestoredNode): Promise<TaskNode> {
    const { environment, kernel, acknowledge, onFailure } = this.context
    switch (role.kind) {
      case 'source':
        return this.createSource(id, kind, role, restored)
      case 'operator':
        return this.createOperator(id, kind, role, restored)
      case 'sink': {
        const { files, standardOutput, clock } = environment
        const state = restored.states[0]?.state
        const writer = await role.sink.open({ state, files, kernel, standardOutput, clock })
        const node = new SinkNode(id, kind, new SinkPump(writer, onFailure), acknowledge)
        this.sinks.push(node)
        return node
      }
    }
  }

  private async createSource(
    id: string,
    kind: string,
    { source, idleAfterMs }: Extract<GraphNode['role'], { kind: 'source' }>,
    { states }: RestoredNode,
  ): Promise<SourceNode> {
    const node = new SourceNode(id, kind)
    this.sourceNodes.push(node)
    const { environment, kernel, batchRows, onItem } = this.context
    const { files, clock } = environment
    const { index, chain } = this.subtask
    const share = { index, parallelism: chain.parallelism }
    const positions = states.map(({ state }) => state)
    const opening = { positions, share, batchRows, files, kernel, clock, idleAfterMs, onItem }
    this.sources.push(...(await openSplits(source, node, opening)))
    return node
  }

  private createOperator(
    id: string,
    kind: string,
    { create }: Extract<GraphNode['role'], { kind: 'operator' }>,
    { states }: RestoredNode,
  ): OperatorNode {
    const { environment, kernel, acknowledge, onItem, execution } = this.context
    const { index, chain } = this.subtask
    const node = new OperatorNode(id, kind, acknowledge)
    const processingTime = new WakeUps(environment.clock, now => {
      node.processingTimeReached(now)
      onItem()
    })
    const wake = (): void => {
      node.wake()
      onItem()
    }
    const of = execution.maxParallelism
    const keyGroups = { ...keyGroupRange(index, chain.parallelism, of), of }
    const operator = create({ id, kernel, output: node, keyGroups, processingTime, wake })
    node.install(operator, processingTime)
    this.operators.push(node)
    if (states.length > 0) operator.restore(states)
    return node
  }
}

function parallelismOf({ chains }: ExecutionGraph, chain: number): number {
  return chains[chain]?.parallelism ?? 1
}

/** The watermark that an input had reached in all former subtasks. */
function watermarkOf(states: RestoredNode['states'], input: number): number {
  if (states.length === 0) return NO_WATERMARK
  const known = states.map(({ inputWatermarks }) => inputWatermarks?.[input])
  return Math.min(...known.map(json => (json === undefined ? NO_WATERMARK : numberFromJson(json))))
}
