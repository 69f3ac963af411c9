import { type Duration, formatDuration, parseDuration } from '../core/duration.js'
import { SabotError } from '../core/errors.js'
import { sliding as slidingGeometry, type WindowGeometry } from '../core/window-geometry.js'

/** How records are assigned to windows of event time. */
export interface WindowAssigner {
  readonly geometry: WindowGeometry
  /** In words: 'tumbling 1h'. */
  readonly description: string
}

export interface WindowOptions {
  /**
   * Shifts the windows, which else begin at multiples of the size (or slide) since 1970-01-01T00:00Z. Milliseconds may
   * be negative; the shift is smaller than the size (or slide).
   */
  readonly offset?: Duration
}

/**
 * Windows of one size, one behind the other: [start, start + size).
 * @throws SabotError INVALID_DURATION, INVALID_WINDOW
 */
export function tumbling(size: Duration, options: WindowOptions = {}): WindowAssigner {
  return assigner('tumbling', size, size, options)
}

/**
 * Windows of one size that begin every `slide`; a record is in size / slide of them (hopping windows, in SQL).
 * @throws SabotError INVALID_DURATION, INVALID_WINDOW
 */
export function sliding(size: Duration, slide: Duration, options: WindowOptions = {}): WindowAssigner {
  return assigner('sliding', size, slide, options)
}

function assigner(kind: string, size: Duration, slide: Duration, { offset = 0 }: WindowOptions): WindowAssigner {
  const offsetMs = typeof offset === 'number' && offset < 0 ? -parseDuration(-offset) : parseDuration(offset)
  const geometry = slidingGeometry(windowMs('size', size), windowMs('slide', slide), offsetMs)
  const every = size === slide ? '' : ` every ${formatDuration(geometry.slideMs)}`
  const from = offsetMs === 0 ? '' : ` from ${offsetMs < 0 ? '-' : ''}${formatDuration(Math.abs(offsetMs))}`
  return { geometry, description: `${kind} ${formatDuration(geometry.sizeMs)}${every}${from}` }
}

/** A negative size is a wrong window, not a wrong way to write a duration. */
function windowMs(what: string, value: Duration): number {
  if (typeof value === 'number' && value < 0) {
    throw new SabotError('INVALID_WINDOW', `The window's ${what} is ${value} ms; it must be more than 0`, {
      [what]: value,
    })
  }
  return parseDuration(value)
}
