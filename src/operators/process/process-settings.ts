import type { Schema } from '../../core/schema.js'
import type { ErrorPolicy } from '../user-function.js'
import type { StateDescriptors } from './state-descriptors.js'

/** A timer that fires. */
export interface FiredTimer {
  /** What it was registered for, ms; +Infinity: the end of input. */
  readonly time: number
  readonly domain: 'event' | 'processing'
}

/** A function of the user, whose context is one of process-context.ts. */
export type Handler<First = unknown> = (first: First, context: never) => unknown

export interface ProcessInputSettings {
  /** Key fields; undefined for a broadcast input. Those of several keyed inputs are matched by their places. */
  readonly keys: readonly string[] | undefined
  readonly handle: Handler
}

export interface ProcessSettings {
  readonly inputs: readonly ProcessInputSettings[]
  readonly state: StateDescriptors
  /** State that every subtask has whole, written by the broadcast input. */
  readonly broadcastState: StateDescriptors
  /** Names of states that a checkpoint may hold and that are dropped. */
  readonly discard: readonly string[]
  readonly onTimer: Handler<FiredTimer> | undefined
  readonly schema: Schema
  readonly sides: ReadonlyMap<string, Schema>
  readonly errors: ErrorPolicy
}
