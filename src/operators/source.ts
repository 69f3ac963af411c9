import type { Batch } from '../core/batch.js'
import type { Files } from '../core/files.js'
import type { Json } from '../core/json.js'
import type { Schema } from '../core/schema.js'
import type { Kernel } from '../kernel/module.js'

/** Where records come from. A source is a description; `open` starts reading. */
export interface Source<Row = unknown> {
  /** The kind of source, for people: 'parquet', 'memory'. */
  readonly kind: string
  /** What it reads, for people: a path, a row count. */
  readonly description: string
  /** The schema where it is known before reading. */
  readonly schema: Schema<Row> | undefined
  /** Whether `open` with a position gives the same records again from there. Without it there is no exactly-once. */
  readonly replayable: boolean
  /**
   * The parts that can be read side by side, each from a position of its own: so parallel subtasks share a source, and
   * a job resumes with another number of them. Each has a watermark of its own; that of the source is the minimum over
   * those that are not idle. In the same order at each call. A split that is new since the checkpoint is read from its
   * start, one that is gone is refused with SOURCE_CHANGED. Without it the source is one split.
   */
  readonly splits?: (context: Pick<SourceContext, 'files'>) => Promise<readonly SourceSplit[]>
  /**
   * The source with these of its fields only, in its own order, where it can leave others undecoded. Of names that it
   * does not have nothing comes; at least one field does. Positions are those of the whole source. What stands in the
   * other fields is not looked at: a value there that does not fit makes no record a bad one.
   */
  readonly project?: (fields: readonly string[]) => Source
  /** Whether records that become no row come beside its rows: see SourceBatch.deadLetters. */
  readonly hasDeadLetters?: boolean
  /** How many rows there will be, where known when opened: for progress only. */
  open(context: SourceContext): Promise<SourceReader>
}

/** A part of a source. */
export interface SourceSplit {
  /** Unique in the source and stable: its position is found again by it. */
  readonly id: string
  readonly source: Source
}

export interface SourceContext {
  /** Where to go on, as an earlier reader of an equal source gave it; undefined: from the start. */
  readonly position: Json | undefined
  /** Rows a batch should have at most. */
  readonly batchRows: number
  readonly files: Files
  /** The task's kernel instance: for sources that decode bytes. */
  readonly kernel: Kernel
  /** For sources that wait: it belongs to the environment, and stands still in tests. */
  readonly clock: SourceClock
}

export interface SourceClock {
  /** Processing time, ms since the epoch. */
  now(): number
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  schedule(delayMs: number, run: () => void): () => void
}

export interface SourceReader {
  /** Total rows of the source where it is known, else undefined. */
  readonly rowCount: number | undefined
  /** Records that became no row, by reason, for a source that goes on without them. */
  readonly dropped?: Readonly<Record<string, number>>
  /** Figures of the reader's own, such as rowGroupsSkipped: those of several readers are added. */
  readonly gauges?: Readonly<Record<string, number>>
  /**
   * The next rows with the position behind them; undefined at the end of the input. Not called again before the
   * promise is settled, nor after it gave undefined or failed.
   */
  read(): Promise<SourceBatch | undefined>
  /**
   * Nobody holds the columns of a batch that it gave any more: they may be written over. New ones are what collecting
   * garbage costs. Also after close.
   */
  giveBack?(batch: Batch): void
  close(): Promise<void>
}

export interface SourceBatch {
  /** Its `timestamps` may hold what the source knows of event time, such as a broker's: see sourceTime(). */
  readonly batch: Batch
  /** Opening the source with this position gives the rows behind this batch, and the dead letters behind these. */
  readonly position: Json
  /** Records that became no row, of the schema in rejected-rows.ts; `batch` may be without a row then. */
  readonly deadLetters?: readonly Batch[]
}
