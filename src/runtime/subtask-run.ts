import type { Json } from '../core/json.js'
import { numberToJson } from '../core/json-numbers.js'
import type { Subtask } from '../graph/execution-graph.js'
import type { OperatorState } from '../operators/operator.js'
import type { OperatorSnapshot } from '../state/checkpoint.js'
import type { Acknowledgement } from './executor.js'
import { type SubtaskMetrics, subtaskMetrics } from './metrics.js'
import { Task } from './task.js'
import type { NodeCounters } from './task-node.js'
import { Wiring, type WiringContext } from './wiring.js'

export interface SubtaskEvents {
  acknowledged(subtask: Subtask, acknowledgement: Acknowledgement): void
  /** All input is worked off. */
  ended(subtask: Subtask): void
}

interface Round {
  readonly checkpointId: number
  readonly alignmentMs: number
  readonly watermarks: ReadonlyMap<string, { readonly [input: string]: Json }>
  readonly snapshots: Map<string, OperatorSnapshot>
}

/** A subtask in this thread: its operators, the task that runs them, and its part of the checkpoint in flight. */
export class SubtaskRun {
  readonly subtask: Subtask
  private readonly events: SubtaskEvents
  private round: Round | undefined
  private opened: { readonly wiring: Wiring; readonly task: Task } | undefined

  private constructor(subtask: Subtask, events: SubtaskEvents) {
    this.subtask = subtask
    this.events = events
  }

  static async open(
    subtask: Subtask,
    context: Omit<WiringContext, 'acknowledge' | 'onItem' | 'onFailure'>,
    events: SubtaskEvents,
  ): Promise<SubtaskRun> {
    const run = new SubtaskRun(subtask, events)
    const wiring = await Wiring.open(subtask, {
      ...context,
      acknowledge: (node, checkpointId, state) => run.sealed(node, checkpointId, state),
      onItem: () => run.opened?.task.wake(),
      onFailure: cause => run.opened?.task.fail(cause),
    })
    const task = new Task(wiring, context.environment.clock, {
      onBarrier: (checkpointId, alignmentMs) => run.begin(wiring, checkpointId, alignmentMs),
      onEnded: () => events.ended(subtask),
    })
    run.opened = { wiring, task }
    return run
  }

  get task(): Task {
    return this.parts.task
  }

  get metrics(): SubtaskMetrics {
    const { wiring, task } = this.parts
    return subtaskMetrics(wiring, task.times)
  }

  /** Fulfilled when it is released and its sinks have written all, with whether it finished. */
  async run(): Promise<boolean> {
    const { wiring, task } = this.parts
    for (const { pump } of wiring.sources) pump.start()
    const hasFinished = await task.run()
    if (!hasFinished) for (const { pump } of wiring.sinks) pump.prepare(0, () => undefined)
    await this.drained()
    task.throwFailure()
    return hasFinished
  }

  commit(checkpointId: number): void {
    for (const { pump } of this.parts.wiring.sinks) pump.commit(checkpointId)
  }

  async drained(): Promise<void> {
    for (const { pump } of this.parts.wiring.sinks) await pump.drained()
  }

  close(): Promise<void> {
    return this.parts.wiring.close()
  }

  private get parts(): { readonly wiring: Wiring; readonly task: Task } {
    if (this.opened === undefined) throw new TypeError(`Subtask ${this.subtask.id} is not open`)
    return this.opened
  }

  private begin(wiring: Wiring, checkpointId: number, alignmentMs: number): void {
    const watermarks = new Map<string, { [input: string]: Json }>()
    for (const { gate, node, input } of wiring.gates) {
      watermarks.set(node, { ...watermarks.get(node), [input]: numberToJson(gate.lastWatermark) })
    }
    this.round = { checkpointId, alignmentMs, watermarks, snapshots: new Map() }
    for (const { node, position } of wiring.positions()) this.sealed(node, checkpointId, { state: position, parts: [] })
  }

  private sealed({ id, rowsIn, rowsOut }: NodeCounters, checkpointId: number, state: OperatorState): void {
    const { round } = this
    const { chain, index } = this.subtask
    const node = chain.nodes.find(candidate => candidate.id === id)
    if (round?.checkpointId !== checkpointId || node === undefined) return
    const inputWatermarks = round.watermarks.get(id)
    const { kind, settings } = node
    const head = { id, subtask: index, ...(inputWatermarks && { inputWatermarks }), kind, settings, rowsIn, rowsOut }
    round.snapshots.set(id, { ...head, ...state })
    if (round.snapshots.size < chain.nodes.length) return
    this.round = undefined
    const snapshots = chain.nodes.flatMap(({ id: member }) => round.snapshots.get(member) ?? [])
    this.events.acknowledged(this.subtask, { checkpointId, snapshots, alignmentMs: round.alignmentMs })
  }
}
