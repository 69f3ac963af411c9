import type { Registry } from '../registry.js'
import { assigners } from './assigners.js'
import { barriers } from './barriers.js'
import { beam } from './beam.js'
import { codecs } from './codecs.js'
import { errorBounds } from './error-bounds.js'
import { hashes } from './hash.js'
import { intervalJoins } from './interval-joins.js'
import { kafkaStreams } from './kafka-streams.js'
import { later } from './later.js'
import { partitioning } from './partitioning.js'
import { sessions } from './sessions.js'
import { streamTimeJoins } from './stream-time-joins.js'
import { timers } from './timers.js'
import { watermarks } from './watermarks.js'
import { windowJoins } from './window-joins.js'
import { windows } from './windows.js'

export const registry: Registry = {
  ...later,
  ...codecs,
  ...hashes,
  ...partitioning,
  ...assigners,
  ...barriers,
  ...timers,
  ...watermarks,
  ...windows,
  ...intervalJoins,
  ...windowJoins,
  ...streamTimeJoins,
  ...sessions,
  ...beam,
  ...kafkaStreams,
  ...errorBounds,
}
