import type { Batch } from '../core/batch.js'
import type { Json } from '../core/json.js'
import type { KeyGroupRange } from '../core/key-groups.js'
import type { Kernel } from '../kernel/module.js'

/**
 * One step of the dataflow. Operators know no clock and no storage.
 *
 * What the runtime promises
 * - Before the first element, `restore` is called at most once.
 * - Elements come one at a time and in order for each input. Where a call returns Steps, they are run to their end
 *   before the next element comes; between two steps the runtime may do other work, but takes no snapshot.
 * - `snapshot` is called between elements, when the barrier has come from every input.
 * - The timestamps and watermarks of a batch are lent: they are valid until the call and its steps are done, since the
 *   next element comes only when this one has left the task. Who keeps them longer copies them.
 * - After the watermark +Infinity has come on every input, no batch comes.
 * - `onProcessingTime` and `onWake` are called between elements, when the steps before are done.
 * - `close` is called once, at the end or after a failure.
 *
 * What an operator promises
 * - A call, or one step, does a bounded amount of work (about one batch) and emits a bounded number of batches.
 * - Watermarks that it emits never go back, and no batch that it emits is late for the watermark emitted before it.
 * - Restoring a snapshot into a new operator of equal settings continues as the original would have. Restoring those of
 *   all former subtasks into new ones, however many, continues for each key as its subtask would have.
 * - A batch that it is given is shared: it changes no buffer of it.
 */
export interface Operator {
  onBatch(batch: Batch, input: number): Steps | undefined
  onWatermark(timestamp: number, input: number): Steps | undefined
  /**
   * Operators that coalesce watermarks see these; the runtime hands them on for the others. `split` is the number of a
   * split of the source, before event time is assigned; undefined: the whole input.
   */
  onIdle?(input: number, split: number | undefined): Steps | undefined
  onActive?(input: number, split: number | undefined): Steps | undefined
  /** Processing time has reached what was asked for with `wakeAt`. */
  onProcessingTime?(now: number): Steps | undefined
  /** `wake` was called: what the operator waited for has come. */
  onWake?(): Steps | undefined
  /**
   * What becomes of the columns of the batches that it is given; it may change until the first batch comes.
   * - 'used': when a call and its steps are done nothing holds them, but what it put to side outputs.
   * - 'handed-on': but what it put to any output.
   * - undefined: they may be held.
   * Where nothing holds them a source may write over them. Functions of the user may hold what they are given.
   */
  readonly columnUse?: 'used' | 'handed-on' | undefined
  /** While true no further element is given to it. */
  readonly isFull?: boolean
  /** While true work is still out, and the end of the stream is not handed on. */
  readonly isPending?: boolean
  snapshot(): OperatorState
  /**
   * One state where the operator has as many subtasks as before. Else those of all former subtasks: it keeps what
   * belongs to its key groups; what belongs to no key, such as counters, goes to the one that has key group 0.
   */
  restore(states: readonly OperatorState[]): void
  /**
   * Where splits are aligned by event time: the runtime does not read a split while its watermark is more than the
   * drift above the least of those in the group that are not idle.
   */
  readonly alignment?: SplitAlignment | undefined
  /** The splits that it coalesces the watermarks of, for operators that assign event time. */
  readonly splits?: readonly SplitProgress[]
  /** The watermark that it has reached by its rows, ms, where that may be ahead of the last watermark that came. */
  readonly watermark?: number
  /** Rows that did not go the main way, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Gauges of its own, such as openWindows, keys, stateBytes. */
  gauges(): Readonly<Record<string, number>>
  close(): void
}

/** How far a split of the source has come in event time. */
export interface SplitProgress {
  /** undefined: the source has no splits. */
  readonly split: number | undefined
  readonly watermark: number
  /** Processing time at which it moved last, ms; undefined: not since the operator was opened. */
  readonly movedAtMs: number | undefined
  readonly isIdle: boolean
}

export interface SplitAlignment {
  readonly group: string
  /** ms, 0 or more */
  readonly maxDriftMs: number
  /** The watermark of a split, ms; -Infinity: none yet. */
  watermarkOf(split: number | undefined): number
}

/** The rest of a call's work, in bounded pieces. */
export type Steps = Iterator<void, void, void>

export interface OperatorState {
  /** Where it has a member `dropped`, these are the counters of that name. */
  readonly state: Json
  readonly parts: readonly OperatorPart[]
}

export interface OperatorPart {
  /** Lower-case letters and hyphens. */
  readonly name: string
  readonly bytes: Uint8Array
}

export interface OperatorContext {
  /** The operator's id, for errors. */
  readonly id: string
  /** The task's kernel instance. */
  readonly kernel: Kernel
  readonly output: Output
  /** The key groups that this subtask has. */
  readonly keyGroups: KeyGroupRange
  readonly processingTime: ProcessingTime
  /** Asks for `onWake` at the next chance. May be called from outside a step, such as when a promise is fulfilled. */
  wake(): void
}

export interface ProcessingTime {
  /** ms since the epoch */
  now(): number
  /** Asks for one call of `onProcessingTime` when `now()` has reached `timeMs`; an earlier wish stands beside it. */
  wakeAt(timeMs: number): void
}

/** Where an operator emits. Consumers of every output see watermarks. */
export interface Output {
  batch(batch: Batch): void
  /** To a side output such as 'late'. */
  side(output: string, batch: Batch): void
  watermark(timestamp: number): void
  idle(split?: number): void
  active(split?: number): void
}

/** Creates an operator: one for each subtask. */
export type OperatorFactory = (context: OperatorContext) => Operator

export const NO_STATE: OperatorState = { state: null, parts: [] }
