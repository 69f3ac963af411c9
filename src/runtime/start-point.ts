import { SabotError } from '../core/errors.js'
import type { JobGraph } from '../graph/job-graph.js'
import type { CheckpointStorage } from '../state/checkpoint-storage.js'
import type { Hash } from '../state/manifest.js'
import { type Recovery, recover, recoverFrom } from '../state/recovery.js'
import { checkFit, type NonRestored } from './state-fit.js'

/** Where a job begins, when it is not its own beginning. */
export interface ResumeOptions {
  /** This checkpoint or savepoint and no other: a damaged one is an error. Default: the newest that is whole. */
  readonly checkpointId?: number | undefined
  /** Where it is, when that is not where the job's new checkpoints go. */
  readonly storage?: CheckpointStorage | undefined
  /**
   * State of operators that the job no longer has is dropped, and sources and sinks that the checkpoint does not know
   * begin at their start. Default: both are refused by name.
   */
  readonly allowNonRestored?: boolean | undefined
}

/** What an attempt begins with. */
export interface Beginning {
  readonly recovery: Recovery | undefined
  readonly nonRestored: NonRestored
}

const NOTHING_LEFT_OUT: NonRestored = { dropped: [], begun: [] }

/**
 * Finds what each attempt of a job begins with.
 *
 * 1. The first one: what `resume` says, or the start of the job.
 * 2. A later one: the newest checkpoint of this run, or where the first one began.
 *
 * A run that resumes from the newest checkpoint continues its line: a damaged one of this run is passed over for those
 * before it. Else checkpoints of earlier runs are of another line, and are not looked at.
 */
export class StartPoint {
  private readonly storage: CheckpointStorage
  private readonly resume: ResumeOptions | undefined
  /** The newest checkpoint that was there when the run began; undefined before it has looked. */
  private lastForeignId: number | undefined
  private hasBegun = false

  constructor(storage: CheckpointStorage, resume: ResumeOptions | undefined) {
    this.storage = storage
    this.resume = resume
  }

  /** Whether somebody asked for a checkpoint to begin with. */
  get resumes(): boolean {
    return this.resume !== undefined
  }

  /** The newest number that is taken. To be called before the first `next`. */
  async lastId(): Promise<number> {
    this.lastForeignId ??= (await this.storage.list()).at(-1) ?? 0
    return this.lastForeignId
  }

  /** undefined: nobody asked for a checkpoint, the job begins. @throws SabotError of recover, recoverFrom, checkFit */
  async next(graph: JobGraph, hash: Hash): Promise<Beginning | undefined> {
    const isFirst = !this.hasBegun
    this.hasBegun = true
    if (isFirst && this.resume === undefined) return undefined
    const own = isFirst ? undefined : await this.ofThisRun(graph.name, hash)
    const recovery = own ?? (await this.chosen(graph.name, hash))
    if (recovery === undefined) return { recovery, nonRestored: NOTHING_LEFT_OUT }
    // What this run wrote fits, but for what it was allowed to leave out.
    return { recovery, nonRestored: checkFit(graph, recovery, this.resume?.allowNonRestored) }
  }

  private async ofThisRun(job: string, hash: Hash): Promise<Recovery | undefined> {
    // The line goes on: what is older is looked at as well, by `chosen`.
    if (this.continuesNewest) return undefined
    return recover(this.storage, job, hash, await this.lastId())
  }

  private async chosen(job: string, hash: Hash): Promise<Recovery | undefined> {
    const { resume } = this
    if (resume === undefined) return undefined
    const { storage = this.storage, checkpointId } = resume
    if (checkpointId !== undefined) return recoverFrom(storage, checkpointId, job, hash)
    const newest = await recover(storage, job, hash)
    if (newest !== undefined || resume.storage === undefined) return newest
    throw new SabotError('CHECKPOINT_MISSING', `There is no checkpoint in ${storage.description}`, { job })
  }

  private get continuesNewest(): boolean {
    return this.resume !== undefined && this.resume.checkpointId === undefined && this.resume.storage === undefined
  }
}
