/* The three ranks of prices in q15, q16 and q17. */
interface Priced {
  readonly price: bigint
}

export const isRank1 = ({ price }: Priced): boolean => price < 10_000n
export const isRank2 = ({ price }: Priced): boolean => price >= 10_000n && price < 1_000_000n
export const isRank3 = ({ price }: Priced): boolean => price >= 1_000_000n

export const dayOf = ({ windowStart }: { readonly windowStart: number }): string => {
  return new Date(windowStart).toISOString().slice(0, 10)
}
