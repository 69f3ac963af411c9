import { SabotError } from '../core/errors.js'

/** Says in errors of a format which file they are about. */
export async function naming<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw named(path, cause)
  }
}

/** An error that says which file it is about, if it is one of ours. */
export function named(path: string, cause: unknown): unknown {
  if (!(cause instanceof SabotError)) return cause
  return new SabotError(cause.code, `${path}: ${cause.message}`, { ...cause.details, path }, { cause })
}
