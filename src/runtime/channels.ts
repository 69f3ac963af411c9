import type { Exchange } from '../graph/execution-graph.js'
import { type ElementReader, type ElementWriter, LocalChannel } from './exchange-channel.js'

/** The channels between the subtasks of a job, as one thread sees them. */
export interface Channels {
  writer(exchange: Exchange, from: number, to: number): ElementWriter
  reader(exchange: Exchange, from: number, to: number): ElementReader
}

/** Unique for each pair of subtasks that an exchange connects. */
export function channelKey({ id }: Exchange, from: number, to: number): string {
  return `${id}:${from}:${to}`
}

/** Where subtask `from` of the sender sends to. */
export function receiversOf({ partition }: Exchange, from: number, receivers: number): number[] {
  return partition === 'forward' ? [from] : Array.from({ length: receivers }, (_, to) => to)
}

/** Which subtasks send to subtask `to` of the receiver. */
export function sendersOf({ partition }: Exchange, to: number, senders: number): number[] {
  return partition === 'forward' ? [to] : Array.from({ length: senders }, (_, from) => from)
}

/** All subtasks are in this thread. */
export class LocalChannels implements Channels {
  private readonly channels = new Map<string, LocalChannel>()

  writer(exchange: Exchange, from: number, to: number): ElementWriter {
    return this.channel(channelKey(exchange, from, to))
  }

  reader(exchange: Exchange, from: number, to: number): ElementReader {
    return this.channel(channelKey(exchange, from, to))
  }

  private channel(key: string): LocalChannel {
    const channel = this.channels.get(key) ?? new LocalChannel()
    this.channels.set(key, channel)
    return channel
  }
}
