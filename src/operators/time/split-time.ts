import { NO_WATERMARK } from '../../core/element.js'
import type { Json } from '../../core/json.js'
import { memberOf, numberMember } from '../../core/json.js'

/** What is known of event time in one split of the source. */
export interface SplitTime {
  /** The split's number in its source; undefined where the source has no splits. */
  readonly split: number | undefined
  /** Its place among the inputs of the coalesced watermark. */
  readonly slot: number
  /** The highest timestamp of its records, ms; those that were set aside do not count. */
  maxTimestamp: number
  watermark: number
  /** The state of a custom strategy. */
  state: Json
  isIdle: boolean
  /** The watermark that the coalesced one has taken in. */
  toldWatermark: number
  /** Processing time at which it moved last, ms; undefined: not since the operator was opened. */
  movedAtMs: number | undefined
}

export function newSplitTime(split: number | undefined, slot: number, state: Json): SplitTime {
  const none = NO_WATERMARK
  const times = { maxTimestamp: none, watermark: none, toldWatermark: none }
  return { split, slot, ...times, state, isIdle: false, movedAtMs: undefined }
}

export function splitTimeToJson({ split, maxTimestamp, watermark, state, isIdle }: SplitTime): Json {
  return {
    split: split ?? null,
    maxTimestamp: finiteOrNull(maxTimestamp),
    watermark: finiteOrNull(watermark),
    state,
    isIdle,
  }
}

export function splitTimeFromJson(json: Json, slot: number): SplitTime {
  const split = memberOf(json, 'split')
  return {
    split: typeof split === 'number' ? split : undefined,
    slot,
    maxTimestamp: numberMember(json, 'maxTimestamp', NO_WATERMARK),
    watermark: numberMember(json, 'watermark', NO_WATERMARK),
    toldWatermark: numberMember(json, 'watermark', NO_WATERMARK),
    state: memberOf(json, 'state') ?? null,
    isIdle: memberOf(json, 'isIdle') === true,
    movedAtMs: undefined,
  }
}

/** JSON has no infinities. */
function finiteOrNull(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null
}
