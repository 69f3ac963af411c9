/* q16, statistics of a channel and day, with the minute of the last bid. Output: append, when the day is over. */
import { count, countDistinct, max, tumbling } from 'sabot'
import { query } from './query.js'
import { dayOf, isRank1, isRank2, isRank3 } from './ranks.js'

export default query('q16', 'append', ({ bids }) =>
  bids
    .keyBy('channel')
    .window(tumbling('1d'))
    .aggregate({
      last: max('dateTime'),
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
    .map(({ channel, windowStart, windowEnd: _, last, ...counts }) => {
      return { channel, day: dayOf({ windowStart }), minute: new Date(last).toISOString().slice(11, 16), ...counts }
    }),
)
