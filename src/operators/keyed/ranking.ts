import { DELETE, INSERT, type RowKind, UPDATE_AFTER, UPDATE_BEFORE } from '../../core/row-kind.js'
import type { Comparison } from './compare-values.js'

/**
 * What becomes of rows of equal value: 'earlier' and 'later': the one that came earlier (later) ranks higher, and each
 * has a rank of its own (SQL's ROW_NUMBER); 'all': they share the rank of the first of them (SQL's RANK).
 */
export type Ties = 'earlier' | 'later' | 'all'

/** A row among the best, by its number in the store, and the value that ranks it. */
export interface Ranked {
  readonly row: number
  readonly rank: unknown
}

/** A row of the changelog, with its rank from 1 on. */
export interface RankedChange {
  readonly row: number
  readonly rank: number
  readonly kind: RowKind
}

export interface RankingSettings {
  /** The highest rank that is kept. */
  readonly n: number
  readonly ties: Ties
  /** Whether a row takes the place of another as an update (-U +U), or the other is deleted (-D +I). */
  readonly updates: boolean
  /** Whether results show ranks: then a rank that changes is an update. */
  readonly showsRank: boolean
}

const NO_CHANGES: readonly RankedChange[] = []

/** Adds rows to lists of the best ones, best first, and tells what changes by it. */
export class Ranking {
  private readonly settings: RankingSettings
  private readonly compare: Comparison

  constructor(settings: RankingSettings, compare: Comparison) {
    this.settings = settings
    this.compare = compare
  }

  /**
   * Law: applied to what came before, the changes give `best` as it is then, with the ranks if they are shown. Where
   * nothing changes, the row is not taken. Rows that are not among the best any more are added to `gone`.
   */
  insert(best: Ranked[], value: unknown, row: number, gone: number[]): readonly RankedChange[] {
    const { n, ties, updates, showsRank } = this.settings
    const place = this.placeOf(best, value)
    if (this.rankAt(best, place, value) > n) return NO_CHANGES
    if (!showsRank && ties !== 'all') return replacedLast(best, place, { row, rank: value }, this.settings, gone)
    const before = showsRank ? best.map((ranked, at) => ({ ranked, rank: this.rankAt(best, at, ranked.rank) })) : []
    const added: Ranked = { row, rank: value }
    best.splice(place, 0, added)
    const out = best.splice(this.endOf(best))
    for (const { row: pushed } of out) gone.push(pushed)
    if (!showsRank) return replaced(added, out, updates)
    return ties === 'all' ? this.shifted(before, best, added, out) : movedUp(before, best)
  }

  /** Where a row comes among the others; behind those of equal value, but for 'later'. */
  private placeOf(best: readonly Ranked[], value: unknown): number {
    let place = best.length
    while (place > 0) {
      const order = this.compare((best[place - 1] as Ranked).rank, value)
      if (order < 0 || (order === 0 && this.settings.ties !== 'later')) break
      place--
    }
    return place
  }

  /** The rank of a row of this value at `place`. */
  private rankAt(best: readonly Ranked[], place: number, value: unknown): number {
    if (this.settings.ties !== 'all') return place + 1
    let first = place
    while (first > 0 && this.compare((best[first - 1] as Ranked).rank, value) === 0) first--
    return first + 1
  }

  /** How many rows stay. */
  private endOf(best: readonly Ranked[]): number {
    const { n, ties } = this.settings
    if (ties !== 'all' || best.length <= n) return Math.min(n, best.length)
    const last = (best[n - 1] as Ranked).rank
    let end = n
    while (end < best.length && this.compare((best[end] as Ranked).rank, last) === 0) end++
    return end
  }

  /** Ranks are shared, so that a row is known by itself: what goes, the rows whose ranks change, what comes. */
  private shifted(
    before: readonly { readonly ranked: Ranked; readonly rank: number }[],
    best: readonly Ranked[],
    added: Ranked,
    out: readonly Ranked[],
  ): readonly RankedChange[] {
    const goes = before.filter(({ ranked }) => out.includes(ranked))
    const changes = goes.map(({ ranked, rank }): RankedChange => ({ row: ranked.row, rank, kind: DELETE }))
    for (const { ranked, rank } of before) {
      if (out.includes(ranked)) continue
      const now = this.rankAt(best, best.indexOf(ranked), ranked.rank)
      if (now !== rank) changes.push(...update(ranked.row, rank, ranked.row, now))
    }
    changes.push({ row: added.row, rank: this.rankAt(best, best.indexOf(added), added.rank), kind: INSERT })
    return changes
  }
}

/** The same, where at most one row is pushed out. */
function replacedLast(
  best: Ranked[],
  place: number,
  added: Ranked,
  { n, updates }: RankingSettings,
  gone: number[],
): readonly RankedChange[] {
  const out = best.length < n ? undefined : best.pop()
  if (place === best.length) best.push(added)
  else best.splice(place, 0, added)
  const comes: RankedChange = { row: added.row, rank: 0, kind: out !== undefined && updates ? UPDATE_AFTER : INSERT }
  if (out === undefined) return [comes]
  gone.push(out.row)
  return [{ row: out.row, rank: 0, kind: updates ? UPDATE_BEFORE : DELETE }, comes]
}

/** Without ranks: what is pushed out goes, then the row comes. */
function replaced(added: Ranked, out: readonly Ranked[], updates: boolean): readonly RankedChange[] {
  const changes = out.map(({ row }): RankedChange => ({ row, rank: 0, kind: updates ? UPDATE_BEFORE : DELETE }))
  return [...changes, { row: added.row, rank: 0, kind: out.length > 0 && updates ? UPDATE_AFTER : INSERT }]
}

/** Each rank has one row, as in Flink's top n with rank numbers: from the new row on, each rank gets another. */
function movedUp(
  before: readonly { readonly ranked: Ranked; readonly rank: number }[],
  best: readonly Ranked[],
): readonly RankedChange[] {
  return best.flatMap((ranked, at): readonly RankedChange[] => {
    const old = before[at]?.ranked
    if (old === ranked) return NO_CHANGES
    if (old === undefined) return [{ row: ranked.row, rank: at + 1, kind: INSERT }]
    return update(old.row, at + 1, ranked.row, at + 1)
  })
}

function update(before: number, from: number, after: number, to: number): readonly RankedChange[] {
  return [
    { row: before, rank: from, kind: UPDATE_BEFORE },
    { row: after, rank: to, kind: UPDATE_AFTER },
  ]
}
