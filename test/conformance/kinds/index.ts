import type { Registry } from '../registry.js'
import { assigners } from './assigners.js'
import { errorBounds } from './error-bounds.js'
import { hashes } from './hash.js'
import { intervalJoins } from './interval-joins.js'
import { later } from './later.js'
import { partitioning } from './partitioning.js'
import { watermarks } from './watermarks.js'
import { windows } from './windows.js'

export const registry: Registry = {
  ...later,
  ...hashes,
  ...partitioning,
  ...assigners,
  ...watermarks,
  ...windows,
  ...intervalJoins,
  ...errorBounds,
}
