import type { Batch } from '../core/batch.js'
import type { StreamElement } from '../core/element.js'
import type { Clock } from './environment.js'
import type { ElementWriter } from './exchange-channel.js'
import type { Partitioner, Send } from './partitioner.js'
import { TaskNode } from './task-node.js'

export interface ExchangeBuffering {
  readonly clock: Pick<Clock, 'schedule'>
  /** Rows that have been gathered wait for more so long at most, ms; 0: they leave at once. */
  readonly bufferTimeoutMs: number
}

/**
 * Where rows leave a task over one edge: spreads them over the channels, and gives all else to every channel. Rows wait
 * until they make a full batch, until `bufferTimeoutMs` is over, or until what must not pass them comes. Watermarks wait
 * with them: the rows behind carry them too.
 */
export class ExchangeNode extends TaskNode {
  readonly writers: readonly ElementWriter[]
  private readonly partitioner: Partitioner
  private readonly buffering: ExchangeBuffering
  /** That waits with rows, ms. */
  private heldWatermark: number | undefined
  private cancelTimer: (() => void) | undefined

  constructor(
    id: string,
    writers: readonly ElementWriter[],
    create: (send: Send) => Partitioner,
    buffering: ExchangeBuffering,
  ) {
    super(id, 'exchange')
    this.writers = writers
    this.partitioner = create((channel, batch, isOwned) => writers[channel]?.push({ kind: 'batch', batch }, isOwned))
    this.buffering = buffering
  }

  /** Whether one of the receivers has no room: then the whole task waits, as none may run ahead of another. */
  get isFull(): boolean {
    return this.writers.some(writer => writer.isFull)
  }

  close(): void {
    this.cancelTimer?.()
    this.partitioner.close()
  }

  protected override onBatch(batch: Batch): void {
    this.rowsOut += batch.length
    this.partitioner.take(batch)
    if (!this.partitioner.holdsRows) return
    const { clock, bufferTimeoutMs } = this.buffering
    if (bufferTimeoutMs === 0) this.flush()
    else this.cancelTimer ??= clock.schedule(bufferTimeoutMs, () => this.flush())
  }

  protected override onWatermark(timestamp: number): void {
    this.heldWatermark = timestamp
    if (!this.partitioner.holdsRows) this.flush()
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
    this.flush()
    for (const writer of this.writers) writer.push(element)
  }

  /** All that waits leaves. */
  private flush(): void {
    this.cancelTimer?.()
    this.cancelTimer = undefined
    this.partitioner.flush()
    const timestamp = this.heldWatermark
    if (timestamp === undefined) return
    this.heldWatermark = undefined
    for (const writer of this.writers) writer.push({ kind: 'watermark', timestamp })
  }
}
