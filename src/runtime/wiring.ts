import { SabotError } from '../core/errors.js'
import type { Json } from '../core/json.js'
import { ALL_KEY_GROUPS } from '../core/key-groups.js'
import type { GraphNode, JobGraph } from '../graph/job-graph.js'
import type { Kernel } from '../kernel/module.js'
import type { RecoveredState, Recovery } from '../state/recovery.js'
import { Alignment } from './alignment.js'
import type { Environment } from './environment.js'
import { SinkPump } from './sink-pump.js'
import { openSplits, positionOf, type TaskSource } from './source-splits.js'
import { type Acknowledge, OperatorNode, SinkNode, SourceNode, type TaskNode } from './task-node.js'
import { WakeUps } from './wake-ups.js'

export interface WiringContext {
  readonly environment: Environment
  readonly kernel: Kernel
  readonly recovery: Recovery | undefined
  readonly batchRows: number
  readonly acknowledge: Acknowledge
  onItem(): void
  onFailure(cause: unknown): void
}

/** The subtasks of a graph in one task: opened, restored and connected. */
export class Wiring {
  /** In topological order. */
  readonly nodes: TaskNode[] = []
  /** The splits of all sources. */
  readonly sources: TaskSource[] = []
  readonly sourceNodes: SourceNode[] = []
  readonly sinks: SinkNode[] = []
  readonly operators: OperatorNode[] = []
  readonly alignment = new Alignment()
  private readonly byId = new Map<string, TaskNode>()

  /** Refuses state that does not fit before anything is opened; closes what was opened when something fails. */
  static async open(graph: JobGraph, context: WiringContext): Promise<Wiring> {
    if (context.recovery !== undefined) checkFit(graph, context.recovery)
    const wiring = new Wiring()
    try {
      for (const node of graph.nodes) await wiring.add(node, context)
      wiring.align(graph)
      return wiring
    } catch (cause) {
      await wiring.close()
      throw cause
    }
  }

  /** Aligned operators have one source: the graph builder sees to it. */
  private align(graph: JobGraph): void {
    for (const { id, operator } of this.operators) {
      if (operator.alignment === undefined) continue
      let node = graph.node(id)
      for (let [input] = node.inputs; input !== undefined; [input] = node.inputs) node = graph.node(input.from)
      this.alignment.add(
        operator.alignment,
        this.sources.filter(source => source.node.id === node.id),
      )
    }
  }

  /** How far each source has been taken. */
  positions(): { readonly node: SourceNode; readonly position: Json }[] {
    return this.sourceNodes.map(node => {
      return { node, position: positionOf(this.sources.filter(source => source.node === node)) }
    })
  }

  /** Releases everything; the first failure is thrown when all is released. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const node of this.operators) node.close()
    for (const { pump } of [...this.sources, ...this.sinks]) {
      await pump.close().catch((cause: unknown) => failures.push(cause))
    }
    if (failures.length > 0) throw failures[0]
  }

  private async add(graphNode: GraphNode, context: WiringContext): Promise<void> {
    const node = await this.create(graphNode, context)
    for (const { from, output } of graphNode.inputs) {
      const upstream = this.byId.get(from)
      if (upstream === undefined) throw new TypeError(`Operator ${graphNode.id} comes before its input ${from}`)
      upstream.connect(output, node)
    }
    const restored = context.recovery?.states.get(node.id)
    node.rowsIn = restored?.rowsIn ?? 0
    node.rowsOut = restored?.rowsOut ?? 0
    this.byId.set(node.id, node)
    this.nodes.push(node)
  }

  private async create({ id, kind, role }: GraphNode, context: WiringContext): Promise<TaskNode> {
    const { environment, kernel, acknowledge, batchRows } = context
    const restored = context.recovery?.states.get(id)
    switch (role.kind) {
      case 'source': {
        const node = new SourceNode(id, kind)
        const { files, clock } = environment
        const { idleAfterMs } = role
        const { onItem } = context
        const opening = { position: restored?.state, batchRows, files, kernel, clock, idleAfterMs, onItem }
        this.sources.push(...(await openSplits(role.source, node, opening)))
        this.sourceNodes.push(node)
        return node
      }
      case 'operator': {
        const node = new OperatorNode(id, kind, acknowledge)
        const processingTime = new WakeUps(environment.clock, now => {
          node.processingTimeReached(now)
          context.onItem()
        })
        const wake = (): void => {
          node.wake()
          context.onItem()
        }
        const operator = role.create({ id, kernel, output: node, keyGroups: ALL_KEY_GROUPS, processingTime, wake })
        node.install(operator, processingTime)
        this.operators.push(node)
        if (restored !== undefined) operator.restore([restored])
        return node
      }
      case 'sink': {
        const { files, standardOutput } = environment
        const writer = await role.sink.open({ state: restored?.state, files, kernel, standardOutput })
        const node = new SinkNode(id, kind, new SinkPump(writer, context.onFailure), acknowledge)
        this.sinks.push(node)
        return node
      }
    }
  }
}

/** Refuses, by name, state that has no operator, or one of another kind or with other settings. */
function checkFit(graph: JobGraph, { states, checkpointId }: Recovery): void {
  for (const [id, state] of states) {
    const node = graph.nodes.find(candidate => candidate.id === id)
    if (node === undefined) {
      if (!holdsState(state)) continue
      throw new SabotError(
        'STATE_WITHOUT_OPERATOR',
        `Checkpoint ${checkpointId} holds state of operator ${id} (${state.kind}), which the job no longer has. ` +
          `Give its successor that id with .as('${id}'), or begin anew`,
        { operator: id, checkpointId },
      )
    }
    if (node.kind !== state.kind || JSON.stringify(node.settings) !== JSON.stringify(state.settings)) {
      throw new SabotError(
        'STATE_MISMATCH',
        `Operator ${id} is ${node.kind} ${JSON.stringify(node.settings)}, but checkpoint ${checkpointId} holds its state ` +
          `as ${state.kind} ${JSON.stringify(state.settings)}. Change it back, give the new operator another id, or begin anew`,
        { operator: id, checkpointId },
      )
    }
  }
  for (const { id, kind, role } of graph.nodes) {
    if (role.kind === 'operator' || states.has(id)) continue
    throw new SabotError(
      'OPERATOR_WITHOUT_STATE',
      `The job has a ${kind} ${id} that checkpoint ${checkpointId} knows nothing of, so it cannot resume from there. ` +
        `Give it the id that it had with .as(...), or begin anew`,
      { operator: id, checkpointId },
    )
  }
}

function holdsState({ state, parts }: RecoveredState): boolean {
  return state !== null || parts.length > 0
}
