/* q15, statistics of a day: bids, distinct bidders and auctions, by price rank. Output: append, when the day is over. */
import { count, countDistinct, tumbling } from 'sabot'
import { query } from './query.js'
import { dayOf, isRank1, isRank2, isRank3 } from './ranks.js'

export default query('q15', 'append', ({ bids }) =>
  bids
    .window(tumbling('1d'))
    .aggregate({
      totalBids: count(),
      rank1Bids: count().where(isRank1),
      rank2Bids: count().where(isRank2),
      rank3Bids: count().where(isRank3),
      totalBidders: countDistinct('bidder'),
      rank1Bidders: countDistinct('bidder').where(isRank1),
      rank2Bidders: countDistinct('bidder').where(isRank2),
      rank3Bidders: countDistinct('bidder').where(isRank3),
      totalAuctions: countDistinct('auction'),
      rank1Auctions: countDistinct('auction').where(isRank1),
      rank2Auctions: countDistinct('auction').where(isRank2),
      rank3Auctions: countDistinct('auction').where(isRank3),
    })
    .map(({ windowStart, windowEnd: _, ...counts }) => ({ day: dayOf({ windowStart }), ...counts })),
)
