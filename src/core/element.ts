import type { Batch } from './batch.js'

/** End of input, as a watermark (rule 6 of time). */
export const END_OF_INPUT = Number.POSITIVE_INFINITY
/** Nothing is known of event time yet, as a watermark. */
export const NO_WATERMARK = Number.NEGATIVE_INFINITY

/**
 * What travels through a channel, in order.
 *
 * - `batch`: rows. Where event time is assigned, each row carries the watermark that was in force before it, so that
 *   what is late does not depend on how rows were cut into batches.
 * - `watermark`: no more records with timestamp <= `timestamp` (ms) will come. Watermarks never go back.
 * - `barrier`: everything before it belongs to checkpoint `checkpointId`, everything behind it does not.
 * - `idle` / `active`: the input stops / starts to count for the coalesced watermark; with `split`, that split of the
 *   source does. A source says `active` for each of its splits before the first row.
 * - `end`: nothing follows. A watermark of +Infinity has come before it.
 */
export type StreamElement =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'barrier'; readonly checkpointId: number }
  | { readonly kind: 'idle'; readonly split?: number | undefined }
  | { readonly kind: 'active'; readonly split?: number | undefined }
  | { readonly kind: 'end' }
