/*
 * q17, auction statistics of a day: counts by price rank, least, greatest, mean and sum of prices. Output: append, when
 * the day is over.
 */
import { column, count, max, mean, min, sum, tumbling } from 'sabot'
import type { Bid } from './model.js'
import { query } from './query.js'

export default query('q17', 'append', ({ bids }) =>
  bids
    .keyBy('auction')
    .window(tumbling('1d'))
    .aggregate({
      totalBids: count(),
      rank1Bids: count().where((bid: Bid) => bid.price < 10_000n),
      rank2Bids: count().where((bid: Bid) => bid.price >= 10_000n && bid.price < 1_000_000n),
      rank3Bids: count().where((bid: Bid) => bid.price >= 1_000_000n),
      minPrice: min('price'),
      maxPrice: max('price'),
      avgPrice: mean('price'),
      sumPrice: sum('price'),
    })
    .select({
      auction: 'auction',
      day: column('utf8', row => new Date(row.windowStart).toISOString().slice(0, 10)),
      totalBids: 'totalBids',
      rank1Bids: 'rank1Bids',
      rank2Bids: 'rank2Bids',
      rank3Bids: 'rank3Bids',
      minPrice: 'minPrice',
      maxPrice: 'maxPrice',
      avgPrice: 'avgPrice',
      sumPrice: 'sumPrice',
    }),
)
