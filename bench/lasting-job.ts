import { type Batch, execute, type JobGraph, type Schema, type Source } from '../src/index.js'
import { nodeEnvironment } from '../src/node/environment.js'
import type { SourceBatch } from '../src/operators/source.js'
import type { JobHandle } from '../src/runtime/job-handle.js'
import { MemoryCheckpointStorage } from '../src/state/memory-storage.js'

/**
 * A source whose input comes in passes: between two of them it waits. What it has been fed runs through the job as if
 * it had come all at once.
 */
export class FedSource<Row> implements Source<Row> {
  readonly kind = 'fed'
  readonly description = 'batches in passes'
  readonly replayable = false
  readonly schema: Schema<Row>
  private batches: readonly Batch[] = []
  private next = 0
  private read = 0
  private isClosed = false
  private wake: () => void = () => {}
  /** Called when the batch of this number in its pass is read. */
  private at = -1
  private onReached: () => void = () => {}

  constructor(schema: Schema<Row>) {
    this.schema = schema
  }

  /** The batches of the next pass; `onReached` is called when the one of number `at` is read. */
  feed(batches: readonly Batch[], at: number, onReached: () => void): void {
    this.batches = batches
    this.next = 0
    this.at = at
    this.onReached = onReached
    this.wake()
  }

  async open() {
    const close = async (): Promise<void> => {
      this.isClosed = true
      this.wake()
    }
    return { rowCount: undefined, read: () => this.readNext(), close }
  }

  private async readNext(): Promise<SourceBatch | undefined> {
    while (this.next === this.batches.length) {
      if (this.isClosed) return undefined
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
    const batch = this.batches[this.next] as Batch
    if (this.next === this.at) this.onReached()
    this.next += 1
    this.read += batch.length
    return { batch, position: this.read }
  }
}

/** A job that goes on, pass after pass, with a checkpoint in the memory of the process in each. */
export class LastingJob {
  private readonly source: FedSource<unknown>
  private readonly handle: JobHandle
  private counted = 0
  private expected = 0
  private onCounted: () => void = () => {}

  constructor(source: FedSource<unknown>, graph: (count: (results: Batch) => void) => JobGraph) {
    this.source = source
    const count = ({ length }: Batch): void => {
      this.counted += length
      if (this.counted >= this.expected) this.onCounted()
    }
    const checkpoints = { storage: new MemoryCheckpointStorage(), intervalMs: 0 }
    this.handle = execute(graph(count), nodeEnvironment(), { checkpoints })
  }

  /** Until the pass has given `results`, and the checkpoint that begins at the batch of number `checkpointAt` is there. */
  async pass(batches: readonly Batch[], checkpointAt: number, results: number): Promise<void> {
    this.counted = 0
    this.expected = results
    const counted = new Promise<void>(resolve => {
      this.onCounted = resolve
    })
    const checkpoint = new Promise<number>((resolve, reject) => {
      this.source.feed(batches, checkpointAt, () => this.handle.checkpoint().then(resolve, reject))
    })
    const failed = this.handle.ended.then(({ error }) => Promise.reject(error ?? new Error('the job has ended')))
    await Promise.race([Promise.all([counted, checkpoint]), failed])
    if (this.counted !== results) throw new Error(`${this.counted} results instead of ${results}`)
  }

  async close(): Promise<void> {
    await this.handle.cancel()
  }
}
