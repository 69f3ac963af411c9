import type { Batch } from '../core/batch.js'
import type { StreamElement } from '../core/element.js'
import type { ElementWriter } from './exchange-channel.js'
import type { Partitioner } from './partitioner.js'
import { TaskNode } from './task-node.js'

/** Where rows leave a task over one edge: spreads them over the channels, and gives all else to every channel. */
export class ExchangeNode extends TaskNode {
  readonly writers: readonly ElementWriter[]
  private readonly partitioner: Partitioner

  constructor(id: string, writers: readonly ElementWriter[], partitioner: Partitioner) {
    super(id, 'exchange')
    this.writers = writers
    this.partitioner = partitioner
  }

  /** Whether one of the receivers has no room: then the whole task waits, as none may run ahead of another. */
  get isFull(): boolean {
    return this.writers.some(writer => writer.isFull)
  }

  close(): void {
    this.partitioner.close()
  }

  protected override onBatch(batch: Batch): void {
    this.rowsOut += batch.length
    for (const [channel, piece] of this.partitioner.split(batch).entries()) {
      if (piece !== undefined) this.writers[channel]?.push({ kind: 'batch', batch: piece })
    }
  }

  protected override onWatermark(timestamp: number): void {
    this.toAll({ kind: 'watermark', timestamp })
  }

  protected override onIdle(_input: number, split: number | undefined): void {
    this.toAll({ kind: 'idle', split })
  }

  protected override onActive(_input: number, split: number | undefined): void {
    this.toAll({ kind: 'active', split })
  }

  protected override onBarrier(checkpointId: number): void {
    this.toAll({ kind: 'barrier', checkpointId })
  }

  protected override onEnd(): void {
    this.toAll({ kind: 'end' })
  }

  private toAll(element: StreamElement): void {
    for (const writer of this.writers) writer.push(element)
  }
}
