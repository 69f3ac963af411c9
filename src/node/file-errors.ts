/* What the file system refused, as errors that people meet. */
import { SabotError } from '../core/errors.js'
import { systemCode, systemReason } from './durable.js'

export function unreadable(path: string, cause: unknown): SabotError {
  if (cause instanceof SabotError) return cause
  if (systemCode(cause) === 'ENOENT') {
    return new SabotError('FILE_NOT_FOUND', `There is no file ${path}`, { path }, { cause })
  }
  return new SabotError('FILE_UNREADABLE', `${path} cannot be read: ${systemReason(cause)}`, { path }, { cause })
}

export function unwritable(path: string, cause: unknown): SabotError {
  if (cause instanceof SabotError) return cause
  return new SabotError('FILE_UNWRITABLE', `${path} cannot be written: ${systemReason(cause)}`, { path }, { cause })
}
