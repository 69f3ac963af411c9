import { DELETE, INSERT, UPDATE_AFTER, UPDATE_BEFORE } from '../../core/row-kind.js'
import type { Comparison } from './compare-values.js'
import type { RankedChanges } from './ranked-changes.js'

/**
 * What becomes of rows of equal value: 'earlier' and 'later': the one that came earlier (later) ranks higher, and each
 * has a rank of its own (SQL's ROW_NUMBER); 'all': they share the rank of the first of them (SQL's RANK).
 */
export type Ties = 'earlier' | 'later' | 'all'

export interface RankingSettings {
  /** The highest rank that is kept. */
  readonly n: number
  readonly ties: Ties
  /** Whether a row takes the place of another as an update (-U +U), or the other is deleted (-D +I). */
  readonly updates: boolean
  /** Whether results show ranks: then a rank that changes is an update. */
  readonly showsRank: boolean
}

/** Where the values stand that rank rows, by the rows' numbers in the store. */
export type RankValues = unknown[]

/** Adds rows to lists of the best ones, best first, and tells what changes by it. Rows are numbers of a store. */
export class Ranking {
  private readonly settings: RankingSettings
  private readonly compare: Comparison
  private readonly values: RankValues

  constructor(settings: RankingSettings, compare: Comparison, values: RankValues) {
    this.settings = settings
    this.compare = compare
    this.values = values
  }

  /** Where a row of this value comes among the others; -1: it is not one of the best. */
  placeOf(best: readonly number[], value: unknown): number {
    const { compare, values } = this
    const { n, ties } = this.settings
    let place = best.length
    while (place > 0) {
      const order = compare(values[best[place - 1] as number], value)
      // Behind those of equal value, but for 'later'.
      if (order < 0 || (order === 0 && ties !== 'later')) break
      place--
    }
    return this.rankAt(best, place, value) > n ? -1 : place
  }

  /**
   * Puts a row at its place, where its value stands among the values already. Law: applied to what came before, the
   * changes give `best` as it is then, with the ranks if they are shown.
   */
  insert(best: number[], place: number, row: number, changes: RankedChanges): void {
    const { ties, updates, showsRank } = this.settings
    if (!showsRank && ties !== 'all') {
      this.replaceLast(best, place, row, changes)
      return
    }
    const before = showsRank ? best.map((other, at) => ({ row: other, rank: this.rankOf(best, at) })) : []
    best.splice(place, 0, row)
    const out = best.splice(this.endOf(best))
    for (const pushed of out) changes.leave(pushed)
    if (!showsRank) {
      for (const pushed of out) changes.note(pushed, 0, updates ? UPDATE_BEFORE : DELETE)
      changes.note(row, 0, out.length > 0 && updates ? UPDATE_AFTER : INSERT)
    } else if (ties === 'all') this.noteShifted(before, best, row, changes)
    else noteMoved(before, best, changes)
  }

  /** Where ranks do not show and ties have an order, at most one row is pushed out. */
  private replaceLast(best: number[], place: number, row: number, changes: RankedChanges): void {
    const { n, updates } = this.settings
    const isFull = best.length >= n
    if (isFull) {
      const out = best.pop() as number
      changes.leave(out)
      changes.note(out, 0, updates ? UPDATE_BEFORE : DELETE)
    }
    if (place === best.length) best.push(row)
    else best.splice(place, 0, row)
    changes.note(row, 0, isFull && updates ? UPDATE_AFTER : INSERT)
  }

  private rankOf(best: readonly number[], at: number): number {
    return this.rankAt(best, at, this.values[best[at] as number])
  }

  /** The rank of a row of this value at `place`. */
  private rankAt(best: readonly number[], place: number, value: unknown): number {
    if (this.settings.ties !== 'all') return place + 1
    let first = place
    while (first > 0 && this.compare(this.values[best[first - 1] as number], value) === 0) first--
    return first + 1
  }

  /** How many rows stay. */
  private endOf(best: readonly number[]): number {
    const { n, ties } = this.settings
    if (ties !== 'all' || best.length <= n) return Math.min(n, best.length)
    const last = this.values[best[n - 1] as number]
    let end = n
    while (end < best.length && this.compare(this.values[best[end] as number], last) === 0) end++
    return end
  }

  /** Ranks are shared, so that a row is known by itself: what goes, the rows whose ranks change, what comes. */
  private noteShifted(before: readonly Ranked[], best: readonly number[], added: number, changes: RankedChanges): void {
    for (const { row, rank } of before) if (!best.includes(row)) changes.note(row, rank, DELETE)
    for (const { row, rank } of before) {
      const at = best.indexOf(row)
      if (at < 0) continue
      const now = this.rankOf(best, at)
      if (now !== rank) noteUpdate(changes, { row, rank }, { row, rank: now })
    }
    changes.note(added, this.rankOf(best, best.indexOf(added)), INSERT)
  }
}

interface Ranked {
  readonly row: number
  readonly rank: number
}

/** Each rank has one row, as in Flink's top n with rank numbers: from the new row on, each rank gets another. */
function noteMoved(before: readonly Ranked[], best: readonly number[], changes: RankedChanges): void {
  for (const [at, row] of best.entries()) {
    const old = before[at]?.row
    if (old === row) continue
    if (old === undefined) changes.note(row, at + 1, INSERT)
    else noteUpdate(changes, { row: old, rank: at + 1 }, { row, rank: at + 1 })
  }
}

function noteUpdate(changes: RankedChanges, before: Ranked, after: Ranked): void {
  changes.note(before.row, before.rank, UPDATE_BEFORE)
  changes.note(after.row, after.rank, UPDATE_AFTER)
}
