import { SabotError } from '../core/errors.js'
import { IdlenessTimer } from '../core/idleness.js'
import { type Json, memberOf } from '../core/json.js'
import type { Source, SourceContext, SourceSplit } from '../operators/source.js'
import { SourcePump } from './source-pump.js'
import type { SourceNode } from './task-node.js'

/** A split of a source in a task: its pump, the node where its rows enter, and how far it has been taken. */
export interface TaskSource {
  readonly node: SourceNode
  readonly pump: SourcePump
  readonly idleness: IdlenessTimer | undefined
  /** undefined: the source has no splits. */
  readonly split: { readonly number: number; readonly id: string } | undefined
  position: Json
  isIdle: boolean
  /** Its last row has entered. */
  hasEnded: boolean
}

export interface OpeningContext extends Omit<SourceContext, 'position'> {
  /** What the checkpoint holds of the source, by former subtask; null: it came before the first row. */
  readonly positions: readonly Json[]
  /** Which of the splits are this subtask's: every `parallelism`th, from `index` on. */
  readonly share: { readonly index: number; readonly parallelism: number }
  readonly idleAfterMs: number
  onItem(): void
}

/**
 * Opens the splits of a source that are this subtask's, where they were. Those that had ended stay closed.
 * @throws SabotError SOURCE_CHANGED when a split of the checkpoint is gone; what the source throws
 */
export async function openSplits(source: Source, node: SourceNode, context: OpeningContext): Promise<TaskSource[]> {
  const { positions: former, share, idleAfterMs, onItem, ...reading } = context
  const splits = await source.splits?.({ files: context.files })
  const positions = splits && splitPositions(source, splits, former)
  const [position] = former
  const opened: TaskSource[] = []
  try {
    for (const [number, part] of (splits ?? [undefined]).entries()) {
      if (number % share.parallelism !== share.index) continue
      const known = part === undefined ? undefined : (positions?.get(part.id) ?? null)
      const hasEnded = memberOf(known ?? null, 'hasEnded') === true
      const from = (known === undefined ? position : memberOf(known, 'position')) ?? undefined
      const pump = hasEnded
        ? SourcePump.ended(onItem)
        : await SourcePump.open(part?.source ?? source, { ...reading, position: from }, onItem)
      const idleness = idleAfterMs > 0 ? new IdlenessTimer(idleAfterMs) : undefined
      const split = part && { number, id: part.id }
      opened.push({ node, pump, idleness, split, position: from ?? null, isIdle: false, hasEnded })
    }
    return opened
  } catch (cause) {
    for (const { pump } of opened) await pump.close().catch(() => undefined)
    throw cause
  }
}

/** The position of a source for a checkpoint. */
export function positionOf(splits: readonly TaskSource[]): Json {
  const [only] = splits
  if (only !== undefined && only.split === undefined) return only.position
  return {
    splits: splits.map(({ split, position, hasEnded }) => ({ id: split?.id ?? '', position, hasEnded })),
  }
}

function splitPositions(source: Source, known: readonly SourceSplit[], former: readonly Json[]): Map<string, Json> {
  const positions = new Map<string, Json>()
  if (former.some(position => position !== null && memberOf(position, 'splits') === undefined)) {
    throw new SabotError(
      'SOURCE_CHANGED',
      `${source.kind} ${source.description} had no splits at the checkpoint, now it has ${known.length}: read it as ` +
        'before, or begin anew without resuming',
      { splits: known.map(other => other.id) },
    )
  }
  const splits = former.flatMap((position): readonly Json[] => {
    const list = memberOf(position, 'splits')
    return Array.isArray(list) ? list : []
  })
  for (const split of splits) {
    const id = memberOf(split, 'id')
    if (typeof id !== 'string') continue
    if (known.every(other => other.id !== id)) {
      throw new SabotError(
        'SOURCE_CHANGED',
        `${source.kind} ${source.description} had a split ${id} at the checkpoint, which is gone: restore it, or begin ` +
          'anew without resuming',
        { split: id, splits: known.map(other => other.id) },
      )
    }
    positions.set(id, split)
  }
  return positions
}
