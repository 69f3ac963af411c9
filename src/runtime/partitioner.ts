import type { Batch } from '../core/batch.js'
import { operatorIndex } from '../core/key-groups.js'
import type { EdgePartition } from '../graph/job-graph.js'
import type { Kernel } from '../kernel/module.js'
import { RowGroups } from '../kernel/row-groups.js'
import { toKeyColumn } from '../operators/key-coder.js'
import { BatchPacker, isPackable } from './packing/batch-packer.js'

/** Takes what goes into a channel. `isOwned`: its buffers are nobody else's, so they may be handed to another thread. */
export type Send = (channel: number, batch: Batch, isOwned: boolean) => void

/**
 * Spreads the rows of batches over the channels of an edge.
 *
 * What is sent has times of its own: those of a batch in a task are lent.
 * Laws: when it is flushed, every row that was taken has been sent to one channel (to each, for 'broadcast'); rows keep
 * their order within a channel.
 */
export interface Partitioner {
  take(batch: Batch): void
  /** Whether rows have been taken and not sent yet. */
  readonly holdsRows: boolean
  flush(): void
  close(): void
}

export interface PartitionerContext {
  readonly channels: number
  /** Of the subtask that sends. */
  readonly index: number
  readonly kernel: Kernel
  readonly maxParallelism: number
  /** The most rows that it gathers in one batch. */
  readonly batchRows: number
  readonly send: Send
}

export function createPartitioner(partition: EdgePartition, context: PartitionerContext): Partitioner {
  const { channels, index, send } = context
  if (typeof partition === 'object') return new HashPartitioner(partition.hashOf, context)
  if (partition === 'rebalance') return new WholeBatches(byTurns(channels, index), send)
  const all = Array.from({ length: channels }, (_, channel) => channel)
  return new WholeBatches(() => all, send)
}

/** The next channel each time; senders begin at different receivers. */
function byTurns(channels: number, index: number): () => readonly number[] {
  let next = index % channels
  return () => {
    const chosen = next
    next = (next + 1) % channels
    return [chosen]
  }
}

/** Batches as they come: there is nothing to gather. */
class WholeBatches implements Partitioner {
  readonly holdsRows = false
  private readonly choose: () => readonly number[]
  private readonly send: Send

  constructor(choose: () => readonly number[], send: Send) {
    this.choose = choose
    this.send = send
  }

  take(lent: Batch): void {
    const batch = withOwnTimes(lent)
    for (const channel of this.choose()) this.send(channel, batch, false)
  }

  flush(): void {}

  close(): void {}
}

/** Each row to the subtask that has the key group of its key, in batches that rows are gathered in. */
class HashPartitioner implements Partitioner {
  private readonly fields: readonly string[]
  private readonly groups: RowGroups
  /** The receiver of each key group. */
  private readonly receivers: Uint16Array
  private readonly packers: readonly BatchPacker[]
  private readonly batchRows: number
  private readonly send: Send
  /** The rows of each channel, one list behind the other: channel c has [c * listRows, ends[c]). */
  private lists = new Uint32Array(0)
  private listRows = 0
  private readonly ends: Uint32Array

  constructor(fields: readonly string[], context: PartitionerContext) {
    const { channels, kernel, maxParallelism, batchRows, send } = context
    this.fields = fields
    this.groups = new RowGroups(kernel, maxParallelism)
    this.receivers = Uint16Array.from({ length: maxParallelism }, (_, group) => {
      return operatorIndex(group, channels, maxParallelism)
    })
    this.packers = Array.from({ length: channels }, () => new BatchPacker(batchRows))
    this.batchRows = batchRows
    this.send = send
    this.ends = new Uint32Array(channels)
  }

  get holdsRows(): boolean {
    return this.packers.some(({ length }) => length > 0)
  }

  take(lent: Batch): void {
    const batch = lent.compact()
    this.route(batch)
    const canPack = isPackable(batch)
    for (const [channel, end] of this.ends.entries()) {
      const from = channel * this.listRows
      const count = end - from
      if (count === 0) continue
      const isWhole = count === batch.rowCount
      // Many rows of one channel go as they are: gathering them would be a copy.
      if (canPack && !(isWhole && count * 2 > this.batchRows)) {
        this.pack(channel, batch, from, end)
        continue
      }
      this.flushChannel(channel)
      const rows = this.lists.subarray(from, end)
      this.send(channel, isWhole ? withOwnTimes(batch) : batch.with({ selection: rows }).compact(), false)
    }
  }

  flush(): void {
    for (let channel = 0; channel < this.packers.length; channel++) this.flushChannel(channel)
  }

  close(): void {
    this.groups.release()
  }

  /** Lists the rows of each channel. */
  private route(batch: Batch): void {
    const { receivers, ends } = this
    const rows = batch.rowCount
    const columns = this.fields.map(field => toKeyColumn(batch.column(field)))
    const groups = this.groups.of(columns, rows)
    if (this.listRows < rows) {
      this.listRows = rows
      this.lists = new Uint32Array(rows * ends.length)
    }
    if (ends.length === 2) {
      this.routeToTwo(groups, rows)
      return
    }
    const { lists } = this
    for (let channel = 0; channel < ends.length; channel++) ends[channel] = channel * this.listRows
    for (let row = 0; row < rows; row++) {
      const channel = receivers[groups[row] as number] as number
      const at = ends[channel] as number
      lists[at] = row
      ends[channel] = at + 1
    }
  }

  /** The same for two channels, without a branch or a counter in memory: each row goes into both lists, and one moves on. */
  private routeToTwo(groups: Uint32Array, rows: number): void {
    const { receivers, ends, lists, listRows } = this
    let first = 0
    let second = listRows
    for (let row = 0; row < rows; row++) {
      const channel = receivers[groups[row] as number] as number
      lists[first] = row
      lists[second] = row
      first += 1 - channel
      second += channel
    }
    ends[0] = first
    ends[1] = second
  }

  private pack(channel: number, batch: Batch, start: number, end: number): void {
    const packer = this.packers[channel]
    if (packer === undefined) return
    if (!packer.accepts(batch)) this.flushChannel(channel)
    for (let from = start; from < end; ) {
      const to = Math.min(end, from + packer.free)
      packer.append(batch, { rows: this.lists, from, to })
      if (packer.free === 0) this.flushChannel(channel)
      from = to
    }
  }

  private flushChannel(channel: number): void {
    const packer = this.packers[channel]
    if (packer !== undefined && packer.length > 0) this.send(channel, packer.finish(), true)
  }
}

function withOwnTimes(batch: Batch): Batch {
  const { timestamps, watermarks, selection } = batch
  if (selection !== undefined) return batch.compact()
  return batch.with({ timestamps: timestamps?.slice(), watermarks: watermarks?.slice() })
}
