/* What happened in a simulated run, as text for people and as JSON for tools. */
import { SabotError } from '../../core/errors.js'
import type { FaultKind, Faults } from './faults.js'

export interface TraceEvent {
  /** Of the scheduler. Several events may happen in one step. */
  readonly step: number
  /** Virtual time, ms. */
  readonly timeMs: number
  /** A fault by its kind; 'engine': what the job itself told; 'life': a start or an end of the machine. */
  readonly kind: FaultKind | 'engine' | 'life'
  /** One line. */
  readonly text: string
}

/** An event as one line. */
export function traceLine({ step, timeMs, text }: TraceEvent): string {
  return `${String(step).padStart(6)} ${timeMs.toFixed(1).padStart(9)} ms  ${text}`
}

/** What a run follows from, beside the job and its files. */
export interface TraceSettings {
  readonly seed: number
  readonly faults: Faults
  readonly parameters: Readonly<Record<string, string>>
  readonly batchRows: number
  readonly maxSteps: number
  /** null: by the seed. */
  readonly parallelism: number | null
  /** null: by the seed. */
  readonly workers: number | null
}

/** A run to be kept: it can be looked at elsewhere, and run again with the same job. */
export interface SavedTrace extends TraceSettings {
  readonly format: 'sabot-simulation'
  readonly version: 1
  readonly job: string
  /** Why it failed; null: it did not. */
  readonly reason: string | null
  readonly events: readonly TraceEvent[]
}

export function encodeTrace(trace: SavedTrace): string {
  return `${JSON.stringify(trace, undefined, 1)}\n`
}

/** @throws SabotError TRACE_INVALID for a text that is no saved trace, or one of a newer version */
export function decodeTrace(text: string): SavedTrace {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  const { format, version, seed, faults, events } = (value ?? {}) as Partial<SavedTrace>
  if (format !== 'sabot-simulation') throw invalid('it does not say so')
  if (version !== 1) throw invalid(`it is of version ${version}, and 1 is known`)
  if (typeof seed !== 'number' || typeof faults !== 'object' || !Array.isArray(events)) {
    throw invalid('its seed, faults or events are missing')
  }
  return value as SavedTrace
}

function invalid(reason: string, cause?: unknown): SabotError {
  return new SabotError('TRACE_INVALID', `This is no saved trace of a simulation: ${reason}`, { reason }, { cause })
}
