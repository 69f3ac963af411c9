/*
 * Where windows lie in event time: pure functions of numbers. Operators and kernels compute no boundaries otherwise.
 *
 * A window is [start, end) in whole ms, its maximum timestamp end - 1. Windows start at offset + k * slide for every
 * whole k, negative ones too. Time is cut into slices of gcd(size, slide), which overlapping windows share.
 */
import { describeValue, SabotError } from './errors.js'

/** Longest size and slide: about 3,170 years. Every boundary within the range of a Date is then exact in a number. */
export const MAX_WINDOW_MS = 1e14
/** Most slices that one window may consist of. */
export const MAX_SLICES_PER_WINDOW = 65_536

/** Tumbling windows are sliding windows whose slide is their size. A natural stagger is an offset. */
export interface WindowGeometry {
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
  /** gcd(size, slide) */
  readonly sliceMs: number
}

export interface TimeWindow {
  /** Inclusive. */
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

function invalid(field: string, value: unknown, wanted: string, wayOut: string): SabotError {
  return new SabotError('INVALID_WINDOW', `${field} must be ${wanted}, not ${describeValue(value)}; ${wayOut}`, {
    field,
    value,
  })
}

function checkLength(field: string, value: number): void {
  if (!Number.isInteger(value) || value <= 0 || value > MAX_WINDOW_MS) {
    throw invalid(field, value, `a whole number of ms from 1 to ${MAX_WINDOW_MS}`, "give a duration such as '1h'")
  }
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}

/** Windows of `sizeMs`, one after the other. @throws SabotError INVALID_WINDOW */
export function tumbling(sizeMs: number, offsetMs = 0): WindowGeometry {
  return sliding(sizeMs, sizeMs, offsetMs)
}

/**
 * Windows of `sizeMs` that start every `slideMs`. A slide longer than the size leaves gaps, whose records are in no
 * window. @throws SabotError INVALID_WINDOW
 */
export function sliding(sizeMs: number, slideMs: number, offsetMs = 0): WindowGeometry {
  checkLength('size', sizeMs)
  checkLength('slide', slideMs)
  if (!Number.isInteger(offsetMs) || Math.abs(offsetMs) >= slideMs) {
    throw invalid(
      'offset',
      offsetMs,
      `a whole number of ms between -${slideMs} and ${slideMs}`,
      'take it modulo the slide',
    )
  }
  const sliceMs = gcd(sizeMs, slideMs)
  if (sizeMs / sliceMs > MAX_SLICES_PER_WINDOW) {
    throw invalid(
      'slide',
      slideMs,
      `such that a window of ${sizeMs} ms has at most ${MAX_SLICES_PER_WINDOW} slices of gcd(size, slide), ` +
        `here ${sizeMs / sliceMs} of ${sliceMs} ms`,
      'choose a slide that divides the size',
    )
  }
  return { sizeMs, slideMs, offsetMs: offsetMs + 0, sliceMs }
}

/** The start of the last window that starts at or before `timestamp`, in windows that start every `slideMs`. */
export function windowStart(timestamp: number, offsetMs: number, slideMs: number): number {
  return offsetMs + Math.floor((timestamp - offsetMs) / slideMs) * slideMs
}

/** The windows that contain a timestamp, by start ascending; none in a gap. */
export function windowsOf(geometry: WindowGeometry, timestamp: number): TimeWindow[] {
  const { sizeMs, slideMs, offsetMs } = geometry
  const windows: TimeWindow[] = []
  for (let start = windowStart(timestamp, offsetMs, slideMs); start + sizeMs > timestamp; start -= slideMs) {
    windows.push({ start, end: start + sizeMs })
  }
  return windows.reverse()
}

/** The number of the slice that contains a timestamp. */
export function sliceOf({ offsetMs, sliceMs }: WindowGeometry, timestamp: number): number {
  return Math.floor((timestamp - offsetMs) / sliceMs)
}

/** The end of the last window that contains a slice, or undefined when it lies in a gap. */
export function lastWindowEnd(
  { sizeMs, slideMs, offsetMs, sliceMs }: WindowGeometry,
  slice: number,
): number | undefined {
  const start = windowStart(offsetMs + slice * sliceMs, offsetMs, slideMs)
  return start + sizeMs > offsetMs + slice * sliceMs ? start + sizeMs : undefined
}

/**
 * The number of the last window that has ended at a watermark (rule 2 of time); windows are numbered by start, from the
 * one at the offset. -Infinity and +Infinity stay what they are.
 */
export function lastEndedWindow({ sizeMs, slideMs, offsetMs }: WindowGeometry, watermark: number): number {
  return Math.floor((watermark + 1 - sizeMs - offsetMs) / slideMs)
}

/**
 * Records with a smaller timestamp are late at a watermark: all of their windows have ended (rule 4 of time, without
 * allowed lateness).
 */
export function lateBelow(geometry: WindowGeometry, watermark: number): number {
  return geometry.offsetMs + (lastEndedWindow(geometry, watermark) + 1) * geometry.slideMs
}

/** Whether a timestamp lies between two windows, which happens where the slide is longer than the size. */
export function isInGap({ sizeMs, slideMs, offsetMs }: WindowGeometry, timestamp: number): boolean {
  return timestamp - windowStart(timestamp, offsetMs, slideMs) >= sizeMs
}

/** Rule 2 of time: a window fires when the watermark reaches its maximum timestamp. */
export function fires(end: number, watermark: number): boolean {
  return watermark >= end - 1
}

/** The watermark at which a window's state is dropped. It saturates: +Infinity is never reached but by end of input. */
export function cleanupTime(end: number, allowedLatenessMs: number): number {
  const time = end - 1 + allowedLatenessMs
  return time > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : time
}

/** Rule 3 of time: a window's state is dropped when the watermark reaches its cleanup time. */
export function isExpired(end: number, allowedLatenessMs: number, watermark: number): boolean {
  return watermark >= cleanupTime(end, allowedLatenessMs)
}

/** Rule 4 of time: a record is late for a window that has expired. */
export function isLateFor(end: number, allowedLatenessMs: number, watermark: number): boolean {
  return cleanupTime(end, allowedLatenessMs) <= watermark
}

/** Rule 5 of time: the timestamp of what a window puts out. */
export function outputTimestamp(end: number): number {
  return end - 1
}
