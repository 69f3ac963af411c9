import type { Batch } from '../core/batch.js'
import { operatorIndex } from '../core/key-groups.js'
import type { EdgePartition } from '../graph/job-graph.js'
import type { Kernel } from '../kernel/module.js'
import { RowGroups } from '../kernel/row-groups.js'
import { toKeyColumn } from '../operators/key-coder.js'

/** Spreads the rows of batches over the channels of an edge. */
export interface Partitioner {
  /**
   * What goes into each channel; undefined: nothing. The batches have times of their own: those of a batch in a task
   * are lent.
   * Laws: every row is in one of them (in each, for 'broadcast'), and rows keep their order within a channel.
   */
  split(batch: Batch): readonly (Batch | undefined)[]
  close(): void
}

export interface PartitionerContext {
  readonly channels: number
  /** Of the subtask that sends. */
  readonly index: number
  readonly kernel: Kernel
  readonly maxParallelism: number
}

export function createPartitioner(partition: EdgePartition, context: PartitionerContext): Partitioner {
  const { channels, index } = context
  if (typeof partition === 'object') return new HashPartitioner(partition.hashOf, context)
  if (partition === 'rebalance') return new RebalancePartitioner(channels, index)
  return { split: batch => new Array<Batch>(channels).fill(withOwnTimes(batch)), close: () => undefined }
}

/** Whole batches by turns; senders begin at different receivers. */
class RebalancePartitioner implements Partitioner {
  private next: number
  private readonly channels: number

  constructor(channels: number, index: number) {
    this.channels = channels
    this.next = index % channels
  }

  split(batch: Batch): readonly (Batch | undefined)[] {
    const pieces = new Array<Batch | undefined>(this.channels).fill(undefined)
    pieces[this.next] = withOwnTimes(batch)
    this.next = (this.next + 1) % this.channels
    return pieces
  }

  close(): void {}
}

/** Each row to the subtask that has the key group of its key. */
class HashPartitioner implements Partitioner {
  private readonly fields: readonly string[]
  private readonly groups: RowGroups
  /** The receiver of each key group. */
  private readonly receivers: Uint16Array
  private readonly counts: Uint32Array

  constructor(fields: readonly string[], { channels, kernel, maxParallelism }: PartitionerContext) {
    this.fields = fields
    this.groups = new RowGroups(kernel, maxParallelism)
    this.receivers = Uint16Array.from({ length: maxParallelism }, (_, group) => {
      return operatorIndex(group, channels, maxParallelism)
    })
    this.counts = new Uint32Array(channels)
  }

  split(lent: Batch): readonly (Batch | undefined)[] {
    const batch = lent.compact()
    const { receivers, counts } = this
    const rows = batch.rowCount
    const columns = this.fields.map(field => toKeyColumn(batch.column(field)))
    const groups = this.groups.of(columns, rows)
    counts.fill(0)
    // Groups give way to receivers in their place.
    for (let row = 0; row < rows; row++) {
      const receiver = receivers[groups[row] ?? 0] ?? 0
      groups[row] = receiver
      counts[receiver] = (counts[receiver] ?? 0) + 1
    }
    const [only] = groups
    if (only !== undefined && counts[only] === rows) {
      const pieces = new Array<Batch | undefined>(counts.length).fill(undefined)
      pieces[only] = lent.selection === undefined ? withOwnTimes(batch) : batch
      return pieces
    }
    const positions = Array.from(counts, count => new Uint32Array(count))
    counts.fill(0)
    for (let row = 0; row < rows; row++) {
      const receiver = groups[row] ?? 0
      const at = counts[receiver] ?? 0
      const list = positions[receiver]
      if (list !== undefined) list[at] = row
      counts[receiver] = at + 1
    }
    return positions.map(selection => {
      return selection.length === 0 ? undefined : batch.with({ selection }).compact()
    })
  }

  close(): void {
    this.groups.release()
  }
}

function withOwnTimes(batch: Batch): Batch {
  const { timestamps, watermarks, selection } = batch
  if (selection !== undefined) return batch.compact()
  return batch.with({ timestamps: timestamps?.slice(), watermarks: watermarks?.slice() })
}
