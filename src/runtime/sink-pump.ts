import type { Batch } from '../core/batch.js'
import type { Json } from '../core/json.js'
import type { SinkWriter } from '../operators/sink.js'
import { Channel } from './channel.js'

type SinkCommand =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'prepare'; readonly checkpointId: number; readonly prepared: (state: Json) => void }
  | { readonly kind: 'commit'; readonly checkpointId: number }
  | { readonly kind: 'finish' }

const WRITE_BEHIND = 4

/** Feeds a sink one call at a time from a bounded channel, so that a slow sink slows the task and blocks nobody. */
export class SinkPump {
  private readonly commands = new Channel<SinkCommand>(WRITE_BEHIND)
  private running: Promise<void> | undefined
  private closed = false
  private failure: unknown

  private readonly writer: SinkWriter
  private readonly onFailure: (cause: unknown) => void

  constructor(writer: SinkWriter, onFailure: (cause: unknown) => void) {
    this.writer = writer
    this.onFailure = onFailure
  }

  get isFull(): boolean {
    return this.commands.isFull
  }

  whenSpace(): Promise<void> {
    return this.commands.whenSpace()
  }

  write(batch: Batch): void {
    this.give({ kind: 'batch', batch })
  }

  /** Calls `prepared` once everything before it is durable. */
  prepare(checkpointId: number, prepared: (state: Json) => void): void {
    this.give({ kind: 'prepare', checkpointId, prepared })
  }

  commit(checkpointId: number): void {
    this.give({ kind: 'commit', checkpointId })
  }

  finish(): void {
    this.give({ kind: 'finish' })
  }

  /** Fulfilled when all that was given has been carried out or has failed. */
  async drained(): Promise<void> {
    while (this.running !== undefined) await this.running
  }

  async close(): Promise<void> {
    this.closed = true
    this.commands.clear()
    await this.drained()
    await this.writer.close()
  }

  private give(command: SinkCommand): void {
    if (this.failure !== undefined || this.closed) return
    this.commands.push(command)
    this.running ??= this.run()
  }

  private async run(): Promise<void> {
    try {
      for (let command = this.commands.shift(); command !== undefined; command = this.commands.shift()) {
        await this.carryOut(command)
        if (this.closed) return
      }
    } catch (cause) {
      this.failure = cause ?? new Error('a sink failed without a cause')
      this.commands.clear()
      this.onFailure(cause)
    } finally {
      // In the same turn as the last look at the channel, so that no command is left without a runner.
      this.running = undefined
    }
  }

  private async carryOut(command: SinkCommand): Promise<void> {
    switch (command.kind) {
      case 'batch':
        return this.writer.write(command.batch)
      case 'prepare':
        return command.prepared(await this.writer.prepare(command.checkpointId))
      case 'commit':
        return this.writer.commit(command.checkpointId)
      case 'finish':
        return this.writer.finish()
    }
  }
}
