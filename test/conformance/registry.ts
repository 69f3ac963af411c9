import { NotUnderstood, type Outcome, skip, type Vector } from './vector.js'

export type VectorRunner = (vector: Vector) => Outcome

/** kind -> what runs vectors of this kind. */
export type Registry = Readonly<Record<string, VectorRunner>>

/** Runs one vector. A runner that throws is a failure; a kind or a field that it does not know is a skip. */
export function runVector(registry: Registry, vector: Vector): Outcome {
  const runner = Object.hasOwn(registry, vector.kind) ? registry[vector.kind] : undefined
  if (!runner) return skip(`there is no runner for the kind ${vector.kind}`)
  try {
    return runner(vector)
  } catch (error) {
    if (error instanceof NotUnderstood) return skip(`the runner of ${vector.kind} does not know: ${error.message}`)
    return { status: 'failed', expected: vector.expected, got: String(error) }
  }
}
