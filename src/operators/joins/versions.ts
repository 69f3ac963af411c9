/** A row of a key that is valid from a time on. */
export interface Version {
  readonly time: number
  readonly slot: number
  /** From here on there is no row. */
  readonly isDeleted: boolean
}

export type AsOfDirection = 'backward' | 'forward' | 'nearest'

/** The versions of one key, by time; of equal times the one that came last is behind the others. */
export class Versions {
  private readonly all: Version[] = []

  get length(): number {
    return this.all.length
  }

  add(version: Version): void {
    const { all } = this
    let at = all.length
    while (at > 0 && (all[at - 1]?.time ?? 0) > version.time) at--
    all.splice(at, 0, version)
  }

  /** The version that a row of `time` meets. Of two that are equally near it is the earlier one. */
  find(time: number, direction: AsOfDirection, toleranceMs: number): Version | undefined {
    const behind = this.firstAfter(time)
    const before = this.all[behind - 1]
    // Of those at one time the last counts: also of those at the next time.
    const next = this.all[behind]
    const after = before?.time === time ? before : next && this.all[this.firstAfter(next.time) - 1]
    const isNear = (version: Version | undefined): version is Version => {
      return version !== undefined && Math.abs(version.time - time) <= toleranceMs
    }
    const found = direction === 'backward' ? before : direction === 'forward' ? after : nearer(before, after, time)
    return isNear(found) && !found.isDeleted ? found : undefined
  }

  /** Takes away the versions that another one follows at or before `time`, and that one too if it says "deleted". */
  settle(time: number): Version[] {
    const current = this.firstAfter(time) - 1
    if (current < 0) return []
    return this.all.splice(0, this.all[current]?.isDeleted === true ? current + 1 : current)
  }

  /** Takes away the versions of times up to `time`. */
  removeUpTo(time: number): Version[] {
    return this.all.splice(0, this.firstAfter(time))
  }

  private firstAfter(time: number): number {
    let low = 0
    let high = this.all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.all[middle]?.time ?? 0) <= time) low = middle + 1
      else high = middle
    }
    return low
  }
}

function nearer(before: Version | undefined, after: Version | undefined, time: number): Version | undefined {
  if (before === undefined || after === undefined) return before ?? after
  return after.time - time < time - before.time ? after : before
}
