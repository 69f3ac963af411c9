import { SabotError } from '../core/errors.js'
import type { StreamTraits } from './stream.js'

/** @throws SabotError CHANGELOG_INPUT where rows of the stream may take earlier ones back. */
export function requireAppendOnly(method: string, { isChangelog = false }: Pick<StreamTraits, 'isChangelog'>): void {
  if (!isChangelog) return
  throw new SabotError(
    'CHANGELOG_INPUT',
    `${method} takes rows that stay as they are, but this stream's rows update and delete earlier ones: ` +
      `turn the row kind into a field with changelog('op') first, or take final results`,
    { method },
  )
}
