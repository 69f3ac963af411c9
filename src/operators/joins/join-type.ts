import type { JoinSide } from '../../kernel/interval-join.js'

/** Which rows come out without a partner: none, those of one side, or those of both. */
export type JoinType = 'inner' | 'left' | 'right' | 'full'

/** The side outputs of rows that came too late. */
export const LATE_OUTPUTS: Readonly<Record<JoinSide, string>> = { left: 'late-left', right: 'late-right' }

/** Whether rows of a side come out without a partner. */
export function isOuter(type: JoinType, side: JoinSide): boolean {
  return type === side || type === 'full'
}

/** The sides whose row may be missing in a result. */
export function nullableSides(type: JoinType): { readonly left: boolean; readonly right: boolean } {
  return { left: isOuter(type, 'right'), right: isOuter(type, 'left') }
}
