/*
 * What a row does to the result before it. A stream whose rows are all inserts is an *append* stream, any other a
 * *changelog*. The four kinds and their short names are Flink's (org.apache.flink.types.RowKind).
 */

export const INSERT = 0
/** Takes back the row that the following UPDATE_AFTER replaces. */
export const UPDATE_BEFORE = 1
export const UPDATE_AFTER = 2
export const DELETE = 3

export type RowKind = typeof INSERT | typeof UPDATE_BEFORE | typeof UPDATE_AFTER | typeof DELETE

/** By row kind. */
export const ROW_KIND_NAMES = ['+I', '-U', '+U', '-D'] as const

/** Whether a row of this kind takes an earlier one back; it holds that row's values. */
export function takesBack(kind: number): boolean {
  return kind === UPDATE_BEFORE || kind === DELETE
}
