import type { Batch } from '../core/batch.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { Channel } from './channel.js'

/** What a source gave: rows and the position behind them, the end, or a failure. */
export type SourceItem =
  | ({ readonly kind: 'batch' } & SourceBatch)
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly cause: unknown }

/** Batches read ahead of the task: enough to hide a read behind work, few enough to cost no memory. */
const READ_AHEAD = 4

/** Reads a source ahead into a bounded channel, so that the task never waits inside a read. */
export class SourcePump {
  readonly channel = new Channel<SourceItem>(READ_AHEAD)
  private closed = false
  private done: Promise<void> | undefined

  /** undefined: there is nothing to read. */
  private readonly reader: SourceReader | undefined
  private readonly onItem: () => void

  private constructor(reader: SourceReader | undefined, onItem: () => void) {
    this.reader = reader
    this.onItem = onItem
  }

  static async open(source: Source, context: SourceContext, onItem: () => void): Promise<SourcePump> {
    return new SourcePump(await source.open(context), onItem)
  }

  /** Of a split that had ended before the checkpoint: it gives nothing. */
  static ended(onItem: () => void): SourcePump {
    return new SourcePump(undefined, onItem)
  }

  get rowCount(): number | undefined {
    return this.reader === undefined ? 0 : this.reader.rowCount
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.reader?.dropped ?? {}
  }

  get gauges(): Readonly<Record<string, number>> {
    return this.reader?.gauges ?? {}
  }

  /** Nobody holds the columns of a batch that it gave any more. */
  giveBack(batch: Batch): void {
    this.reader?.giveBack?.(batch)
  }

  start(): void {
    this.done ??= this.pump()
  }

  async close(): Promise<void> {
    this.closed = true
    this.channel.clear()
    await this.reader?.close()
    await this.done
  }

  private async pump(): Promise<void> {
    const { reader } = this
    if (reader === undefined) return
    try {
      while (!this.closed) {
        if (this.channel.isFull) await this.channel.whenSpace()
        if (this.closed) return
        const next = await reader.read()
        this.give(next === undefined ? { kind: 'end' } : { kind: 'batch', ...next })
        if (next === undefined) return
      }
    } catch (cause) {
      this.give({ kind: 'failure', cause })
    }
  }

  private give(item: SourceItem): void {
    if (this.closed) return
    this.channel.push(item)
    this.onItem()
  }
}
