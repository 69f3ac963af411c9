/*
 * q17, auction statistics of a day: counts by price rank, least, greatest, mean and sum of prices. Output: append, when
 * the day is over.
 */
import { column, count, max, mean, min, sum, tumbling } from 'sabot'

import { query } from './query.js'
import { dayOf, isRank1, isRank2, isRank3 } from './ranks.js'

export default query('q17', 'append', ({ bids }) =>
  bids
    .keyBy('auction')
    .window(tumbling('1d'))
    .aggregate({
      totalBids: count(),
      rank1Bids: count().where(isRank1),
      rank2Bids: count().where(isRank2),
      rank3Bids: count().where(isRank3),
      minPrice: min('price'),
      maxPrice: max('price'),
      avgPrice: mean('price'),
      sumPrice: sum('price'),
    })
    .select({
      auction: 'auction',
      day: column('utf8', dayOf),
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
