/* q14, calculation: bids of a middling price, with the time of day and how many letters c there are. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

const HOUR_MS = 3_600_000

export default query('q14', 'append', ({ bids }) =>
  bids
    .filter(bid => inEuros(bid.price) > 1_000_000 && inEuros(bid.price) < 50_000_000)
    .select({
      auction: 'auction',
      bidder: 'bidder',
      price: column('f64', bid => inEuros(bid.price)),
      bidTimeType: column('utf8', bid => timeOfDay(Math.floor(bid.dateTime / HOUR_MS) % 24)),
      dateTime: 'dateTime',
      extra: 'extra',
      cCounts: column('i32', bid => lettersC(bid.extra)),
    }),
)

function inEuros(price: bigint): number {
  return (Number(price) * 908) / 1000
}

function timeOfDay(hour: number): string {
  if (hour >= 8 && hour <= 18) return 'dayTime'
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime'
}

function lettersC(text: string): number {
  let count = 0
  for (let at = text.indexOf('c'); at >= 0; at = text.indexOf('c', at + 1)) count++
  return count
}
