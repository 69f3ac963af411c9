import { SabotError } from '../core/errors.js'
import type { SplitAlignment } from '../operators/operator.js'
import type { TaskSource } from './source-splits.js'

/** A split, and the operators behind it that tell its event time. */
interface Member {
  readonly source: TaskSource
  readonly group: string
  readonly alignments: SplitAlignment[]
}

/**
 * Which splits are not to be read now, since their event time is too far ahead of others in their group: those that all
 * subtasks of an executor read. The least advanced that is not idle is never held back, so a group always moves on.
 */
export class Alignment {
  private readonly members = new Map<TaskSource, Member>()
  private readonly listeners: (() => void)[] = []
  /** The least of each group when it was looked at last. */
  private readonly told = new Map<string, number>()

  /** @throws SabotError INVALID_OPTION for a split that is in another group: two groups could wait for one another */
  add(alignment: SplitAlignment, sources: readonly TaskSource[]): void {
    const { group } = alignment
    for (const source of sources) {
      const member = this.members.get(source) ?? { source, group, alignments: [] }
      if (member.group !== group) {
        throw new SabotError(
          'INVALID_OPTION',
          `Source ${source.node.id} is aligned with ${member.group} and with ${group}: give it one group`,
          { option: 'alignment.group', source: source.node.id },
        )
      }
      member.alignments.push(alignment)
      this.members.set(source, member)
    }
  }

  /** Calls back when splits may be read again that were held back. */
  onProgress(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** To be called when splits may have come on, turned idle or ended: tells who waits for it. */
  settle(): void {
    let hasChanged = false
    for (const group of new Set([...this.members.values()].map(member => member.group))) {
      const least = this.least(group)
      if (least === this.told.get(group)) continue
      this.told.set(group, least)
      hasChanged = true
    }
    if (hasChanged) for (const listener of this.listeners) listener()
  }

  holdsBack(source: TaskSource): boolean {
    const member = this.members.get(source)
    if (member === undefined || source.hasEnded) return false
    const least = this.least(member.group)
    return member.alignments.every(alignment => watermarkIn(alignment, source) > least + alignment.maxDriftMs)
  }

  /** Over those that have not ended and are not idle; +Infinity where there are none. */
  private least(group: string): number {
    let least = Number.POSITIVE_INFINITY
    for (const { source, alignments, group: other } of this.members.values()) {
      if (other !== group || source.hasEnded || source.isIdle) continue
      for (const alignment of alignments) least = Math.min(least, watermarkIn(alignment, source))
    }
    return least
  }
}

function watermarkIn(alignment: SplitAlignment, source: TaskSource): number {
  return alignment.watermarkOf(source.split?.number)
}
