import type { Exchange, ExecutionGraph } from '../../graph/execution-graph.js'
import { type Channels, channelKey, LocalChannels } from '../channels.js'
import type { ElementReader, ElementWriter } from '../exchange-channel.js'
import type { PeerLink } from './peer-link.js'

/** The worker that has a slot. */
export function workerOfSlot(slot: number, workers: number): number {
  return slot % workers
}

/** Channels of a worker: within it as they are, to others over the links. */
export class WorkerChannels implements Channels {
  private readonly local = new LocalChannels()
  private readonly execution: ExecutionGraph
  private readonly workers: number
  private readonly own: number
  private readonly links: ReadonlyMap<number, PeerLink>

  constructor(execution: ExecutionGraph, workers: number, own: number, links: ReadonlyMap<number, PeerLink>) {
    this.execution = execution
    this.workers = workers
    this.own = own
    this.links = links
  }

  writer(exchange: Exchange, from: number, to: number): ElementWriter {
    const link = this.linkTo(exchange.to.chain, to)
    return link?.writer(channelKey(exchange, from, to)) ?? this.local.writer(exchange, from, to)
  }

  reader(exchange: Exchange, from: number, to: number): ElementReader {
    const link = this.linkTo(exchange.from.chain, from)
    return link?.reader(channelKey(exchange, from, to)) ?? this.local.reader(exchange, from, to)
  }

  /** undefined: the subtask is in this worker. */
  private linkTo(chain: number, index: number): PeerLink | undefined {
    const subtask = this.execution.subtasks.find(other => other.chain.id === chain && other.index === index)
    const worker = workerOfSlot(subtask?.slot ?? 0, this.workers)
    if (worker === this.own) return undefined
    const link = this.links.get(worker)
    if (link === undefined) throw new TypeError(`Worker ${this.own} has no link to worker ${worker}`)
    return link
  }
}
