/*
 * Windows of several sizes over one stream share slices (Traub et al., "Scotty", 2018): a record is added to one slice
 * of its key, however many windows it is in, and a window is put together from its slices when it fires.
 */
import { lateBelow, type TimeWindow, type WindowGeometry, windowStart } from '../../core/window-geometry.js'
import type { Contents } from './contents.js'

/** Most slices that one window may consist of, so that a firing stays bounded. */
const MAX_SLICES = 65_536

/** How time is cut so that every window of all geometries consists of whole slices. Slice n is [offset + n * size, ...). */
export interface SliceGrid {
  readonly sizeMs: number
  readonly offsetMs: number
}

/** The coarsest grid for the geometries; undefined where a window would have too many slices. */
export function sliceGrid(geometries: readonly WindowGeometry[]): SliceGrid | undefined {
  const [first] = geometries
  if (first === undefined) return undefined
  let sizeMs = first.sliceMs
  for (const { sliceMs, offsetMs } of geometries) {
    sizeMs = gcd(gcd(sizeMs, sliceMs), Math.abs(offsetMs - first.offsetMs))
  }
  if (geometries.some(geometry => geometry.sizeMs / sizeMs > MAX_SLICES)) return undefined
  return { sizeMs, offsetMs: first.offsetMs }
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return x
}

export function sliceOf({ sizeMs, offsetMs }: SliceGrid, timestamp: number): number {
  return Math.floor((timestamp - offsetMs) / sizeMs)
}

/** The ends of the windows of a geometry that contain a slice, ascending. */
export function windowEnds({ sizeMs, slideMs, offsetMs }: WindowGeometry, grid: SliceGrid, slice: number): number[] {
  const start = grid.offsetMs + slice * grid.sizeMs
  const ends: number[] = []
  for (let from = windowStart(start, offsetMs, slideMs); from + sizeMs > start; from -= slideMs)
    ends.push(from + sizeMs)
  return ends.reverse()
}

/** Slices below this one are in no window any more at a watermark. */
export function deadBelow(geometries: readonly WindowGeometry[], grid: SliceGrid, watermark: number): number {
  return Math.min(...geometries.map(geometry => sliceOf(grid, lateBelow(geometry, watermark))))
}

export interface Slice {
  readonly number: number
  kept: unknown
}

/**
 * Running combination of a window that slides, as two stacks: for the older slices the combination of each with all
 * behind it, for the newer ones one combination. So a window that moves on by a slice costs a constant number of
 * combinations on average, whether or not the function can be inverted.
 */
export interface SlidingCombination {
  /** Older slices, ascending, and what each makes with those behind it up to `border`. */
  readonly front: readonly Slice[]
  /** The first of `front` that is still in the window. */
  next: number
  /** The first slice of the newer ones. */
  readonly border: number
  /** Behind the last slice of the newer ones. */
  end: number
  /** The newer ones; undefined: none. */
  back: unknown
}

/** The slices of one key. */
export class KeySlices {
  readonly slot: number
  /** Order in which keys came. */
  readonly sequence: number
  /** Ascending. */
  slices: Slice[] = []
  /** By geometry. */
  readonly combinations: (SlidingCombination | undefined)[] = []

  constructor(slot: number, sequence: number) {
    this.slot = slot
    this.sequence = sequence
  }

  /** Adds a record; says whether its slice is new. */
  add(contents: Contents, number: number, record: object, timestamp: number): boolean {
    const { slices } = this
    let at = slices.length
    while (at > 0 && (slices[at - 1]?.number ?? number) > number) at -= 1
    const existing = slices[at - 1]
    // What was combined does not hold for a slice that changes.
    for (const [index, combination] of this.combinations.entries()) {
      if (combination !== undefined && number < combination.end) this.combinations[index] = undefined
    }
    if (existing?.number === number) {
      existing.kept = contents.add(existing.kept, record, timestamp)
      return false
    }
    slices.splice(at, 0, { number, kept: contents.add(contents.create(), record, timestamp) })
    return true
  }

  /** Forgets slices below a number. */
  drop(below: number): void {
    const kept = this.slices.findIndex(({ number }) => number >= below)
    this.slices = kept < 0 ? [] : this.slices.slice(kept)
  }

  /**
   * All that is in slices [from, to), or undefined where nothing is; it must not be changed. For one geometry windows
   * are asked for in ascending order.
   */
  combined(contents: Contents, geometry: number, from: number, to: number): unknown {
    const combination = this.combinations[geometry]
    const isUsable = combination !== undefined && from < combination.border && to >= combination.end
    const current = isUsable ? combination : combine(contents, this.slices, from, to)
    this.combinations[geometry] = current
    this.extend(contents, current, to)
    const { front } = current
    while (current.next < front.length && (front[current.next]?.number ?? from) < from) current.next += 1
    const older = front[current.next]
    if (older === undefined) return current.back
    if (current.back === undefined) return older.kept
    return contents.merge(contents.merge(contents.create(), older.kept), current.back)
  }

  /** Builds a combination as it was: with this border, up to this end. */
  restoreCombination(contents: Contents, geometry: number, border: number, end: number): void {
    const [first] = this.slices
    const combination = combine(contents, this.slices, first?.number ?? border, border)
    this.combinations[geometry] = combination
    this.extend(contents, combination, end)
  }

  private extend(contents: Contents, combination: SlidingCombination, to: number): void {
    for (const { number, kept } of this.slices) {
      if (number < combination.end) continue
      if (number >= to) break
      combination.back = contents.merge(combination.back ?? contents.create(), kept)
    }
    combination.end = to
  }
}

/** All slices of a window as the older ones. */
function combine(contents: Contents, slices: readonly Slice[], from: number, to: number): SlidingCombination {
  const front: Slice[] = []
  let behind: unknown
  for (let index = slices.length - 1; index >= 0; index--) {
    const slice = slices[index]
    if (slice === undefined || slice.number >= to) continue
    if (slice.number < from) break
    const kept = contents.merge(contents.create(), slice.kept)
    behind = behind === undefined ? kept : contents.merge(kept, behind)
    front.push({ number: slice.number, kept: behind })
  }
  return { front: front.reverse(), next: 0, border: to, end: to, back: undefined }
}

/** The window of a geometry with this end. */
export function windowEnding({ sizeMs }: WindowGeometry, end: number): TimeWindow {
  return { start: end - sizeMs, end }
}
