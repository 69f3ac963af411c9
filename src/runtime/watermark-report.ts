import type { JobMetrics } from './job-handle.js'

/** What one input of an operator, or one split of its source, has reached in event time. */
export interface InputWatermark {
  /** 'split 3 of source-1', 'source-1', 'windows'. */
  readonly name: string
  /** ms; -Infinity: none yet, +Infinity: it has ended. */
  readonly watermark: number
  /** Processing time at which it moved last, ms since the epoch; undefined: not in this run. */
  readonly sinceMs: number | undefined
  /** Only those that are active hold the watermark of the operator. */
  readonly status: 'active' | 'idle' | 'ended'
}

/** The watermark of an operator, and who holds it. */
export interface OperatorWatermark {
  readonly id: string
  readonly kind: string
  readonly watermark: number
  /** Processing time at which it moved last, ms since the epoch; undefined: not in this run. */
  readonly sinceMs: number | undefined
  readonly inputs: readonly InputWatermark[]
  /** Of the active inputs, the first that is furthest behind; undefined: none is active, so nobody holds it. */
  readonly holder: InputWatermark | undefined
}

/** Each operator with inputs, in the order of the graph. */
export function watermarkReport({ operators }: Pick<JobMetrics, 'operators'>): readonly OperatorWatermark[] {
  return operators
    .filter(({ inputs }) => inputs.length > 0)
    .map(({ id, kind, watermark, watermarkSinceMs, inputs }) => {
      return { id, kind, watermark, sinceMs: watermarkSinceMs, inputs, holder: holderOf(inputs) }
    })
}

/** In words: 'split 3 of source-1 holds it since 2026-01-01T10:00:05.000Z'. */
export function describeHolder({ holder, inputs }: OperatorWatermark): string {
  if (holder === undefined) return inputs.every(({ status }) => status === 'ended') ? 'it has ended' : 'all are idle'
  const since = holder.sinceMs === undefined ? '' : ` since ${new Date(holder.sinceMs).toISOString()}`
  const what = holder.watermark === Number.NEGATIVE_INFINITY ? 'has none yet' : `holds it${since}`
  return `${holder.name} ${what}`
}

/** The inputs of several subtasks as those of one operator: of one name, the furthest behind that is active counts. */
export function mergeInputs(subtasks: readonly (readonly InputWatermark[])[]): readonly InputWatermark[] {
  const merged = new Map<string, InputWatermark>()
  for (const input of subtasks.flat()) {
    const known = merged.get(input.name)
    if (known === undefined || isBehind(input, known)) merged.set(input.name, input)
  }
  return [...merged.values()]
}

function holderOf(inputs: readonly InputWatermark[]): InputWatermark | undefined {
  return inputs.reduce<InputWatermark | undefined>((holder, input) => {
    if (input.status !== 'active') return holder
    return holder === undefined || input.watermark < holder.watermark ? input : holder
  }, undefined)
}

const ORDER = { active: 0, idle: 1, ended: 2 } as const

function isBehind(a: InputWatermark, b: InputWatermark): boolean {
  return ORDER[a.status] < ORDER[b.status] || (a.status === b.status && a.watermark < b.watermark)
}
