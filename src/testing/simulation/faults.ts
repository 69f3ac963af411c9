/** What can go wrong in a simulated run, each with its chance. */
export interface Faults {
  /** The whole machine stops: what was not flushed is lost or torn. A step. */
  readonly crash: number
  /** A worker dies. A step. */
  readonly workerDeath: number
  /** A worker hangs, and is found out by its silence. A step. */
  readonly workerHang: number
  /** The job is rescaled while it runs. A step. */
  readonly rescale: number
  /** The job is stopped, and resumed with another parallelism. A step. */
  readonly stop: number
  /** A checkpoint is asked for. A step. */
  readonly checkpoint: number
  /** A write to the checkpoint storage fails, after some of its bytes. A write. */
  readonly failedWrite: number
  /** A write to an output file fails, after some of its bytes. A write. */
  readonly tornWrite: number
  /** A worker's acknowledgement is lost. A message. */
  readonly lostAcknowledgement: number
  /** An acknowledgement, or what the master says of a checkpoint, comes twice. A message. */
  readonly duplicateMessage: number
  /** A message, and all behind it, comes late. A message. */
  readonly slowMessage: number
  /** A split of a source gives nothing for a long time. A read. */
  readonly idleSplit: number
  /** A disk takes long. An operation. */
  readonly slowDisk: number
}

export type FaultKind = keyof Faults

/** Some of everything. */
export const DEFAULT_FAULTS: Faults = {
  crash: 0.001,
  workerDeath: 0.001,
  workerHang: 0.0005,
  rescale: 0.001,
  stop: 0.001,
  checkpoint: 0.01,
  failedWrite: 0.05,
  tornWrite: 0.005,
  lostAcknowledgement: 0.05,
  duplicateMessage: 0.05,
  slowMessage: 0.002,
  idleSplit: 0.02,
  slowDisk: 0.05,
}

/** Nothing goes wrong; time still passes as the seed says. */
export const NO_FAULTS: Faults = {
  crash: 0,
  workerDeath: 0,
  workerHang: 0,
  rescale: 0,
  stop: 0,
  checkpoint: 0,
  failedWrite: 0,
  tornWrite: 0,
  lostAcknowledgement: 0,
  duplicateMessage: 0,
  slowMessage: 0,
  idleSplit: 0,
  slowDisk: 0,
}
